import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, httpGet, Service } from "./service";

export interface LokiArgs {
	swarm: Swarm;
	settings: Settings;
}

const file = "/etc/loki/loki.yaml";
const text = readFileSync(
	join(__dirname, "../../observability/loki/loki.yaml"),
	"utf8",
);

/**
 * All log lines, 30 days of them on the manager's disk. Its data admit one task,
 * so an update leaves a gap of some seconds in which lines wait with the collectors.
 */
export class Loki extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: LokiArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Loki", name, {}, opts);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "loki",
				image: args.settings.images.loki,
				args: [`-config.file=${file}`],
				// Go gives memory back before the limit kills it.
				environment: { GOMEMLIMIT: "440MiB" },
				configs: {
					[file]: configFile(`${name}-config`, text, args.swarm, this),
				},
				mounts: [{ type: "volume", source: "loki", target: "/loki" }],
				onManager: true,
				exclusive: true,
				limits: { cpus: 0.5, memoryMb: 512 },
				healthCheck: httpGet(3100, "/ready"),
				// It waits 15 s before it calls itself ready, and reads its log first.
				startPeriod: "2m",
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
