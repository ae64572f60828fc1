import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import type { KnownSource } from "../../freshtrack/generate";
import { type Call, type Reply, serveJson } from "./http";
import { type Outcome, type OutgoingHttp, postJson } from "./outgoing";

/** A webhook as The Things Stack keeps it; ids and times are its own. */
interface Webhook {
	base_url?: string;
	headers?: Record<string, string>;
	format?: string;
	uplink_message?: { path?: string };
	join_accept?: { path?: string };
}
interface StoredWebhook {
	id: string;
	createdAt: string;
	updatedAt: string;
	webhook: Webhook;
}

export interface TtnOptions {
	address: string;
	applicationId: string;
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

export interface Ttn {
	url: string;
	apiKey: string;
	applicationId: string;
	/** Lets a sensor send; gives the answer of the webhook that it reached. */
	uplink(uplink: Uplink): Promise<Outcome>;
	close(): Promise<void>;
}

const setRequest = z.object({
	webhook: z.object({
		ids: z.object({ webhook_id: z.string() }).optional(),
		base_url: z.string().optional(),
		headers: z.record(z.string(), z.string()).optional(),
		format: z.string().optional(),
		uplink_message: z.object({ path: z.string().optional() }).optional(),
		join_accept: z.object({ path: z.string().optional() }).optional(),
	}),
	field_mask: z.object({ paths: z.array(z.string()) }).optional(),
});

const FIELDS = [
	"base_url",
	"headers",
	"format",
	"uplink_message",
	"join_accept",
] as const;

/**
 * Stand-in for The Things Network: the webhook part of The Things Stack's
 * application server (https://www.thethingsindustries.com/docs/api/reference/http/routes/)
 * and sensors that send. Every organization has a webhook; one application holds
 * them all, and an uplink goes to that of the sensor's organization alone.
 */
export async function startTtn(options: TtnOptions): Promise<Ttn> {
	const service = new Service(options);
	const peer = await serveJson(options.address, (call) => service.handle(call));
	return {
		url: peer.url,
		apiKey: service.apiKey,
		applicationId: options.applicationId,
		uplink: (uplink) => service.uplink(uplink),
		close: () => peer.close(),
	};
}

class Service {
	readonly apiKey = `NNSXS.${randomBytes(20).toString("hex").toUpperCase()}`;
	readonly #webhooks = new Map<string, StoredWebhook>();
	#frames = 0;

