import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../caddy/caddyfile";
import type { Database } from "./database";
import type { Secrets } from "./secrets";
import { Alertmanager } from "./services/alertmanager";
import { Blackbox } from "./services/blackbox";
import { Cadvisor } from "./services/cadvisor";
import { Grafana } from "./services/grafana";
import { Heartbeat } from "./services/heartbeat";
import { Loki } from "./services/loki";
import { NodeExporter } from "./services/node-exporter";
import { OtelCollector } from "./services/otel-collector";
import { PostgresExporter } from "./services/postgres-exporter";
import { Prometheus } from "./services/prometheus";
import type { Service } from "./services/service";
import { UptimeKuma } from "./services/uptime-kuma";
import type { Settings } from "./settings";
import type { Swarm } from "./swarm";

export interface ObservabilityArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	database: Database;
	hostnames: Hostnames;
	/** The stack's name. */
	environment: string;
	/** Of the new system, to which names lead after the switch. */
	address: pulumi.Input<string>;
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
		const inside = { parent: this };
		this.services = [
			new NodeExporter("node-exporter", args, inside),
			new Cadvisor("cadvisor", args, inside),
			new PostgresExporter("postgres-exporter", args, inside),
			new Blackbox("blackbox", args, inside),
			new Prometheus("prometheus", args, inside),
			new Grafana("grafana", args, inside),
			new Alertmanager("alertmanager", args, inside),
			new Loki("loki", args, inside),
			new OtelCollector("otel-collector", args, inside),
			new UptimeKuma("uptime-kuma", args, inside),
			new Heartbeat("heartbeat", args, inside),
		];
		this.registerOutputs({});
	}
}
