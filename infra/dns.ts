import { local } from "@pulumi/command";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../caddy/caddyfile";
import type { Adoption } from "./dns-adoption";
import { nothing, secretJson } from "./remote";
import type { Settings } from "./settings";

/** Names relative to the zone, "@" for the zone itself. */
export const recordNames = ["@", "api", "monitoring", "status"] as const;

/** The host names of a zone, by what they serve. */
export function hostnamesOf(domain: string): Hostnames {
	return {
		site: domain,
		api: `api.${domain}`,
		monitoring: `monitoring.${domain}`,
		status: `status.${domain}`,
	};
}

/** What the A records answer: the old system until the switch. */
export function addressOf<T>(
	settings: Pick<Settings, "dnsSwitch" | "legacyAddress">,
	reservedIp: T,
): T | string {
	return settings.dnsSwitch ? reservedIp : settings.legacyAddress;
}

/** Seconds: short while a way back may be needed, long after. */
export function ttlOf(settings: Pick<Settings, "finalize" | "dnsTtl">): number {
	return settings.finalize ? Math.max(settings.dnsTtl, 3600) : settings.dnsTtl;
}

export interface ZoneArgs {
	domain: string;
	/** What exists at DigitalOcean and is not in this stack's state. */
	adoption: Adoption;
}

/**
 * The zone. It outlives the stack: a destroy leaves it, so that no name ever
 * stops answering, and a later deployment adopts it.
 */
export class Zone extends pulumi.ComponentResource {
	readonly domain: digitalocean.Domain;

	constructor(
		name: string,
		args: ZoneArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Zone", name, {}, opts);
		this.domain = new digitalocean.Domain(
			`${name}-domain`,
			{ name: args.domain },
			{
				parent: this,
				retainOnDelete: true,
				...(args.adoption.zone ? { import: args.domain } : {}),
			},
		);
		this.registerOutputs({});
	}
}

export interface RecordsArgs {
	zone: Zone;
	/** The address that the names answer now. A change is the switch. */
	address: pulumi.Input<string>;
	/** Seconds. */
	ttl: number;
	adoption: Adoption;
	settings: Settings;
	/** What must hold before any name changes. */
	dependsOn: pulumi.Resource[];
}

/**
 * The A records. They are never created anew or removed by a switch: only
 * their value changes, in place. A destroy first gives them the old address
 * back and then leaves them.
 */
export class Records extends pulumi.ComponentResource {
	readonly records: pulumi.Resource[];

	constructor(
		name: string,
		args: RecordsArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Records", name, {}, opts);
		const { domain } = args.zone;
		const wayBack = new local.Command(
			`${name}-way-back`,
			{
				create: nothing,
				update: nothing,
				delete: "node --import tsx cutover/point-back.ts",
				stdin: secretJson({
					zone: domain.name,
					records: recordNames,
					legacyAddress: args.settings.legacyAddress,
				}),
				environment: args.settings.apiEnvironment,
				addPreviousOutputInEnv: false,
			},
			{ parent: this, dependsOn: [domain] },
		);
		this.records = recordNames.map((record) => {
			const adopted = args.adoption.records[record];
			return new digitalocean.DnsRecord(
				recordResource(name, record),
				{
					domain: domain.name,
					type: "A",
					name: record,
					value: args.address,
					ttl: args.ttl,
				},
				{
					parent: this,
					dependsOn: [wayBack, ...args.dependsOn],
					retainOnDelete: true,
					...(adopted ? { import: `${adopted.zone},${adopted.id}` } : {}),
				},
			);
		});
		this.registerOutputs({});
	}
}

/** The logical name of a record's resource. */
export function recordResource(name: string, record: string): string {
	return `${name}-${record === "@" ? "site" : record}`;
}

/**
 * Waits until the zone's servers and the public's resolvers all answer what the
 * records say, and keeps since when the TTL has been low. It is behind the records
 * and nothing but a destroy's way back is behind it: a slow resolver holds up nobody.
 */
export function awaitSettled(
	name: string,
	args: {
		stack: string;
		settings: Settings;
		hostnames: Hostnames;
		/** As the records have it. */
		address: pulumi.Input<string>;
		dependsOn: pulumi.Resource[];
	},
): local.Command {
	const { stack, settings, hostnames, address, dependsOn } = args;
	const { domain, legacyAddress, resolvers } = settings;
	return new local.Command(
		name,
		{
			// Without an update of its own, it runs for that as well.
			create: "node --import tsx cutover/dns-settled.ts",
			stdin: pulumi.jsonStringify({
				stack,
				zone: domain,
				names: Object.values(hostnames),
				...{ address, legacyAddress, resolvers },
				ttl: ttlOf(settings),
			}),
			logging: "stderr",
			// How long the former records may be held.
			addPreviousOutputInEnv: true,
		},
		{ dependsOn },
	);
}
