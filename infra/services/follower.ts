import * as pulumi from "@pulumi/pulumi";
import { mappingOptions } from "../../cutover/migration-tool";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { nodeGet, Service } from "./service";

export interface FollowerArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	/** What must be done first: the copy. */
	dependsOn: pulumi.Resource[];
}

/** The observability/prometheus/prometheus.yml asks here. */
export const metricsPort = 9100;

/**
 * The migration's command line as a service; its arguments are the service's. Its
 * credentials go in by standard input, as in all steps.
 *
 * @param secret the file with them, a JSON object of environment variables.
 */
export function migrateCommand(secret: string): string[] {
	return [
		...["/bin/sh", "-c"],
		`exec node /app/migrate.js "$@" --environment-stdin </run/secrets/${secret}`,
		"migrate",
	];
}

/**
 * Brings over what the source's users write, from the copy to the freeze. At the
 * freeze it has no task, for two syncs of one pair keep each other out: it stops before
 * the barrier stands, and the freeze brings the rest. When the freeze is taken back it
 * goes on. A task that dies loses nothing: the next one
 * goes on where it stood. On the manager, because the source may admit only the
 * address from which the copy came.
 */
export class Follower extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: FollowerArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Follower", name, {}, opts);
		const { images, migration, freeze } = args.settings;
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "follower",
				image: images.cutover,
				command: migrateCommand("databases"),
				args: [
					...["sync", "--follow", ...mappingOptions(migration)],
					...["--metrics-host", "0.0.0.0"],
					...["--metrics-port", String(metricsPort)],
				],
				secrets: args.secrets.follower,
				replicas: freeze ? 0 : 1,
				onManager: true,
				exclusive: true,
				stopsFirst: true,
				limits: { cpus: 1, memoryMb: 1024 },
				healthCheck: nodeGet(metricsPort, "/metrics"),
				// Metrics begin when it follows: it may have to wait for the lock of one
				// that was cut short, and then looks at all tables.
				startPeriod: "2m",
				dependsOn: args.dependsOn,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
