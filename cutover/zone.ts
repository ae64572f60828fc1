import { z } from "zod";
import { UserError } from "./errors";

const record = z.object({
	id: z.number(),
	type: z.string(),
	name: z.string(),
	data: z.string(),
	ttl: z.number(),
});

export type ZoneRecord = z.infer<typeof record>;

/**
 * The records of one zone in DigitalOcean's DNS, by its public API. The token
 * comes from DIGITALOCEAN_TOKEN, the endpoint from DIGITALOCEAN_API_URL when
 * set: the same variables that the Pulumi provider reads.
 */
export class Zone {
	constructor(readonly domain: string) {}

	/** All records of one type; names are relative, "@" for the zone itself. */
	async records(type: string): Promise<ZoneRecord[]> {
		const answer = await this.#call(
			"GET",
			`/records?type=${type}&per_page=200`,
		);
		return z.object({ domain_records: z.array(record) }).parse(answer)
			.domain_records;
	}

	/** Gives a record another value; nothing is removed in between. */
	async setValue(recordId: number, data: string): Promise<void> {
		await this.#call("PATCH", `/records/${recordId}`, { data });
	}

	async add(entry: {
		type: string;
		name: string;
		data: string;
		ttl: number;
	}): Promise<ZoneRecord> {
		const answer = await this.#call("POST", "/records", entry);
		return z.object({ domain_record: record }).parse(answer).domain_record;
	}

	/** Removing what is gone already is no error. */
	async remove(recordId: number): Promise<void> {
		await this.#call("DELETE", `/records/${recordId}`, undefined, [404]);
	}

	async #call(
		method: string,
		path: string,
		body?: unknown,
		alsoFine: number[] = [],
	): Promise<unknown> {
		const token = process.env.DIGITALOCEAN_TOKEN;
		if (!token) {
			throw new UserError({
				expected: "a DigitalOcean API token in DIGITALOCEAN_TOKEN",
				found: "none",
				fix: "export DIGITALOCEAN_TOKEN=… with the scopes domain:read and domain:update",
			});
		}
		const base =
			process.env.DIGITALOCEAN_API_URL ?? "https://api.digitalocean.com";
		const url = new URL(`/v2/domains/${this.domain}${path}`, base);
		const answer = await fetch(url, {
			method,
			headers: {
				authorization: `Bearer ${token}`,
				...(body ? { "content-type": "application/json" } : {}),
			},
			...(body ? { body: JSON.stringify(body) } : {}),
			signal: AbortSignal.timeout(30_000),
		});
		const text = await answer.text();
		if (!answer.ok && !alsoFine.includes(answer.status)) {
			throw new Error(
				`${method} ${url.pathname}: DigitalOcean answered ${answer.status} ${text.slice(0, 300)}`,
			);
		}
		return text ? JSON.parse(text) : undefined;
	}
}
