import type Docker from "dockerode";

/** Where a peer's container runs. */
export interface Place {
	docker: Docker;
	/** Docker's name of the public network, and the container's address on it. */
	network: string;
	address: string;
	/** Labels by which leftovers are found. */
	labels: Record<string, string>;
}

export interface ContainerSpec {
	/** Behind the network's name, it names the container. */
	name: string;
	image: string;
	environment?: Record<string, string>;
	command?: string[];
	shmBytes?: number;
	/** What other containers on the network call it. */
	alias?: string;
}

/** Starts a container with a fixed address on the public network. */
export async function runContainer(
	place: Place,
	spec: ContainerSpec,
): Promise<Docker.Container> {
	const container = await place.docker.createContainer({
		name: `${place.network}-${spec.name}`,
		Image: spec.image,
		Labels: place.labels,
		Env: Object.entries(spec.environment ?? {}).map(
			([key, value]) => `${key}=${value}`,
		),
		...(spec.command ? { Cmd: spec.command } : {}),
		HostConfig: {
			NetworkMode: place.network,
			...(spec.shmBytes ? { ShmSize: spec.shmBytes } : {}),
		},
		NetworkingConfig: {
			EndpointsConfig: {
				[place.network]: {
					IPAMConfig: { IPv4Address: place.address },
					...(spec.alias ? { Aliases: [spec.alias] } : {}),
				},
			},
		},
	});
	try {
		await container.start();
	} catch (error) {
		await removeContainer(container);
		throw error;
	}
	return container;
}

export async function removeContainer(
	container: Docker.Container,
): Promise<void> {
	await container.remove({ force: true, v: true });
}

/**
 * Repeats an attempt until it succeeds. Rejects with the container's last lines
 * when it ends or the time is up.
 */
export async function untilReady<Result>(
	container: Docker.Container,
	what: string,
	timeoutMs: number,
	attempt: () => Promise<Result>,
): Promise<Result> {
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		try {
			return await attempt();
		} catch (error) {
			const { State } = await container.inspect();
			if (!State.Running || Date.now() > deadline) {
				const log = await container.logs({
					stdout: true,
					stderr: true,
					tail: 20,
				});
				throw new Error(
					`${what} did not start: ${(error as Error).message}\n${log.toString()}`,
				);
			}
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
}
