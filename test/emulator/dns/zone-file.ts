import type { Domain, DomainRecord } from "../state";
import { soaData } from "./records";

/** The zone in master file form (RFC 1035 section 5), as the domains API shows it. */
export function zoneFile(domain: Domain): string {
	const soa = soaData(domain);
	return [
		`$ORIGIN ${domain.name}.`,
		`$TTL ${domain.ttl}`,
		`${domain.name}. IN SOA ${soa.mname}. ${soa.rname}. ${soa.serial} ${soa.refresh} ${soa.retry} ${soa.expire} ${soa.minimum}`,
		...[...domain.records.values()]
			.filter((record) => record.type !== "SOA")
			.map((record) => line(domain, record)),
		"",
	].join("\n");
}

function line(domain: Domain, record: DomainRecord): string {
	const owner =
		record.name === "@" ? `${domain.name}.` : `${record.name}.${domain.name}.`;
	return `${owner} ${record.ttl} IN ${record.type} ${data(domain, record)}`;
}

function data(domain: Domain, record: DomainRecord): string {
	const host = record.data === "@" ? `${domain.name}.` : `${record.data}.`;
	switch (record.type) {
		case "CNAME":
		case "NS":
			return host;
		case "MX":
			return `${record.priority} ${host}`;
		case "SRV":
			return `${record.priority} ${record.weight} ${record.port} ${host}`;
		case "TXT":
			return JSON.stringify(record.data);
		case "CAA":
			return `${record.flags} ${record.tag} ${JSON.stringify(record.data)}`;
		default:
			return record.data;
	}
}
