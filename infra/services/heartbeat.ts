import * as pulumi from "@pulumi/pulumi";
import type { Database } from "../database";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { migrateCommand } from "./follower";
import { Service } from "./service";

export interface HeartbeatArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	database: Database;
}

const file = "/tmp/heartbeat";

/**
 * Tells the status page that the database answers, as the product's own role: Uptime
 * Kuma is not to hold its password.
 */
export class Heartbeat extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: HeartbeatArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Heartbeat", name, {}, opts);
		const { swarm, secrets, settings, database } = args;
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "heartbeat",
				image: settings.images.cutover,
				command: migrateCommand("heartbeat"),
				args: ["heartbeat"],
				environment: { HEARTBEAT_FILE: file },
				secrets: secrets.heartbeat,
				limits: { cpus: 0.1, memoryMb: 128 },
				healthCheck: ["sh", "-c", `test -n "$(find ${file} -mmin -1)"`],
				dependsOn: database.ready,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
