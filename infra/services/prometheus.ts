import { basename } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import {
	monitoringPasswordFile,
	prometheusFiles,
	retention,
} from "../../observability/prometheus";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFiles, httpGet, Service } from "./service";

export interface PrometheusArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	hostnames: Hostnames;
	/** The stack's name, for its alerts. */
	environment: string;
}

const folder = "/etc/prometheus";
const data = "/prometheus";

/**
 * Metrics and alert rules, 30 days of them on the manager's disk. Its data admit
 * one task, so an update leaves a gap of some seconds.
 */
export class Prometheus extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: PrometheusArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Prometheus", name, {}, opts);
		const { swarm, secrets, settings, hostnames } = args;
		const files = prometheusFiles({
			hostnames,
			stack: args.environment,
			legacyAddress: settings.legacyAddress,
			resolvers: settings.resolvers,
			monitoringUser: secrets.monitoring.user,
		});
		const inFolder = Object.fromEntries(
			Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text]),
		);
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "prometheus",
				image: settings.images.prometheus,
				args: [
					`--config.file=${folder}/prometheus.yml`,
					`--storage.tsdb.path=${data}`,
					`--storage.tsdb.retention.time=${retention.time}`,
					`--storage.tsdb.retention.size=${retention.size}`,
					// Caddy takes the path away before it asks.
					`--web.external-url=https://${hostnames.monitoring}/prometheus/`,
					"--web.route-prefix=/",
				],
				secrets: {
					[basename(monitoringPasswordFile)]: secrets.monitoringPassword,
				},
				configs: configFiles(name, inFolder, swarm, this),
				mounts: [{ type: "volume", source: "prometheus", target: data }],
				onManager: true,
				exclusive: true,
				limits: { cpus: 0.5, memoryMb: 512 },
				healthCheck: httpGet(9090, "/-/ready"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
