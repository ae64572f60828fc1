import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface NodeExporterArgs {
	swarm: Swarm;
	settings: Settings;
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
				image: args.settings.images.nodeExporter,
				args: nodeExporterFlags(machine, "/textfile"),
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

/** Its arguments: where it sees the machine's root, and the files of others. */
export function nodeExporterFlags(root: string, textfile: string): string[] {
	return [
		`--path.rootfs=${root}`,
		`--path.procfs=${root}/proc`,
		`--path.sysfs=${root}/sys`,
		`--collector.textfile.directory=${textfile}`,
		"--collector.disable-defaults",
		...collectors.map((collector) => `--collector.${collector}`),
	];
}

const collectors = [
	...["cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo"],
	...["stat", "textfile", "time", "uname", "vmstat"],
];
