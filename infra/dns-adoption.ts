import * as digitalocean from "@pulumi/digitalocean";
import type { StateEntry } from "./last-state";
import { mistake } from "./mistake";

/** What is at DigitalOcean but not in this stack's state, and so is adopted. */
export interface Adoption {
	zone: boolean;
	/** By relative name; the API would create a second record of the same name. */
	records: Record<string, { zone: string; id: number }>;
}

/**
 * Looks for a zone and A records left by an earlier stack or made by hand.
 * Asks the API; changes nothing.
 *
 * @param domain the zone.
 * @param names relative names of the records.
 * @param state the stack's last.
 * @throws pulumi.RunError, which is printed without a stack trace, when the API
 *   refuses to answer or the zone holds two A records of one name.
 */
export async function findAdoption(
	domain: string,
	names: readonly string[],
	state: Record<string, StateEntry>,
): Promise<Adoption> {
	const managed = managedNames(state);
	const { domains } = await answered(
		digitalocean.getDomains({ filters: [{ key: "name", values: [domain] }] }),
	);
	if (!domains.some(({ name }) => name === domain)) {
		return { zone: false, records: {} };
	}
	const { records } = await answered(
		digitalocean.getRecords({
			domain,
			filters: [{ key: "type", values: ["A"] }],
		}),
	);
	return {
		zone: !managed.has(domain),
		records: unmanaged(domain, names, records, managed),
	};
}

/** The first calls of a deployment: a wrong token shows here, before any resource. */
async function answered<T>(call: Promise<T>): Promise<T> {
	try {
		return await call;
	} catch (error) {
		const found = error instanceof Error ? error.message.trim() : String(error);
		throw mistake(
			`expected DigitalOcean's API to list the account's domains\n   found ${found}\n   to do check DIGITALOCEAN_TOKEN (or digitalocean:token): it needs read and write scopes, and DIGITALOCEAN_API_URL where it is set; nothing was created or changed`,
		);
	}
}

interface Found {
	id: number;
	name: string;
	type: string;
}

/** The records to adopt: wanted, there, and not managed yet. */
export function unmanaged(
	domain: string,
	names: readonly string[],
	found: Found[],
	managed: ReadonlySet<string>,
): Adoption["records"] {
	const entries = names.flatMap((wanted) => {
		const same = found.filter(
			({ name, type }) => type === "A" && name === wanted,
		);
		if (same.length > 1) {
			throw mistake(
				`expected one A record "${wanted}" in zone ${domain}\n   found ${same.length}\n   to do remove all but one, then run this again`,
			);
		}
		return same
			.filter(() => !managed.has(`${domain} ${wanted}`))
			.map(({ id }) => [wanted, { zone: domain, id }] as const);
	});
	return Object.fromEntries(entries);
}

/**
 * Zones ("zone") and records ("zone name") in the stack's last state. `import`
 * must be left out for them: a record is imported by "zone,id" but known by its
 * id, and the engine takes two different texts for a replacement.
 */
function managedNames(state: Record<string, StateEntry>): ReadonlySet<string> {
	return new Set(
		Object.values(state).flatMap(({ type, outputs: { domain, name } }) => {
			if (type === "digitalocean:index/domain:Domain") return [`${name}`];
			if (type === "digitalocean:index/dnsRecord:DnsRecord") {
				return [`${domain} ${name}`];
			}
			return [];
		}),
	);
}
