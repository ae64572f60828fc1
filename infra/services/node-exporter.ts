import * as pulumi from "@pulumi/pulumi";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface NodeExporterArgs {
	swarm: Swarm;
	image: string;
}

/** What the migration's steps leave for Prometheus; made by cloud-init on every machine. */
export const metricsFolder = "/var/lib/cutover/metrics";

/**
 * The machines' own metrics: processors, memory, disks; and the files of the
 * migration's steps. Of the network it would see its container's alone: cAdvisor
 * has the machine's.
 */
export class NodeExporter extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: NodeExporterArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:NodeExporter", name, {}, opts);
		const machine = "/host";
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "node-exporter",
				image: args.image,
				args: [
					`--path.rootfs=${machine}`,
					`--path.procfs=${machine}/proc`,
					`--path.sysfs=${machine}/sys`,
					"--collector.textfile.directory=/textfile",
					"--collector.disable-defaults",
					...collectors.map((collector) => `--collector.${collector}`),
				],
				mounts: [
					{
						type: "bind",
						source: "/",
						target: machine,
						readOnly: true,
						bindOptions: { propagation: "rslave" },
					},
					{
						type: "bind",
						source: metricsFolder,
						target: "/textfile",
						readOnly: true,
					},
				],
				everywhere: true,
				limits: { cpus: 0.1, memoryMb: 64 },
				healthCheck: httpGet(9100, "/"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}

const collectors = [
	...["cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo"],
	...["stat", "textfile", "time", "uname", "vmstat"],
];
