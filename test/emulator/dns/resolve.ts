import type { Answer } from "dns-packet";
import type { Domain, DomainRecord, State } from "../state";
import type { HostTable } from "./hosts";
import { resourceRecord } from "./records";

/** What the server knows of a question, before it is put into a packet. */
export interface Resolution {
	rcode: "NOERROR" | "NXDOMAIN";
	answers: Answer[];
	/** The zone's SOA where the name or the type does not exist (RFC 2308). */
	authorities: Answer[];
}

/** A CNAME chain longer than this is taken for a loop and ends there. */
const longestChain = 8;

/** TTL of the database clusters' host names. */
const hostTtl = 30;

/**
 * Answers a question from the account's domains and host names; undefined when
 * neither is responsible for the name. The longest domain that is a suffix of
 * the name answers, so a domain below another needs no delegation.
 */
export function resolve(
	state: Pick<State, "domains">,
	hosts: HostTable,
	name: string,
	type: string,
): Resolution | undefined {
	const answers: Answer[] = [];
	let wanted = name.toLowerCase().replace(/\.$/, "");
	for (let step = 0; step < longestChain; step += 1) {
		const address = hosts.get(wanted);
		if (address) {
			if (type === "A" || type === "ANY")
				answers.push({ name: wanted, type: "A", ttl: hostTtl, data: address });
			return { rcode: "NOERROR", answers, authorities: [] };
		}
		const domain = zoneOf(state, wanted);
		// A chain that leaves the account is for the asker to follow.
		if (!domain)
			return step === 0
				? undefined
				: { rcode: "NOERROR", answers, authorities: [] };
		const records = recordsAt(domain, wanted);
		if (!records) return negative("NXDOMAIN", domain, answers);
		// The name asked for is echoed as it was written.
		const owner = step === 0 ? name.replace(/\.$/, "") : wanted;
		const fitting = records.filter(
			(record) => type === "ANY" || record.type === type,
		);
		answers.push(
			...fitting.map((record) => resourceRecord(domain, record, owner)),
		);
		if (fitting.length > 0)
			return { rcode: "NOERROR", answers, authorities: [] };
		const alias = records.find((record) => record.type === "CNAME");
		if (!alias) return negative("NOERROR", domain, answers);
		answers.push(resourceRecord(domain, alias, owner));
		wanted = alias.data === "@" ? domain.name : alias.data;
	}
	return { rcode: "NOERROR", answers, authorities: [] };
}

function zoneOf(
	{ domains }: Pick<State, "domains">,
	name: string,
): Domain | undefined {
	const labels = name.split(".");
	for (let from = 0; from < labels.length; from += 1) {
		const domain = domains.get(labels.slice(from).join("."));
		if (domain) return domain;
	}
	return undefined;
}

/**
 * The records of a name in its zone, wildcards included; empty for a name that
 * exists only as part of longer ones, undefined for one that does not exist.
 */
function recordsAt(domain: Domain, name: string): DomainRecord[] | undefined {
	const relative =
		name === domain.name ? "@" : name.slice(0, -domain.name.length - 1);
	const at = (owner: string) =>
		[...domain.records.values()].filter((record) => record.name === owner);
	const exists = (owner: string) =>
		[...domain.records.values()].some(
			(record) => record.name === owner || record.name.endsWith(`.${owner}`),
		);
	if (relative === "@") return at("@");
	if (exists(relative)) return at(relative);
	// RFC 4592: the wildcard below the closest ancestor that exists, no other.
	const labels = relative.split(".");
	for (let from = 1; from <= labels.length; from += 1) {
		const ancestor = labels.slice(from).join(".");
		if (ancestor !== "" && !exists(ancestor)) continue;
		const wildcard = at(ancestor === "" ? "*" : `*.${ancestor}`);
		return wildcard.length > 0 ? wildcard : undefined;
	}
	return undefined;
}

function negative(
	rcode: Resolution["rcode"],
	domain: Domain,
	answers: Answer[],
): Resolution {
	const soa = [...domain.records.values()].find(({ type }) => type === "SOA");
	return {
		rcode,
		answers,
		authorities: soa ? [resourceRecord(domain, soa, domain.name)] : [],
	};
}
