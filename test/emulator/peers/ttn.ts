import { randomBytes, randomUUID } from "node:crypto";
import type { KnownSource } from "../../freshtrack/generate";
import { type Call, type Reply, serveJson } from "./http";
import { type Outcome, type OutgoingHttp, postJson } from "./outgoing";
import { Application, failure } from "./ttn-application";

export interface TtnOptions {
	address: string;
	/** Every organization has an application of its own, called PREFIX-WEBHOOK. */
	applicationPrefix: string;
	/** Where the old system takes uplinks: base URL and path. */
	legacy: { baseUrl: string; path: string };
	known: Pick<KnownSource, "sensors" | "organizations">;
	/** How uplinks find their way: the emulator's DNS and certificates. */
	outgoing: OutgoingHttp;
}

export interface Uplink {
	/** Of a known sensor by default. */
	devEui?: string;
	/** °C or °F: decoded payloads carry what the sensor's decoder makes of it. */
	temperature: number;
	fPort?: number;
}

/** One try to hand an uplink to a webhook. */
export interface Delivery {
	applicationId: string;
	devEui: string;
	fCnt: number;
	/** When TTN took it from the gateway, RFC 3339. */
	receivedAt: string;
	url: string;
	/** null: no answer came. */
	status: number | null;
}

export interface Ttn {
	url: string;
	apiKey: string;
	applicationIds: string[];
	/** Lets a sensor send; gives the answer of the webhook that it reached. */
	uplink(uplink: Uplink): Promise<Outcome>;
	/** Every try, oldest first. A catch-up's posts are not TTN's, so are not among them. */
	deliveries: readonly Delivery[];
	/** Switches an application's storage integration on or off. */
	setStorage(applicationId: string, on: boolean): void;
	close(): Promise<void>;
}

/**
 * Stand-in for The Things Network: of The Things Stack's application server
 * (https://www.thethingsindustries.com/docs/api/reference/http/routes/) the
 * webhooks, the packages' associations and the storage integration, and sensors
 * that send. As there, a webhook gets each uplink once: what is refused is lost
 * to it (https://www.thethingsindustries.com/docs/integrations/webhooks/retries/).
 */
export async function startTtn(options: TtnOptions): Promise<Ttn> {
	const service = new Service(options);
	const peer = await serveJson(options.address, (call) => service.handle(call));
	return {
		url: peer.url,
		apiKey: service.apiKey,
		applicationIds: [...service.applications.keys()],
		uplink: (uplink) => service.uplink(uplink),
		deliveries: service.deliveries,
		setStorage(applicationId, on) {
			const application = service.applications.get(applicationId);
			if (!application) throw new Error(`no application ${applicationId}`);
			application.storageOn = on;
		},
		close: () => peer.close(),
	};
}

class Service {
	readonly apiKey = `NNSXS.${randomBytes(20).toString("hex").toUpperCase()}`;
	readonly applications = new Map<string, Application<StoredUplink>>();
	readonly deliveries: Delivery[] = [];
	/** Counters start with 0, as after a join. */
	readonly #frames = new Map<string, number>();

	constructor(private readonly options: TtnOptions) {
		for (const organization of options.known.organizations) {
			const application = new Application<StoredUplink>(
				this.#applicationOf(organization),
			);
			application.store(organization.webhookId, {
				base_url: options.legacy.baseUrl,
				format: "json",
				headers: { "X-Webhook-Secret": organization.webhookSecret },
				uplink_message: { path: options.legacy.path },
			});
			this.applications.set(application.id, application);
		}
	}

