import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, nodeGet, Service } from "./service";

export interface UptimeKumaArgs {
	swarm: Swarm;
	settings: Settings;
	hostnames: Hostnames;
}

const port = 3001;
const authorities = "/etc/uptime-kuma/authorities.pem";

/** Where other services reach it. */
export const kumaInside = `http://uptime-kuma:${port}`;

/**
 * The status page and what it looks at. Its data on the manager's disk admit one task;
 * what it watches and shows is set by infra/commands/uptime-kuma.ts. To it the stack's
 * names lead to this machine, wherever they lead others: so it tells of the new system
 * before the switch too. DigitalOcean asks from outside (infra/uptime.ts).
 */
export class UptimeKuma extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: UptimeKumaArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:UptimeKuma", name, {}, opts);
		const { swarm, settings, hostnames } = args;
		const { acmeCa, images } = settings;
		const manager = swarm.server.manager.ssh.host;
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "uptime-kuma",
				image: images.uptimeKuma,
				environment: {
					// Without it 2.x asks a person which database it shall have, and serves nothing else.
					UPTIME_KUMA_DB_TYPE: "sqlite",
					// It takes 190 MB idle, and more where the heap may grow.
					NODE_OPTIONS: "--max-old-space-size=128",
					...(acmeCa ? { NODE_EXTRA_CA_CERTS: authorities } : {}),
				},
				hosts: Object.values(hostnames).map((host) => ({ host, ip: manager })),
				configs: acmeCa
					? {
							[authorities]: configFile(`${name}-acme-ca`, acmeCa, swarm, this),
						}
					: {},
				mounts: [
					{ type: "volume", source: "uptime-kuma", target: "/app/data" },
				],
				onManager: true,
				exclusive: true,
				limits: { cpus: 0.5, memoryMb: 256 },
				healthCheck: nodeGet(port, "/api/entry-page"),
				// Its own image allows as long: a first start makes the database.
				startPeriod: "3m",
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
