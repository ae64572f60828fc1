import * as pulumi from "@pulumi/pulumi";
import {
	collectorConfig,
	collectorPlaces,
	nodeVariable,
} from "../../observability/otel";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, Service } from "./service";

export interface OtelCollectorArgs {
	swarm: Swarm;
	settings: Settings;
}

const file = "/etc/otelcol-contrib/config.yaml";

/**
 * Reads every container's log on its machine and ships it to Loki. The files are
 * root's own, so it runs as root, but without any capability, and can write to
 * nothing but its own notes. The image has no other program in it, so nothing can
 * ask for its health from within: Prometheus does.
 */
export class OtelCollector extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: OtelCollectorArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:OtelCollector", name, {}, opts);
		const { containers, state } = collectorPlaces;
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "otel-collector",
				image: args.settings.images.otelCollector,
				args: ["--config", file],
				environment: {
					// The engine puts the machine's name in.
					[nodeVariable]: "{{.Node.Hostname}}",
					GOMEMLIMIT: "200MiB",
				},
				configs: {
					[file]: configFile(
						`${name}-config`,
						collectorConfig(),
						args.swarm,
						this,
					),
				},
				mounts: [
					{
						type: "bind",
						source: containers,
						target: containers,
						readOnly: true,
					},
					{ type: "volume", source: "otel-collector", target: state },
				],
				user: "0:0",
				confined: true,
				everywhere: true,
				exclusive: true,
				limits: { cpus: 0.2, memoryMb: 256 },
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