	#applicationOf({ webhookId }: { webhookId: string }): string {
		return `${this.options.applicationPrefix}-${webhookId}`;
	}

	handle(call: Call): Reply {
		if (call.headers.authorization !== `Bearer ${this.apiKey}`)
			return failure(
				call.headers.authorization ? 403 : 401,
				call.headers.authorization ? 7 : 16,
				"no_rights",
				"no application rights",
			);
		const [, webhooksOf, webhook = ""] =
			/^\/api\/v3\/as\/webhooks\/([^/]+)(?:\/([^/]+))?$/.exec(
				call.url.pathname,
			) ?? [];
		const [, packagesOf, rest = ""] =
			/^\/api\/v3\/as\/applications\/([^/]+)\/packages\/(.+)$/.exec(
				call.url.pathname,
			) ?? [];
		const id = webhooksOf ?? packagesOf;
		if (!id) return failure(404, 5, "not_found", "not found");
		const application = this.applications.get(id);
		if (!application)
			return failure(
				404,
				5,
				"application_not_found",
				`application \`${id}\` not found`,
			);
		return webhooksOf
			? application.handleWebhooks(call, webhook)
			: application.handlePackages(call, rest);
	}

	async uplink(uplink: Uplink): Promise<Outcome> {
		const { known } = this.options;
		const devEui = (
			uplink.devEui ??
			known.sensors[0]?.devEui ??
			""
		).toUpperCase();
		const sensor = known.sensors.find(
			(candidate) => candidate.devEui === devEui,
		);
		// A device that nobody knows still reports through some organization's application.
		const organization =
			known.organizations.find(({ id }) => id === sensor?.organizationId) ??
			known.organizations[0];
		const application =
			organization && this.applications.get(this.#applicationOf(organization));
		const [webhook] = application?.uplinkWebhooks() ?? [];
		if (!application || !webhook?.base_url)
			throw new Error(`no webhook takes uplinks of ${devEui}`);
		const fCnt = this.#frames.get(devEui) ?? 0;
		this.#frames.set(devEui, fCnt + 1);
		const body = message(application.id, devEui, fCnt, uplink);
		application.keep(body);
		const url = new URL(webhook.base_url);
		url.pathname =
			`${url.pathname}/${webhook.uplink_message?.path ?? ""}`.replace(
				/\/{2,}/g,
				"/",
			);
		const delivery: Delivery = {
			applicationId: application.id,
			devEui,
			fCnt,
			receivedAt: body.received_at,
			url: url.href,
			status: null,
		};
		this.deliveries.push(delivery);
		const outcome = await postJson(
			url,
			{ ...webhook.headers, "user-agent": "TheThingsStack (stand-in)" },
			body,
			this.options.outgoing,
		);
		delivery.status = outcome.status;
		return outcome;
	}
}

type StoredUplink = ReturnType<typeof message>;

/** What the network server takes to hand an uplink on. */
const NETWORK_MS = 150;

/** The body of an uplink as https://www.thethingsindustries.com/docs/integrations/data-formats/ shows it. */
function message(
	applicationId: string,
	devEui: string,
	count: number,
	uplink: Uplink,
) {
	// Finer than Date, as there, so that no two are of one moment.
	const now = performance.timeOrigin + performance.now();
	const heard = rfc3339(now - NETWORK_MS);
	return {
		end_device_ids: {
			device_id: `sensor-${devEui.toLowerCase()}`,
			application_ids: { application_id: applicationId },
			dev_eui: devEui,
			join_eui: "0000000000000000",
			dev_addr: "260CB229",
		},
		correlation_ids: [`as:up:${randomUUID()}`],
		received_at: rfc3339(now),
		uplink_message: {
			session_key_id: "AWNbm/4zfqx0jZ5q1NlBmw==",
			f_port: uplink.fPort ?? 2,
			// As everywhere in its JSON, 0 is left out.
			...(count > 0 ? { f_cnt: count } : {}),
			frm_payload: Buffer.from([
				0,
				Math.round(uplink.temperature * 10) & 0xff,
			]).toString("base64"),
			decoded_payload: {
				temperature: uplink.temperature,
				humidity: 61.5,
				battery: 3.6,
			},
			rx_metadata: [
				{
					gateway_ids: { gateway_id: "gateway-0", eui: "0016C00100000000" },
					rssi: -80,
					snr: 8.5,
					received_at: heard,
				},
			],
			settings: {
				data_rate: { lora: { bandwidth: 125000, spreading_factor: 7 } },
				frequency: "904300000",
			},
			received_at: heard,
			consumed_airtime: "0.056576s",
		},
	};
}

/** Milliseconds since 1970, with fractions, as text with nanoseconds. */
function rfc3339(at: number): string {
	const nanoseconds = Math.floor((at % 1) * 1_000_000);
	const digits = String(nanoseconds).padStart(6, "0");
	return new Date(at).toISOString().replace("Z", `${digits}Z`);
}
