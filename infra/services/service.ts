import { createHash } from "node:crypto";
import { parse } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Swarm } from "../swarm";
import { pinnedImage } from "./image";

export interface ServiceArgs {
	swarm: Swarm;
	/** What other services call it. */
	hostname: string;
	image: string;
	/** The entrypoint's place is taken by `command` where it is given. */
	command?: string[];
	args?: string[];
	environment?: Record<string, pulumi.Input<string>>;
	/** Swarm secrets by file name under /run/secrets. */
	secrets?: Record<string, docker.Secret>;
	/** Swarm configs by absolute path. */
	configs?: Record<string, docker.ServiceConfig>;
	/** Names that lead elsewhere in its containers. */
	hosts?: { host: string; ip: pulumi.Input<string> }[];
	mounts?: docker.types.input.ServiceTaskSpecContainerSpecMount[];
	/** Ports opened on the machine itself; such a service cannot start first. */
	ports?: { port: number; protocol: "tcp" | "udp" }[];
	/** True where data admit one task at a time: the old one stops first. */
	exclusive?: boolean;
	/** Default 1. */
	replicas?: number;
	/** One task on each machine, also on those that join later, instead of replicas. */
	everywhere?: boolean;
	/** Keeps every task on the manager: for data or addresses that are there. */
	onManager?: boolean;
	limits: { cpus: number; memoryMb: number };
	/**
	 * True where it must have stopped before something else is undone: it is then
	 * deleted by itself, also when its machine goes.
	 */
	stopsFirst?: boolean;
	/**
	 * A program and its arguments in the container; 0 is healthy. None where the
	 * image has no program that could ask: the task is healthy while it runs.
	 */
	healthCheck?: string[];
	/** Time that a start may take without counting as ill; default 30 s. */
	startPeriod?: string;
	user?: string;
	/** True where it needs no capability and writes to nothing but its mounts. */
	confined?: boolean;
	dependsOn?: pulumi.Resource[];
}

/**
 * One Swarm service as all of them are here: limits, a health check, secrets
 * as files, an update that starts the new task, waits until it is healthy, and
 * rolls back by itself when it is not. A change of anything but the name updates
 * in place. That the tasks run is waited for in Validation, which can say why
 * they do not: the provider would not, and deletes a new service with its log.
 *
 * @example
 * new Service("frontend", {
 *   swarm, hostname: "frontend", image: "example/frontend:1.0.0",
 *   limits: { cpus: 0.5, memoryMb: 256 }, healthCheck: httpGet(80, "/"),
 * });
 */
export class Service extends pulumi.ComponentResource {
	readonly service: docker.Service;
	readonly image: string;
	/** Tasks that run where all is well. */
	readonly tasks: number;
	/** Changes with anything that a task is made of. */
	readonly fingerprint: pulumi.Output<string>;

	constructor(
		name: string,
		args: ServiceArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Service", name, {}, opts);
		const published = args.ports ?? [];
		// Two tasks cannot hold one port of a machine, so the old one stops first.
		const order =
			published.length > 0 || args.exclusive ? "stop-first" : "start-first";
		const change = {
			parallelism: 1,
			delay: "0s",
			monitor: "10s",
			maxFailureRatio: "0",
			order,
		};
		const { inside, network, server } = args.swarm;
		const replicas = args.replicas ?? 1;
		this.image = args.image;
		this.tasks = args.everywhere ? 1 + server.workers.length : replicas;
		const task = taskSpec(
			args,
			pinnedImage(`${name}-image`, args.image, args.swarm, this),
		);
		this.fingerprint = pulumi
			.jsonStringify(task)
			.apply((text) => createHash("sha256").update(text).digest("hex"));
		this.service = new docker.Service(
			`${name}-service`,
			{
				name: args.hostname,
				taskSpec: task,
				mode: args.everywhere ? { global: true } : { replicated: { replicas } },
				updateConfig: { ...change, failureAction: "rollback" },
				rollbackConfig: { ...change, failureAction: "pause" },
				endpointSpec: {
					// Virtual addresses need IPVS in the kernel; names do not.
					mode: "dnsrr",
					ports: published.map(({ port, protocol }) => ({
						protocol,
						targetPort: port,
						publishedPort: port,
						// The routing mesh would hide the clients' addresses.
						publishMode: "host",
					})),
				},
			},
			{
				parent: this,
				...inside,
				...(args.stopsFirst ? { deletedWith: undefined } : {}),
				dependsOn: [network, ...(args.dependsOn ?? [])],
				// One name is for one service at a time.
				deleteBeforeReplace: true,
			},
		);
		this.registerOutputs({});
	}
}

