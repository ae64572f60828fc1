import type * as digitalocean from "@pulumi/digitalocean";
import type { FunctionType } from "../base/resource";
import { typedFunction } from "../base/typed";
import { during } from "./api";
import { api } from "./client";
import { select } from "./data-list";
import { type Database, describeCluster } from "./database-cluster";
import { type Domain, describeDomain } from "./domain";
import { type Droplet, describeDroplet } from "./droplet";
import type { DnsRecord } from "./record";
import type { SshKey } from "./ssh-key";
import { readTag } from "./tag";

interface Account {
	droplet_limit: number;
	floating_ip_limit: number;
	email: string;
	uuid: string;
	email_verified: boolean;
	status: string;
	status_message: string;
}

const getAccount = typedFunction<object, digitalocean.GetAccountResult>(
	async () => {
		const { account } = await during(
			"Error retrieving account",
			api().get<{ account: Account }>("/v2/account"),
		);
		return {
			id: account.uuid,
			dropletLimit: account.droplet_limit,
			floatingIpLimit: account.floating_ip_limit,
			email: account.email,
			uuid: account.uuid,
			emailVerified: account.email_verified,
			status: account.status,
			statusMessage: account.status_message,
		};
	},
);

const getDatabaseCa = typedFunction<
	digitalocean.GetDatabaseCaArgs,
	digitalocean.GetDatabaseCaResult
>(async ({ clusterId }) => {
	const { ca } = await during(
		"Error retrieving database CA certificate",
		api().get<{ ca: { certificate: string } }>(`/v2/databases/${clusterId}/ca`),
	);
	return {
		id: clusterId,
		clusterId,
		certificate: Buffer.from(ca.certificate, "base64").toString("utf8"),
	};
});

const getDatabaseCluster = typedFunction<
	digitalocean.GetDatabaseClusterArgs,
	object
>(async ({ name }) => {
	const all = await during(
		"Error retrieving DatabaseClusters",
		api().list<Database>("/v2/databases", "databases"),
	);
	const found = all.find((one) => one.name === name);
	if (found === undefined) {
		throw new Error(`DatabaseCluster not found: ${name}`);
	}
	const { clusterUrn, tags, ...rest } = describeCluster(found);
	return { id: found.id, ...rest, urn: clusterUrn, tags: tags ?? [] };
});

const getDomain = typedFunction<
	digitalocean.GetDomainArgs,
	digitalocean.GetDomainResult
>(async ({ name }) => {
	const found = await during(
		"Error retrieving domain",
		api().find<{ domain: Domain }>(`/v2/domains/${name}`),
	);
	if (found === undefined) {
		throw new Error(`domain not found: ${name}`);
	}
	return {
		id: name,
		...describeDomain(found.domain),
		zoneFile: found.domain.zone_file,
	};
});

const getDomains = typedFunction<
	digitalocean.GetDomainsArgs,
	digitalocean.GetDomainsResult
>(async ({ filters, sorts }) => {
	const all = await during(
		"Error retrieving domains",
		api().list<Domain>("/v2/domains", "domains"),
	);
	const domains = all.map(({ name, ttl }) => ({
		name,
		ttl,
		urn: `do:domain:${name}`,
	}));
	return {
		id: listId(),
		domains: select(domains, filters, sorts),
		...(filters ? { filters } : {}),
		...(sorts ? { sorts } : {}),
	};
});

function records(domain: string): Promise<DnsRecord[]> {
	return during(
		"Error retrieving records",
		api().list<DnsRecord>(`/v2/domains/${domain}/records`, "domain_records"),
	);
}

/** The numbers and the tag that only some types of record have. */
function details(record: DnsRecord) {
	return {
		priority: record.priority ?? 0,
		port: record.port ?? 0,
		ttl: record.ttl,
		weight: record.weight ?? 0,
		flags: record.flags ?? 0,
		tag: record.tag ?? "",
	};
}

