import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isAlive } from "../../../cutover/processes";
import { type Engine, hasStatus, type Labelled } from "./engine";

/** Process id of the emulator that something in the Docker Engine belongs to. */
export const EMULATOR_LABEL = "cutover.emulator";
/** When that process started, since a later process may get the same id. */
const STARTED_LABEL = "cutover.emulator.started";
/** One Machines instance, as a process may hold several. */
const INSTANCE_LABEL = "cutover.emulator.machines";

/** Marks everything that this process makes in the engine as its own. */
export function emulatorLabels(): Record<string, string> {
	const started = startTime(process.pid);
	return {
		[EMULATOR_LABEL]: String(process.pid),
		...(started ? { [STARTED_LABEL]: started } : {}),
	};
}

/** The labels of one Machines instance and a prefix for its names in the engine. */
export class Owner {
	readonly #id = randomBytes(3).toString("hex");
	readonly labels = { ...emulatorLabels(), [INSTANCE_LABEL]: this.#id };

	/** For instance cutover-4711-1a2b3c-droplet-5. */
	name(what: string): string {
		return `cutover-${process.pid}-${this.#id}-${what}`;
	}

	/** Removes all that carries this instance's labels. */
	async removeAll(engine: Engine): Promise<void> {
		await remove(
			engine,
			await engine.labelled(`${INSTANCE_LABEL}=${this.#id}`),
		);
	}
}

/**
 * Removes what emulators left behind that were killed before they could. Another
 * emulator may be doing the same at this moment: then the engine refuses some,
 * and the other finishes.
 */
export async function removeLeftovers(engine: Engine): Promise<void> {
	const all = await engine.labelled(EMULATOR_LABEL);
	const abandoned = ({ labels }: { labels: Record<string, string> }) =>
		!hasOwner(labels);
	await remove(
		engine,
		{
			containers: all.containers.filter(abandoned),
			networks: all.networks.filter(abandoned),
			volumes: all.volumes.filter(abandoned),
		},
		(error) => {
			if (!hasStatus(error, 403, 409)) throw error;
		},
	);
}

async function remove(
	engine: Engine,
	items: Labelled,
	onError?: (error: unknown) => void,
): Promise<void> {
	await Promise.all(
		items.containers.map(({ name }) =>
			engine.removeContainer(name).catch(onError),
		),
	);
	await Promise.all([
		...items.networks.map(({ name }) =>
			engine.removeNetwork(name).catch(onError),
		),
		...items.volumes.map(({ name }) =>
			engine.removeVolume(name).catch(onError),
		),
	]);
}

function hasOwner(labels: Record<string, string>): boolean {
	const pid = Number(labels[EMULATOR_LABEL]);
	if (!Number.isInteger(pid) || pid <= 0) return false;
	if (!isAlive(pid)) return false;
	const started = labels[STARTED_LABEL];
	// Unknown where other users' processes are hidden: better left than taken away.
	return !started || started === (startTime(pid) ?? started);
}

/** Field 22 of /proc/PID/stat (proc(5)), in ticks since boot; undefined without /proc. */
function startTime(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		// The second field, a name in parentheses, may hold spaces.
		return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
	} catch {
		return undefined;
	}
}