	constructor(private readonly options: TtnOptions) {
		for (const organization of options.known.organizations) {
			this.#store(organization.webhookId, {
				base_url: options.legacy.baseUrl,
				format: "json",
				headers: { "X-Webhook-Secret": organization.webhookSecret },
				uplink_message: { path: options.legacy.path },
			});
		}
	}

	handle(call: Call): Reply {
		if (call.headers.authorization !== `Bearer ${this.apiKey}`)
			return failure(
				call.headers.authorization ? 403 : 401,
				call.headers.authorization ? 7 : 16,
				"no_rights",
				"no application rights",
			);
		const [application, id, ...rest] = call.url.pathname
			.replace(/^\/api\/v3\/as\/webhooks\/?/, "")
			.split("/");
		if (
			!call.url.pathname.startsWith("/api/v3/as/webhooks/") ||
			rest.length > 0
		)
			return failure(404, 5, "not_found", "not found");
		if (application !== this.options.applicationId)
			return failure(
				404,
				5,
				"application_not_found",
				`application \`${application}\` not found`,
			);
		const mask = call.url.searchParams
			.getAll("field_mask")
			.flatMap((value) => value.split(","));
		const bodyMask = call.url.searchParams.getAll("field_mask.paths");
		const paths = [...mask, ...bodyMask].filter(Boolean);
		if (!id) {
			if (call.method === "GET")
				return {
					status: 200,
					body: {
						webhooks: [...this.#webhooks.values()].map((stored) =>
							this.#present(stored, paths),
						),
					},
				};
			if (call.method === "POST") return this.#set(undefined, call.body);
			return failure(405, 12, "method_not_allowed", "method not allowed");
		}
		if (call.method === "PUT") return this.#set(id, call.body);
		const stored = this.#webhooks.get(id);
		if (!stored)
			return failure(404, 5, "webhook_not_found", "webhook not found");
		if (call.method === "GET")
			return { status: 200, body: this.#present(stored, paths) };
		if (call.method === "DELETE") {
			this.#webhooks.delete(id);
			return { status: 200, body: {} };
		}
		return failure(405, 12, "method_not_allowed", "method not allowed");
	}

	/** Writes the fields of the mask and no others: without a mask, none. */
	#set(id: string | undefined, body: unknown): Reply {
		const parsed = setRequest.safeParse(body);
		if (!parsed.success)
			return failure(400, 3, "invalid_argument", z.prettifyError(parsed.error));
		const { webhook, field_mask: mask } = parsed.data;
		const webhookId = id ?? webhook.ids?.webhook_id;
		if (!webhookId)
			return failure(400, 3, "invalid_identifiers", "invalid identifiers");
		const paths = mask?.paths ?? [];
		const next: Webhook = { ...this.#webhooks.get(webhookId)?.webhook };
		for (const field of FIELDS) {
			if (paths.includes(field))
				Object.assign(next, { [field]: webhook[field] });
			else if (
				(field === "uplink_message" || field === "join_accept") &&
				paths.includes(`${field}.path`)
			)
				next[field] = { ...next[field], path: webhook[field]?.path };
		}
		return {
			status: 200,
			body: this.#present(this.#store(webhookId, next), paths),
		};
	}

	#store(id: string, webhook: Webhook): StoredWebhook {
		const now = new Date().toISOString();
		const stored = {
			id,
			webhook,
			createdAt: this.#webhooks.get(id)?.createdAt ?? now,
			updatedAt: now,
		};
		this.#webhooks.set(id, stored);
		return stored;
	}

	/** Identifiers and times always, other fields only when asked for. */
	#present(
		{ id, webhook, createdAt, updatedAt }: StoredWebhook,
		paths: string[],
	) {
		const asked = FIELDS.filter((field) =>
			paths.some((path) => path === field || path.startsWith(`${field}.`)),
		);
		return {
			ids: {
				application_ids: { application_id: this.options.applicationId },
				webhook_id: id,
			},
			created_at: createdAt,
			updated_at: updatedAt,
			...Object.fromEntries(
				asked
					.filter((field) => webhook[field] !== undefined)
					.map((field) => [field, webhook[field]]),
			),
		};
	}

	async uplink(uplink: Uplink): Promise<Outcome> {
		const { known, applicationId, outgoing } = this.options;
		const devEui = (
			uplink.devEui ??
			known.sensors[0]?.devEui ??
			""
		).toUpperCase();
		const sensor = known.sensors.find(
			(candidate) => candidate.devEui === devEui,
		);
		// A device that nobody knows still reports through some organization's webhook.
		const organization =
			known.organizations.find(({ id }) => id === sensor?.organizationId) ??
			known.organizations[0];
		const stored = this.#webhooks.get(organization?.webhookId ?? "");
		if (!stored?.webhook.base_url || !stored.webhook.uplink_message)
			throw new Error(`no webhook takes uplinks of ${devEui}`);
		this.#frames += 1;
		const url = new URL(stored.webhook.base_url);
		url.pathname =
			`${url.pathname}/${stored.webhook.uplink_message.path ?? ""}`.replace(
				/\/{2,}/g,
				"/",
			);
		return postJson(
			url,
			{ ...stored.webhook.headers, "user-agent": "TheThingsStack (stand-in)" },
			message(applicationId, devEui, this.#frames, uplink),
			outgoing,
		);
	}
}

/** The body of an uplink as https://www.thethingsindustries.com/docs/integrations/data-formats/ shows it. */
function message(
	applicationId: string,
	devEui: string,
	count: number,
	uplink: Uplink,
) {
	const now = new Date().toISOString();
	return {
		end_device_ids: {
			device_id: `sensor-${devEui.toLowerCase()}`,
			application_ids: { application_id: applicationId },
			dev_eui: devEui,
			join_eui: "0000000000000000",
			dev_addr: "260CB229",
		},
		correlation_ids: [`as:up:${randomUUID()}`],
		received_at: now,
		uplink_message: {
			session_key_id: randomBytes(16).toString("base64"),
			f_port: uplink.fPort ?? 2,
			f_cnt: count,
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
					received_at: now,
				},
			],
			settings: {
				data_rate: { lora: { bandwidth: 125000, spreading_factor: 7 } },
				frequency: "904300000",
			},
			received_at: now,
			consumed_airtime: "0.056576s",
		},
	};
}

function failure(
	status: number,
	code: number,
	name: string,
	message: string,
): Reply {
	return {
		status,
		body: {
			code,
			message: `error:pkg/applicationserver:${name} (${message})`,
			details: [
				{
					"@type": "type.googleapis.com/ttn.lorawan.v3.ErrorDetails",
					namespace: "pkg/applicationserver",
					name,
					message_format: message,
					code,
				},
			],
		},
	};
}
