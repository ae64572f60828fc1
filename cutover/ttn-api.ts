import { z } from "zod";
import { http } from "./http";

/** How The Things Stack is reached. */
export const ttnAccess = z.strictObject({
	/** For instance https://nam1.cloud.thethings.network. */
	apiUrl: z.string(),
	/**
	 * Of a user or an organization with rights in all the applications: to edit their
	 * basic settings, to read their traffic, and to see their packages.
	 */
	apiKey: z.string(),
	applicationIds: z.array(z.string()),
});

export type TtnAccess = z.infer<typeof ttnAccess>;

const webhook = z.object({
	ids: z.object({ webhook_id: z.string() }),
	base_url: z.string(),
	headers: z.record(z.string(), z.string()).default({}),
	uplink_message: z.object({ path: z.string().default("") }).optional(),
});

/** Where a webhook posts to. */
export const place = z.object({
	applicationId: z.string(),
	id: z.string(),
	baseUrl: z.string(),
	/** Absent where it takes no uplinks. */
	uplinkPath: z.string().optional(),
});

export type Place = z.infer<typeof place>;

/** A webhook as it is now. The headers hold its secret. */
export type Webhook = Place & { headers: Record<string, string> };

const uplink = z.looseObject({
	end_device_ids: z.looseObject({
		device_id: z.string(),
		dev_eui: z.string().optional(),
	}),
	received_at: z.string(),
	uplink_message: z.looseObject({
		session_key_id: z.string().optional(),
		f_cnt: z.number().optional(),
		received_at: z.string().optional(),
	}),
});

/** An uplink as storage keeps it, which is as webhooks get it. */
export type Uplink = z.output<typeof uplink>;

const line = z.object({
	result: uplink.optional(),
	error: z.unknown().optional(),
});

const associations = z.object({
	defaults: z
		.array(z.object({ package_name: z.string().optional() }))
		.default([]),
});

/**
 * The Things Stack's application server, the parts that a cutover needs:
 * https://www.thethingsindustries.com/docs/api/reference/http/routes/ (webhooks, with field
 * masks), https://www.thethingsindustries.com/docs/integrations/storage/retrieve/ (stored
 * uplinks) and https://www.thethingsindustries.com/docs/api/reference/grpc/application_packages/
 * (whether an application stores any).
 */
export class Ttn {
	/** @param page uplinks to ask for at a time. */
	constructor(
		private readonly access: TtnAccess,
		private readonly page = 1000,
	) {}

	/** The webhooks of every application, with the secrets that they send. */
	async webhooks(): Promise<Webhook[]> {
		const lists = await Promise.all(
			this.access.applicationIds.map(async (applicationId) => {
				const { body } = await this.#call(
					"GET",
					`webhooks/${applicationId}?field_mask=base_url,headers,uplink_message`,
				);
				const { webhooks } = z
					.object({ webhooks: z.array(webhook).default([]) })
					.parse(JSON.parse(body));
				return webhooks.map(({ ids, base_url, headers, uplink_message }) => ({
					applicationId,
					id: ids.webhook_id,
					baseUrl: base_url,
					...(uplink_message ? { uplinkPath: uplink_message.path } : {}),
					headers,
				}));
			}),
		);
		return lists.flat();
	}

	/** Gives a webhook an address, and its path for uplinks where it takes any; nothing else of it. */
	async point({
		applicationId,
		id,
		baseUrl,
		uplinkPath,
	}: Place): Promise<void> {
		const takesUplinks = uplinkPath !== undefined;
		await this.#call("PUT", `webhooks/${applicationId}/${id}`, {
			webhook: {
				ids: { webhook_id: id },
				base_url: baseUrl,
				...(takesUplinks ? { uplink_message: { path: uplinkPath } } : {}),
			},
			field_mask: {
				paths: ["base_url", ...(takesUplinks ? ["uplink_message.path"] : [])],
			},
		});
	}

	/** The time by TTN's clock, which stamps the uplinks too; its fractions of a second are cut off. */
	async now(): Promise<Date> {
		const [applicationId] = this.access.applicationIds;
		const { date } = await this.#call("GET", `webhooks/${applicationId}`);
		return date;
	}

	/** The applications that store no uplinks. */
	async withoutStorage(): Promise<string[]> {
		const stores = await Promise.all(
			this.access.applicationIds.map(async (applicationId) => {
				const { body } = await this.#call(
					"GET",
					`applications/${applicationId}/packages/associations?field_mask=package_name`,
				);
				return associations
					.parse(JSON.parse(body))
					.defaults.some(
						({ package_name: name }) => name === "storage-integration",
					);
			}),
		);
		return this.access.applicationIds.filter((_id, index) => !stores[index]);
	}

	/**
	 * What an application's storage holds, oldest first, each uplink once.
	 *
	 * @param window by the time that the application server stamped, ends excluded.
	 */
	async stored(
		applicationId: string,
		window: { after: Date; before: Date },
	): Promise<Uplink[]> {
		const found = new Map<string, Uplink>();
		let { after } = window;
		let limit = this.page;
		for (;;) {
			const parameters = new URLSearchParams({
				after: after.toISOString(),
				before: window.before.toISOString(),
				order: "received_at",
				limit: String(limit),
			});
			const { body } = await this.#call(
				"GET",
				`applications/${applicationId}/packages/storage/uplink_message?${parameters}`,
			);
			const page = body.split("\n").filter(Boolean).map(uplinkOf);
			const before = found.size;
			for (const one of page) found.set(keyOf(one), one);
			const last = page.at(-1);
			if (!last || page.length < limit) break;
			// A page may end between two of one moment, so a moment is asked for again;
			// one that fills a page needs a larger one.
			if (found.size === before) limit *= 2;
			after = new Date(Date.parse(last.received_at) - 1);
		}
		return [...found.values()];
	}

	async #call(
		method: string,
		path: string,
		json?: unknown,
	): Promise<{ body: string; date: Date }> {
		const answer = await http(`${this.access.apiUrl}/api/v3/as/${path}`, {
			method,
			headers: {
				authorization: `Bearer ${this.access.apiKey}`,
				// Storage asks for it, and answers JSON by lines.
				...(path.includes("/storage/") ? { accept: "text/event-stream" } : {}),
			},
			json,
			timeoutMs: 30_000,
		});
		if (answer.status !== 200) {
			const where = path.replace(/\?.*/, "");
			throw new Error(
				`${method} ${where}: TTN answered ${answer.status} ${answer.body.slice(0, 300)}`,
			);
		}
		return {
			body: answer.body,
			date: new Date(String(answer.headers.date ?? new Date().toUTCString())),
		};
	}
}

function uplinkOf(text: string): Uplink {
	const { result, error } = line.parse(JSON.parse(text));
	if (!result) throw new Error(`TTN's storage: ${JSON.stringify(error)}`);
	return result;
}

/** An uplink's frame counter; left out of its JSON where it is 0, as every empty field is. */
export function frameCount({ uplink_message: message }: Uplink): number {
	return message.f_cnt ?? 0;
}

/** One frame of one device. */
function keyOf(uplink: Uplink): string {
	const { end_device_ids: ids, uplink_message: message } = uplink;
	const session = message.session_key_id ?? "";
	return `${ids.device_id}/${session}/${frameCount(uplink)}/${uplink.received_at}`;
}
