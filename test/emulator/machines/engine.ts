import { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { UserError } from "../../../cutover/errors";

/**
 * The Docker Engine as the machines need it. The only module that talks to it.
 * The engine is the one that DOCKER_HOST names, else the local socket.
 */
export class Engine {
	readonly #docker = new Docker();

	async createNetwork(network: NetworkSpec): Promise<void> {
		await this.#docker.createNetwork({
			Name: network.name,
			Driver: "bridge",
			CheckDuplicate: true,
			Labels: network.labels,
			Options: { "com.docker.network.driver.mtu": String(network.mtu) },
			...(network.subnet
				? {
						IPAM: {
							Driver: "default",
							Config: [
								{
									Subnet: network.subnet,
									Gateway: network.gateway,
									IPRange: network.automaticRange,
								},
							],
						},
					}
				: {}),
		});
	}

	/** Cuts off what is still attached, then removes the network. */
	async removeNetwork(name: string): Promise<void> {
		await ignoring([404], async () => {
			const network = this.#docker.getNetwork(name);
			const { Id } = await network.inspect();
			// The network's own list lacks stopped containers, which could not
			// start again without it.
			const attached = await this.#docker.listContainers({
				all: true,
				filters: { network: [Id] },
			});
			for (const container of attached) await this.disconnect(Id, container.Id);
			await network.remove();
		});
	}

	async connect(
		network: string,
		container: string,
		address?: string,
	): Promise<void> {
		await this.#docker.getNetwork(network).connect({
			Container: container,
			EndpointConfig: address
				? { IPAMConfig: { IPv4Address: address } }
				: undefined,
		});
	}

	/** One that is not connected is fine. */
	async disconnect(network: string, container: string): Promise<void> {
		await ignoring([404, 500], () =>
			this.#docker
				.getNetwork(network)
				.disconnect({ Container: container, Force: true }),
		);
	}

	/** Creates a container without starting it. */
	async createContainer(container: ContainerSpec): Promise<void> {
		try {
			await this.#docker.createContainer({
				name: container.name,
				Image: container.image,
				Hostname: container.hostname,
				Env: assignments(container.environment),
				Labels: container.labels,
				HostConfig: {
					NetworkMode: container.network,
					...container.host,
				},
				NetworkingConfig: {
					EndpointsConfig: {
						[container.network]: {
							IPAMConfig: { IPv4Address: container.address },
						},
					},
				},
			});
		} catch (error) {
			if (!hasStatus(error, 404)) throw error;
			throw new UserError({
				expected: `the image ${container.image} in the Docker Engine`,
				found: (error as Error).message,
				fix: "npm run setup",
			});
		}
	}

	async start(container: string): Promise<void> {
		await this.#docker.getContainer(container).start();
	}

	/** Asks the container to end and kills it after `seconds`. */
	async stop(container: string, seconds: number): Promise<void> {
		await ignoring([304], () =>
			this.#docker.getContainer(container).stop({ t: seconds }),
		);
	}

	/** The last lines that the container wrote, for error messages. */
	async logs(container: string): Promise<string> {
		const text = await this.#docker
			.getContainer(container)
			.logs({ stdout: true, stderr: true, tail: 20 });
		// Chunks with a header of eight bytes, the last four of them the length.
		let lines = "";
		for (let at = 0; at + 8 <= text.length; ) {
			const end = at + 8 + text.readUInt32BE(at + 4);
			lines += text.toString("utf8", at + 8, end);
			at = end;
		}
		return lines;
	}

	/** Kills and removes the container with its anonymous volumes; one that is gone is fine. */
	async removeContainer(container: string): Promise<void> {
		// 409: another removal of the same container is under way.
		await ignoring([404, 409], () =>
			this.#docker.getContainer(container).remove({ force: true, v: true }),
		);
	}

	async createVolume(
		name: string,
		labels: Record<string, string>,
	): Promise<void> {
		await this.#docker.createVolume({ Name: name, Labels: labels });
	}

	async removeVolume(name: string): Promise<void> {
		await ignoring([404], () => this.#docker.getVolume(name).remove());
	}

	/** Runs a shell script in the container as root; see run. */
	async runScript(container: string, script: string): Promise<string> {
		return this.run(container, ["sh", "-s"], { input: script });
	}

	/**
	 * Runs a command in the container, as root unless told otherwise. Keys and
	 * passwords belong in `input`, its standard input: there they show neither in
	 * process lists nor in the engine's records. Resolves with its standard
	 * output; rejects when it fails.
	 */
	async run(
		container: string,
		command: string[],
		options: {
			user?: string;
			environment?: Record<string, string>;
			input?: string;
		} = {},
	): Promise<string> {
		const execution = await this.#docker.getContainer(container).exec({
			Cmd: command,
			User: options.user ?? "root",
			Env: assignments(options.environment),
			AttachStdin: true,
			AttachStdout: true,
			AttachStderr: true,
		});
		const stream = await execution.start({ hijack: true, stdin: true });
		const output = new Collector();
		const errors = new Collector();
		this.#docker.modem.demuxStream(stream, output, errors);
		await new Promise<void>((resolve, reject) => {
			stream.once("end", resolve);
			stream.once("close", resolve);
			stream.once("error", reject);
			stream.end(options.input ?? "");
		});
		const ExitCode = await exitCode(execution);
		if (ExitCode !== 0)
			throw new Error(
				`${command[0]} in ${container} ended with code ${ExitCode}: ${errors.text.trim() || output.text.trim() || "no output"}`,
			);
		return output.text;
	}

	/** What carries the label; `label` is NAME or NAME=VALUE. */
	async labelled(label: string): Promise<Labelled> {
		const filters = { label: [label] };
		const [containers, networks, volumes] = await Promise.all([
			this.#docker.listContainers({ all: true, filters }),
			this.#docker.listNetworks({ filters }),
			this.#docker.listVolumes({ filters }),
		]);
		return {
			containers: containers.map(({ Id, Labels }) => ({
				name: Id,
				labels: Labels,
			})),
			networks: networks.map(({ Id, Labels }) => ({
				name: Id,
				labels: Labels ?? {},
			})),
			volumes: (volumes.Volumes ?? []).map(({ Name, Labels }) => ({
				name: Name,
				labels: Labels ?? {},
			})),
		};
	}
}

