import type { DnsRecordArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during, isNotFound } from "./api";
import { api } from "./client";

type Args = Unwrap<DnsRecordArgs>;

/** A DNS record as the API describes it. */
export interface DnsRecord {
	id: number;
	type: string;
	name: string;
	data: string;
	priority: number | null;
	port: number | null;
	ttl: number;
	weight: number | null;
	flags: number | null;
	tag: string | null;
}

/** Types whose value is a host name, which the API gives without the last dot. */
const NAMES_A_HOST = new Set(["CNAME", "MX", "NS", "SRV", "CAA"]);

function outputs(record: DnsRecord, domain: string) {
	const dotted =
		NAMES_A_HOST.has(record.type) &&
		record.data !== "@" &&
		record.tag !== "iodef";
	return {
		domain,
		name: record.name,
		type: record.type,
		value: dotted ? `${record.data}.` : record.data,
		port: record.port ?? 0,
		priority: record.priority ?? 0,
		ttl: record.ttl,
		weight: record.weight ?? 0,
		flags: record.flags ?? 0,
		tag: record.tag ?? "",
		fqdn: fqdn(record.name, domain),
	};
}

type State = ReturnType<typeof outputs>;

function fqdn(name: string, domain: string): string {
	if (name === "@") {
		return domain;
	}
	const lower = name.toLowerCase();
	return lower.endsWith(`${domain}.`)
		? lower.replace(/\.$/, "")
		: `${name}.${domain}`;
}

function request(args: Args) {
	return {
		name: args.name,
		data: args.value,
		...(args.port ? { port: args.port } : {}),
		...(args.priority ? { priority: args.priority } : {}),
		...(args.ttl ? { ttl: args.ttl } : {}),
		...(args.weight ? { weight: args.weight } : {}),
		...(args.flags ? { flags: args.flags } : {}),
		...(args.tag ? { tag: args.tag } : {}),
	};
}

async function read(domain: string, id: string): Promise<State | undefined> {
	const found = await api().find<{ domain_record: DnsRecord }>(
		`/v2/domains/${domain}/records/${id}`,
	);
	return found && outputs(found.domain_record, domain);
}

/** As written, with the zone's own name taken for what it stands for. */
function asWritten(state: State, args: Args): State {
	const zone = `${args.domain}.`;
	const nameIsSame =
		(state.name === "@" && args.name === zone) ||
		`${state.name}.${zone}` === args.name;
	const valueIsSame =
		(state.value === "@" && args.value === zone) ||
		state.value === `${args.value}.${zone}`;
	return {
		...state,
		...(nameIsSame && args.name ? { name: args.name } : {}),
		...(valueIsSame ? { value: args.value } : {}),
	};
}

/** `digitalocean:index/dnsRecord:DnsRecord`; an import's id is "domain,id". */
export const dnsRecord = typed<Args, State>({
	check(args) {
		const required: Record<string, (keyof Args)[]> = {
			MX: ["priority"],
			SRV: ["priority", "weight", "port"],
			CAA: ["flags", "tag"],
		};
		return (required[String(args.type)] ?? [])
			.filter((key) => args[key] === undefined)
			.map((property) => ({
				property,
				reason: `\`${property}\` is required for when type is \`${args.type}\``,
			}));
	},
	async create(args) {
		const { domain_record: created } = await during(
			"Failed to create record",
			api().request<{ domain_record: DnsRecord }>(
				"POST",
				`/v2/domains/${args.domain}/records`,
				{ type: args.type, ...request(args) },
			),
		);
		const state = await read(args.domain, String(created.id));
		return {
			id: String(created.id),
			outputs: asWritten(state ?? outputs(created, args.domain), args),
		};
	},
	async read(id, state) {
		const [first, second] = id.split(",");
		const domain = state.domain ?? (second === undefined ? undefined : first);
		const recordId = second ?? first ?? "";
		if (domain === undefined || !/^\d+$/.test(recordId)) {
			throw new Error(
				`invalid record ID: expected "domain,id", for instance "example.com,12345", found "${id}"`,
			);
		}
		const found = await read(domain, recordId);
		return found && { id: recordId, outputs: found };
	},
	async update(id, _olds, news) {
		await during(
			"Failed to update record",
			api().request(
				"PUT",
				`/v2/domains/${news.domain}/records/${id}`,
				request(news),
			),
		);
		const state = await read(news.domain, id);
		if (state === undefined) {
			throw new Error(`Failed to update record: ${id} is gone`);
		}
		return asWritten(state, news);
	},
	async delete(id, state) {
		await during(
			"Error deleting record",
			api()
				.request("DELETE", `/v2/domains/${state.domain}/records/${id}`)
				.catch((error) => {
					if (!isNotFound(error)) {
						throw error;
					}
				}),
		);
	},
});
