import * as pulumi from "@pulumi/pulumi";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { metricsPort, migrateCommand } from "./follower";
import { nodeGet, Service } from "./service";

export interface WatchArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	/** What must be done first: the freeze. */
	dependsOn: pulumi.Resource[];
}

/**
 * Looks at the source from the freeze on: whether its barrier stands, what is written
 * to it even so, who still uses it. Its metrics raise alerts. On the manager, because
 * the source may admit only the address from which the copy came.
 */
export class Watch extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: WatchArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Watch", name, {}, opts);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "watch",
				image: args.settings.images.cutover,
				command: migrateCommand("databases"),
				args: [
					...["watch", "--metrics-host", "0.0.0.0"],
					...["--metrics-port", String(metricsPort)],
				],
				secrets: args.secrets.follower,
				onManager: true,
				limits: { cpus: 0.25, memoryMb: 256 },
				healthCheck: nodeGet(metricsPort, "/metrics"),
				dependsOn: args.dependsOn,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
