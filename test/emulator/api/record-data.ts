import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { type DomainRecord, type RecordType, recordTypes } from "../state";
import { unprocessable } from "./errors";

/** What a request may say of a record; which keys count depends on the type. */
export const recordRequest = z.object({
	type: z.enum(recordTypes).optional(),
	name: z.string().nullish(),
	data: z.string().nullish(),
	ttl: z.int().nullish(),
	priority: z.int().min(0).max(65535).nullish(),
	port: z.int().min(0).max(65535).nullish(),
	weight: z.int().min(0).max(65535).nullish(),
	flags: z.int().min(0).max(255).nullish(),
	tag: z.string().nullish(),
});
export type RecordRequest = z.infer<typeof recordRequest>;

/** TTL of records that name none, and of DigitalOcean's own. */
export const defaultTtl = 1800;
/** DigitalOcean takes no lower one. */
const lowestTtl = 30;

/** Types whose data is a host name: given with a final dot, answered without. */
const hostTypes: RecordType[] = ["CNAME", "NS", "MX", "SRV"];

/**
 * The record that a request makes of `before` (undefined for a new one).
 * Throws a 422 with DigitalOcean's message for data that does not fit the type.
 */
export function recordFrom(
	zone: string,
	id: number,
	request: RecordRequest,
	before?: DomainRecord,
): DomainRecord {
	const type = request.type ?? before?.type;
	if (!type) throw unprocessable("Type can't be blank");
	const ttl = request.ttl ?? before?.ttl ?? defaultTtl;
	if (ttl < lowestTtl)
		throw unprocessable(`Ttl must be greater than or equal to ${lowestTtl}`);
	const pick = (
		types: RecordType[],
		key: "priority" | "port" | "weight" | "flags",
	): number | null =>
		types.includes(type) ? (request[key] ?? before?.[key] ?? 0) : null;
	return {
		id,
		type,
		name: request.name
			? relativeName(zone, request.name)
			: (before?.name ?? missing("Name")),
		data: request.data
			? checkData(type, request.data)
			: (before?.data ?? missing("Data")),
		ttl,
		priority: pick(["MX", "SRV"], "priority"),
		port: pick(["SRV"], "port"),
		weight: pick(["SRV"], "weight"),
		flags: pick(["CAA"], "flags"),
		tag:
			type === "CAA"
				? checkTag(request.tag ?? before?.tag ?? missing("Tag"))
				: null,
	};
}

function missing(what: string): never {
	throw unprocessable(`${what} can't be blank`);
}

/** A name with a final dot is absolute and must lie in the zone. */
function relativeName(zone: string, given: string): string {
	const name = given.toLowerCase();
	if (!/^(@|\*|[a-z0-9_*.-]+)$/.test(name))
		throw unprocessable("Name Only valid hostname characters are allowed.");
	// RFC 1035 section 2.3.4.
	if (name.split(".").some((label) => label.length > 63))
		throw unprocessable("Name has a label of more than 63 characters.");
	if (!name.endsWith(".")) return name;
	if (name === `${zone}.`) return "@";
	const suffix = `.${zone}.`;
	if (!name.endsWith(suffix))
		throw unprocessable(`Name must be within ${zone}`);
	return name.slice(0, -suffix.length);
}

function checkData(type: RecordType, data: string): string {
	if (type === "A" && !isIPv4(data))
		throw unprocessable("Data needs to be a valid IPv4 address.");
	if (type === "AAAA" && !isIPv6(data))
		throw unprocessable("Data needs to be a valid IPv6 address.");
	if (!hostTypes.includes(type))
		return type === "CAA" ? data.replace(/\.$/, "") : data;
	if (data === "@") return data;
	if (!data.endsWith("."))
		throw unprocessable("Data needs to end with a dot (.)");
	return data.slice(0, -1).toLowerCase();
}

function checkTag(tag: string): string {
	if (!["issue", "issuewild", "iodef"].includes(tag))
		throw unprocessable("Tag must be one of issue, issuewild or iodef");
	return tag;
}
