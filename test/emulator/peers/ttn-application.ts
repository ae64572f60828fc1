import { z } from "zod";
import type { Call, Reply } from "./http";

/** A webhook as The Things Stack keeps it; ids and times are its own. */
export interface Webhook {
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

/** The part of an upstream message that storage is asked by. */
export interface Message {
	/** RFC 3339 with nanoseconds, UTC: text sorts as time does. */
	received_at: string;
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

/** https://www.thethingsindustries.com/docs/integrations/application-packages/using-the-api/ */
const STORAGE_PACKAGE = "storage-integration";
const STORAGE_PORT = 200;

/** One application of The Things Stack: its webhooks, and what its storage integration keeps. */
export class Application<Stored extends Message> {
	storageOn = true;
	readonly #webhooks = new Map<string, StoredWebhook>();
	readonly #stored: Stored[] = [];

	constructor(readonly id: string) {}

	/** Webhooks that take uplinks. */
	uplinkWebhooks(): Webhook[] {
		return [...this.#webhooks.values()]
			.map(({ webhook }) => webhook)
			.filter(({ base_url, uplink_message }) => base_url && uplink_message);
	}

	keep(message: Stored): void {
		if (this.storageOn) this.#stored.push(message);
	}

	/** …/as/webhooks/APPLICATION, and `id` behind it or "". */
	handleWebhooks(call: Call, id: string): Reply {
		const paths = ["field_mask", "field_mask.paths"]
			.flatMap((name) => call.url.searchParams.getAll(name))
			.flatMap((value) => value.split(","))
			.filter(Boolean);
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
			return notAllowed;
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
		return notAllowed;
	}

	/**
	 * …/as/applications/APPLICATION/packages/`rest`: default associations, of which
	 * storage is one, and the stored uplinks: one JSON object a line, each in "result".
	 */
	handlePackages(call: Call, rest: string): Reply {
		if (rest === "associations" && call.method === "GET")
			return {
				status: 200,
				body: this.storageOn ? { defaults: [this.#association()] } : {},
			};
		if (rest === `associations/${STORAGE_PORT}` && call.method === "PUT") {
			this.storageOn = true;
			return { status: 200, body: this.#association() };
		}
		if (rest === "storage/uplink_message" && call.method === "GET")
			return {
				status: 200,
				headers: { "content-type": "text/event-stream" },
				body: this.#query(call.url.searchParams)
					.map((result) => `${JSON.stringify({ result })}\n\n`)
					.join(""),
			};
		return failure(404, 5, "not_found", "not found");
	}

	#query(parameters: URLSearchParams): Stored[] {
		const after = instant(parameters.get("after"));
		const before = instant(parameters.get("before"));
		const found = this.#stored
			.filter(
				({ received_at: at }) =>
					(!after || at > after) && (!before || at < before),
			)
			.sort((one, other) => (one.received_at < other.received_at ? -1 : 1));
		if (parameters.get("order") !== "received_at") found.reverse();
		return found.slice(0, Number(parameters.get("limit") ?? found.length));
	}

	#association() {
		return {
			ids: {
				application_ids: { application_id: this.id },
				f_port: STORAGE_PORT,
			},
			package_name: STORAGE_PACKAGE,
		};
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
			body: this.#present(this.store(webhookId, next), paths),
		};
	}

	store(id: string, webhook: Webhook): StoredWebhook {
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
				application_ids: { application_id: this.id },
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
}

/** A time to compare with stored ones, digit by digit. */
function instant(text: string | null): string | undefined {
	return text?.replace(/(\.\d+)?Z$/, (fraction) =>
		`${fraction.slice(0, -1) || "."}000000000`.slice(0, 10).concat("Z"),
	);
}

export function failure(
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

const notAllowed = failure(405, 12, "method_not_allowed", "method not allowed");
