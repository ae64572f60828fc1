import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface CadvisorArgs {
	swarm: Swarm;
	settings: Settings;
}

/**
 * Processor, memory and network of every container, and the machine's network.
 * It reads the engine's socket, which is as good as root on the machine; nothing
 * but Prometheus asks it. Kills for lack of memory are not its to see, because no
 * service may read the kernel's log: node-exporter counts them.
 */
export class Cadvisor extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: CadvisorArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Cadvisor", name, {}, opts);
		const seen = (source: string, target = source) => ({
			...{ type: "bind", source, target, readOnly: true },
		});
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "cadvisor",
				image: args.settings.images.cadvisor,
				args: [
					"--docker_only",
					"--enable_metrics=cpu,memory,network",
					"--housekeeping_interval=10s",
					"--store_container_labels=false",
					"--whitelisted_container_labels=com.docker.swarm.service.name",
				],
				mounts: [
					seen("/", "/rootfs"),
					seen("/var/run"),
					seen("/sys"),
					seen("/var/lib/docker"),
				],
				everywhere: true,
				limits: { cpus: 0.2, memoryMb: 256 },
				healthCheck: httpGet(8080, "/healthz"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