const getRecord = typedFunction<
	digitalocean.GetRecordArgs,
	digitalocean.GetRecordResult
>(async ({ domain, name }) => {
	const record = (await records(domain)).find((one) => one.name === name);
	if (record === undefined) {
		throw new Error(`no records found with name ${name}`);
	}
	const { type, data } = record;
	return {
		id: String(record.id),
		domain,
		name,
		type,
		data,
		...details(record),
	};
});

const getRecords = typedFunction<
	digitalocean.GetRecordsArgs,
	digitalocean.GetRecordsResult
>(async ({ domain, filters, sorts }) => {
	const all = (await records(domain)).map((record) => ({
		id: record.id,
		domain,
		name: record.name,
		type: record.type,
		value: record.data,
		...details(record),
	}));
	return {
		id: listId(),
		domain,
		records: select(all, filters, sorts),
		...(filters ? { filters } : {}),
		...(sorts ? { sorts } : {}),
	};
});

const getDroplet = typedFunction<digitalocean.GetDropletArgs, object>(
	async ({ id, name, tag }) => {
		const all =
			id === undefined
				? await api().list<Droplet>("/v2/droplets", "droplets")
				: [
						(await api().get<{ droplet: Droplet }>(`/v2/droplets/${id}`))
							.droplet,
					];
		const found = all.filter(
			(one) =>
				id !== undefined ||
				(name === undefined
					? one.tags?.includes(tag ?? "")
					: one.name === name),
		);
		const [droplet] = found;
		if (droplet === undefined || found.length > 1) {
			throw new Error(
				`expected one droplet of ${name ? `name ${name}` : `tag ${tag}`}, found ${found.length}`,
			);
		}
		const { dropletUrn, tags, ...rest } = describeDroplet(droplet);
		return {
			...rest,
			id: droplet.id,
			urn: dropletUrn,
			image: droplet.image.slug ?? String(droplet.image.id),
			tags: tags ?? [],
		};
	},
);

async function sshKeys() {
	const keys = await during(
		"Error retrieving ssh keys",
		api().list<SshKey>("/v2/account/keys", "ssh_keys"),
	);
	return keys.map(({ id, name, fingerprint, public_key }) => ({
		id,
		name,
		fingerprint,
		publicKey: public_key,
	}));
}

const getSshKey = typedFunction<digitalocean.GetSshKeyArgs, object>(
	async ({ name }) => {
		const found = (await sshKeys()).filter((key) => key.name === name);
		const [key] = found;
		if (key === undefined) {
			throw new Error(`no ssh key found with name ${name}`);
		}
		if (found.length > 1) {
			throw new Error(
				`too many ssh keys found with name ${name} (found ${found.length}, expected 1)`,
			);
		}
		return key;
	},
);

const getSshKeys = typedFunction<
	digitalocean.GetSshKeysArgs,
	digitalocean.GetSshKeysResult
>(async ({ filters, sorts }) => ({
	id: listId(),
	sshKeys: select(await sshKeys(), filters, sorts),
	...(filters ? { filters } : {}),
	...(sorts ? { sorts } : {}),
}));

const getTag = typedFunction<digitalocean.GetTagArgs, object>(
	async ({ name }) => {
		const state = await readTag(name);
		if (state === undefined) {
			throw new Error(`tag not found: ${name}`);
		}
		return { id: name, ...state };
	},
);

/** Listings have no id of their own; the official provider makes one up too. */
function listId(): string {
	return `terraform-${Date.now()}`;
}

/** The functions of the package that the stand-in serves, by token. */
export const functions: Record<string, FunctionType> = Object.fromEntries(
	Object.entries({
		getAccount,
		getDatabaseCa,
		getDatabaseCluster,
		getDomain,
		getDomains,
		getDroplet,
		getRecord,
		getRecords,
		getSshKey,
		getSshKeys,
		getTag,
	}).map(([name, run]) => [`digitalocean:index/${name}:${name}`, run]),
);
