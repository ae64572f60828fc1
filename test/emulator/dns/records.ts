import type { Answer, SoaData } from "dns-packet";
import type { Domain, DomainRecord } from "../state";

/** Name server and timers that DigitalOcean puts into the SOA of each of its zones. */
export function soaData(domain: Domain): Required<SoaData> {
	return {
		mname: "ns1.digitalocean.com",
		rname: `hostmaster.${domain.name}`,
		serial: domain.serial,
		refresh: 10800,
		retry: 3600,
		expire: 604800,
		minimum: 1800,
	};
}

/** TXT data goes over the wire in strings of at most 255 bytes (RFC 1035 section 3.3). */
const txtChunk = 255;

/** A record of the account as a resource record of the name that was asked for. */
export function resourceRecord(
	domain: Domain,
	record: DomainRecord,
	name: string,
): Answer {
	const base = { name, ttl: record.ttl, class: "IN" as const };
	const host = record.data === "@" ? domain.name : record.data;
	switch (record.type) {
		case "SOA":
			return { ...base, type: "SOA", data: soaData(domain) };
		case "A":
		case "AAAA":
			return { ...base, type: record.type, data: record.data };
		case "CNAME":
		case "NS":
			return { ...base, type: record.type, data: host };
		case "MX":
			return {
				...base,
				type: "MX",
				data: { preference: record.priority ?? 0, exchange: host },
			};
		case "SRV":
			return {
				...base,
				type: "SRV",
				data: {
					priority: record.priority ?? 0,
					weight: record.weight ?? 0,
					port: record.port ?? 0,
					target: host,
				},
			};
		case "TXT":
			return { ...base, type: "TXT", data: chunks(record.data) };
		case "CAA":
			return {
				...base,
				type: "CAA",
				data: {
					flags: record.flags ?? 0,
					// checkTag in record-data.ts lets no other value in.
					tag: record.tag as "issue" | "issuewild" | "iodef",
					value: record.data,
				},
			};
	}
}

function chunks(text: string): Buffer[] {
	const bytes = Buffer.from(text);
	const parts: Buffer[] = [];
	for (let at = 0; at < bytes.length || at === 0; at += txtChunk)
		parts.push(bytes.subarray(at, at + txtChunk));
	return parts;
}
