import { z } from "zod";
import type { Context } from "../context";
import { NAME_SERVERS } from "../dns/hosts";
import { zoneFile } from "../dns/zone-file";
import type { Domain, DomainRecord, State } from "../state";
import { notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import { assignToDefault, unassign } from "./project-resources";
import {
	defaultTtl,
	type RecordRequest,
	recordFrom,
	recordRequest,
} from "./record-data";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/domains/{domain_name}";
const records = `${item}/records`;
const record = `${records}/{domain_record_id}`;

const domainName = z
	.string()
	.toLowerCase()
	.regex(
		/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
		"Only valid domain names are allowed.",
	);

export function domainRoutes(context: Context): Route[] {
	const { state, ids, clock } = context;
	const update = (call: Call<RecordRequest>) => {
		const domain = findDomain(state, call.params.domain_name);
		const before = findRecord(domain, call.params.domain_record_id);
		const changed = recordFrom(domain.name, before.id, call.body, before);
		putRecord(domain, changed);
		return { domain_record: view(changed) };
	};
	return [
		route({
			method: "GET",
			path: "/v2/domains",
			status: 200,
			answer: shape.list("domains", shape.domain),
			handle: (call) =>
				paginate(call, "domains", state.domains.values(), domainView),
		}),
		route({
			method: "POST",
			path: "/v2/domains",
			status: 201,
			request: z.object({
				name: domainName,
				ip_address: z.union([z.ipv4(), z.literal("")]).nullish(),
			}),
			answer: shape.one(
				"domain",
				shape.domain.extend({ zone_file: z.string().nullable() }),
			),
			handle: ({ body }) => {
				if (state.domains.has(body.name))
					throw unprocessable("Name has already been taken");
				const domain: Domain = {
					name: body.name,
					ttl: defaultTtl,
					serial: Math.floor(clock.now().getTime() / 1000),
					records: new Map(),
				};
				const add = (request: RecordRequest) =>
					putRecord(domain, recordFrom(domain.name, ids.number(), request));
				add({ type: "SOA", name: "@", data: String(defaultTtl) });
				for (const server of NAME_SERVERS)
					add({ type: "NS", name: "@", data: `${server}.` });
				if (body.ip_address)
					add({ type: "A", name: "@", data: body.ip_address });
				state.domains.set(domain.name, domain);
				assignToDefault(context, `do:domain:${domain.name}`);
				// DigitalOcean writes the zone file after the answer.
				return { domain: { ...domainView(domain), zone_file: null } };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("domain", shape.domain),
			handle: (call) => ({
				domain: domainView(findDomain(state, call.params.domain_name)),
			}),
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				const { name } = findDomain(state, call.params.domain_name);
				state.domains.delete(name);
				unassign(state, `do:domain:${name}`);
			},
		}),
		route({
			method: "GET",
			path: records,
			status: 200,
			answer: shape.list("domain_records", shape.domainRecord),
			handle: (call) => {
				const domain = findDomain(state, call.params.domain_name);
				const name = call.query.get("name")?.toLowerCase();
				const type = call.query.get("type")?.toUpperCase();
				return paginate(
					call,
					"domain_records",
					[...domain.records.values()].filter(
						(entry) =>
							(!type || entry.type === type) &&
							(!name || fullName(domain, entry) === name),
					),
					view,
				);
			},
		}),
		route({
			method: "POST",
			path: records,
			status: 201,
			request: recordRequest,
			answer: shape.one("domain_record", shape.domainRecord),
			handle: (call) => {
				const domain = findDomain(state, call.params.domain_name);
				const made = recordFrom(domain.name, ids.number(), call.body);
				if (made.type === "SOA")
					throw unprocessable("Type SOA records can not be created");
				putRecord(domain, made);
				return { domain_record: view(made) };
			},
		}),
		route({
			method: "GET",
			path: record,
			status: 200,
			answer: shape.one("domain_record", shape.domainRecord),
			handle: (call) => ({
				domain_record: view(
					findRecord(
						findDomain(state, call.params.domain_name),
						call.params.domain_record_id,
					),
				),
			}),
		}),
		route({
			method: "PATCH",
			path: record,
			status: 200,
			request: recordRequest,
			answer: shape.one("domain_record", shape.domainRecord),
			handle: update,
		}),
		route({
			method: "PUT",
			path: record,
			status: 200,
			request: recordRequest,
			answer: shape.one("domain_record", shape.domainRecord),
			handle: update,
		}),
		route({
			method: "DELETE",
			path: record,
			status: 204,
			handle: (call) => {
				const domain = findDomain(state, call.params.domain_name);
				domain.records.delete(
					findRecord(domain, call.params.domain_record_id).id,
				);
				domain.serial += 1;
			},
		}),
	];
}

function findDomain(state: State, name = ""): Domain {
	const domain = state.domains.get(name.toLowerCase());
	if (!domain) throw notFound();
	return domain;
}

function findRecord(domain: Domain, id = ""): DomainRecord {
	const found = domain.records.get(Number(id));
	if (!found) throw notFound();
	return found;
}

const fullName = (domain: Domain, { name }: DomainRecord): string =>
	name === "@" ? domain.name : `${name}.${domain.name}`;

/** Adds or replaces a record. */
function putRecord(domain: Domain, made: DomainRecord): void {
	for (const other of domain.records.values()) {
		if (other.id === made.id || other.name !== made.name) continue;
		if (other.type === "CNAME" || made.type === "CNAME")
			throw unprocessable(
				"CNAME records cannot share a name with other records",
			);
		// RFC 2181 section 5.2: one TTL for one name and type. DigitalOcean
		// brings the older records to the newest one's.
		if (other.type === made.type) other.ttl = made.ttl;
	}
	domain.records.set(made.id, made);
	domain.serial += 1;
}

const domainView = (domain: Domain) => ({
	name: domain.name,
	ttl: domain.ttl,
	zone_file: zoneFile(domain),
});

const view = (entry: DomainRecord) => ({ ...entry });