export interface NetworkSpec {
	name: string;
	labels: Record<string, string>;
	mtu: number;
	/** CIDR; without one the engine takes a free block. */
	subnet?: string;
	gateway?: string;
	/** The part of the subnet that the engine may give out by itself. */
	automaticRange?: string;
}

export interface ContainerSpec {
	name: string;
	image: string;
	hostname: string;
	/** Shows in `docker inspect`: nothing secret. */
	environment?: Record<string, string>;
	labels: Record<string, string>;
	network: string;
	address: string;
	/** The types of dockerode do not know the last. */
	host: Docker.HostConfig & { CgroupnsMode?: "host" | "private" };
}

interface Item {
	name: string;
	labels: Record<string, string>;
}

export interface Labelled {
	containers: Item[];
	networks: Item[];
	volumes: Item[];
}

/** Whether the engine answered with this HTTP status. */
export function hasStatus(error: unknown, ...statuses: number[]): boolean {
	return (
		error instanceof Error &&
		"statusCode" in error &&
		statuses.includes(Number(error.statusCode))
	);
}

/** The engine may hear of the end later than the command's output ends. */
async function exitCode(execution: Docker.Exec): Promise<number | null> {
	for (;;) {
		const { Running, ExitCode } = await execution.inspect();
		if (!Running) return ExitCode;
		await delay(20);
	}
}

const assignments = (environment: Record<string, string> = {}): string[] =>
	Object.entries(environment).map(([name, value]) => `${name}=${value}`);

async function ignoring(
	statuses: number[],
	work: () => Promise<unknown>,
): Promise<void> {
	try {
		await work();
	} catch (error) {
		if (!hasStatus(error, ...statuses)) throw error;
	}
}

class Collector extends Writable {
	readonly #chunks: Buffer[] = [];

	get text(): string {
		return Buffer.concat(this.#chunks).toString("utf8");
	}

	override _write(chunk: Buffer, _: string, done: () => void): void {
		this.#chunks.push(chunk);
		done();
	}
}
