import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../caddy/caddyfile";
import type { Database } from "./database";
import type { Secrets } from "./secrets";
import { Prometheus } from "./services/prometheus";
import type { Service } from "./services/service";
import type { Settings } from "./settings";
import type { Swarm } from "./swarm";

export interface ObservabilityArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	database: Database;
	hostnames: Hostnames;
}

/** What an operator watches the product with: up days before the switch, and kept. */
export class Observability extends pulumi.ComponentResource {
	/** All of them, for whoever waits until they run. */
	readonly services: { service: Service }[];

	constructor(
		name: string,
		args: ObservabilityArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Observability", name, {}, opts);
		const { swarm, settings, hostnames } = args;
		const inside = { parent: this };
		const prometheus = new Prometheus(
			"prometheus",
			{
				swarm,
				image: settings.images.prometheus,
				hostname: hostnames.monitoring,
			},
			inside,
		);
		this.services = [prometheus];
		this.registerOutputs({});
	}
}
