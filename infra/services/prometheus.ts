import * as pulumi from "@pulumi/pulumi";
import { prometheusFiles, retention } from "../../observability/prometheus";
import type { Swarm } from "../swarm";
import { configFile, httpGet, Service } from "./service";

export interface PrometheusArgs {
	swarm: Swarm;
	image: string;
	/** Host name under which people see it, for links in alerts. */
	hostname: string;
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
		const configs = Object.fromEntries(
			Object.entries(prometheusFiles()).map(([file, text]) => [
				`${folder}/${file}`,
				configFile(
					`${name}-${file.replace(/^rules\/|\.yml$/g, "")}`,
					text,
					args.swarm,
					this,
				),
			]),
		);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "prometheus",
				image: args.image,
				args: [
					`--config.file=${folder}/prometheus.yml`,
					`--storage.tsdb.path=${data}`,
					`--storage.tsdb.retention.time=${retention}`,
					`--web.external-url=https://${args.hostname}/`,
				],
				configs,
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
