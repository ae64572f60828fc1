import * as pulumi from "@pulumi/pulumi";
import { caddyfile, type Hostnames, metricsPort } from "../../caddy/caddyfile";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, httpGet, Service } from "./service";

export interface CaddyArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	hostnames: Hostnames;
	/** What must be done first: certificates in place, upstreams running. */
	dependsOn: pulumi.Resource[];
}

const usersFile = "/run/secrets/monitoring-users";
const acmeCaFile = "/etc/caddy/acme-ca.pem";

/** Caddy's data on the manager: certificates and its ACME account. */
export const caddyStorage = "/var/lib/caddy";

/**
 * The front door: 80 and 443 of the manager, which holds the reserved IP. Two
 * tasks cannot hold one port, so an update of Caddy itself stops the old one
 * first: some seconds without answers. Everything behind it deploys without.
 */
export class Caddy extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: CaddyArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Caddy", name, {}, opts);
		const { acme, acmeCa, images } = args.settings;
		const text = caddyfile({
			hostnames: args.hostnames,
			acme: {
				directory: acme.directory,
				email: acme.email,
				...(acmeCa ? { caFile: acmeCaFile } : {}),
			},
			monitoringUsersFile: usersFile,
		});
		const file = (label: string, content: string) =>
			configFile(`${name}-${label}`, content, args.swarm, this);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "caddy",
				image: images.caddy,
				args: [
					...["caddy", "run"],
					...["--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
				],
				secrets: { "monitoring-users": args.secrets.monitoringUsers },
				configs: {
					"/etc/caddy/Caddyfile": file("caddyfile", text),
					...(acmeCa ? { [acmeCaFile]: file("acme-ca", acmeCa) } : {}),
				},
				mounts: [{ type: "bind", source: caddyStorage, target: "/data" }],
				ports: [
					{ port: 80, protocol: "tcp" },
					{ port: 443, protocol: "tcp" },
					{ port: 443, protocol: "udp" },
				],
				onManager: true,
				limits: { cpus: 0.5, memoryMb: 256 },
				healthCheck: httpGet(metricsPort, "/health"),
				dependsOn: args.dependsOn,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