/** What one task is made of. */
function taskSpec(
	args: ServiceArgs,
	image: pulumi.Input<string>,
): docker.types.input.ServiceTaskSpec {
	return {
		containerSpec: {
			image,
			commands: args.command,
			args: args.args,
			env: args.environment,
			user: args.user,
			// Which of the tasks it is, in its metrics and logs.
			hostname: args.everywhere ? "{{.Node.Hostname}}" : undefined,
			init: true,
			...(args.confined ? { readOnly: true, capDrops: ["ALL"] } : {}),
			hosts: args.hosts,
			mounts: args.mounts,
			secrets: Object.entries(args.secrets ?? {}).map(([file, secret]) => ({
				secretId: secret.id,
				secretName: secret.name,
				fileName: file,
				fileUid: "0",
				fileGid: "0",
				// The backend's program need not run as root.
				fileMode: 0o444,
			})),
			configs: Object.entries(args.configs ?? {}).map(([path, config]) => ({
				configId: config.id,
				configName: config.name,
				fileName: path,
				fileUid: "0",
				fileGid: "0",
				fileMode: 0o444,
			})),
			healthcheck: {
				tests: args.healthCheck ? ["CMD", ...args.healthCheck] : ["NONE"],
				interval: "5s",
				timeout: "5s",
				retries: 3,
				startPeriod: args.startPeriod ?? "30s",
			},
			stopGracePeriod: "20s",
		},
		resources: {
			limits: {
				nanoCpus: Math.round(args.limits.cpus * 1e9),
				memoryBytes: args.limits.memoryMb * 1024 * 1024,
			},
		},
		restartPolicy: { condition: "any", delay: "2s" },
		placement: {
			constraints: args.onManager ? ["node.role==manager"] : [],
		},
		networksAdvanceds: [{ id: args.swarm.network.id }],
		logDriver: {
			name: "json-file",
			options: {
				"max-size": "10m",
				"max-file": "5",
				// Onto each line: the collector names lines by it.
				labels: "com.docker.swarm.service.name",
			},
		},
	};
}

/**
 * Health check by wget, which Alpine, BusyBox and Debian images carry. Without
 * -T: BusyBox 1.35 of Debian crashes on it; the engine's own time-out ends it.
 */
export function httpGet(port: number, path: string): string[] {
	return ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}${path}`];
}

/** Health check by Node, for images that have it for sure but need have neither wget nor curl. */
export function nodeGet(port: number, path: string): string[] {
	return [
		...["node", "-e"],
		`fetch('http://127.0.0.1:${port}${path}').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))`,
	];
}

/**
 * Several files for one service, by absolute path; each config is named after its file.
 *
 * @param prefix of the configs' names.
 */
export function configFiles(
	prefix: string,
	files: Record<string, string>,
	swarm: Swarm,
	parent: pulumi.Resource,
): Record<string, docker.ServiceConfig> {
	return Object.fromEntries(
		Object.entries(files).map(([path, text]) => [
			path,
			configFile(`${prefix}-${parse(path).name}`, text, swarm, parent),
		]),
	);
}

/** A file for services, as a Swarm config; a new text makes a new config. */
export function configFile(
	name: string,
	text: pulumi.Input<string>,
	swarm: Swarm,
	parent: pulumi.Resource,
): docker.ServiceConfig {
	return new docker.ServiceConfig(
		name,
		{
			data: pulumi
				.output(text)
				.apply((content) => Buffer.from(content).toString("base64")),
		},
		{ parent, ...swarm.inside },
	);
}
