import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../cutover/errors";
import { isAlive } from "../../cutover/processes";

const stateSchema = z.object({
	/** The rehearsal's own process. */
	pid: z.number(),
	/** The emulator's process, leader of its group. */
	emulatorPid: z.number().optional(),
	/** True when the rehearsal ended and left everything up on purpose. */
	kept: z.boolean(),
});

type RehearsalState = z.infer<typeof stateSchema>;

/** The cache folder that set-up named; the same default as there. */
export const cacheFolder =
	process.env.CUTOVER_CACHE ??
	join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover");

export const rehearsalFolder = join(cacheFolder, "rehearsal");

const stateFile = join(rehearsalFolder, "state.json");

async function readState(): Promise<RehearsalState | undefined> {
	try {
		return stateSchema.parse(JSON.parse(await readFile(stateFile, "utf8")));
	} catch {
		// None, or half-written by a killed run: nothing to go by either way.
		return undefined;
	}
}

async function writeState(state: RehearsalState): Promise<void> {
	await mkdir(rehearsalFolder, { recursive: true, mode: 0o700 });
	await writeFile(stateFile, JSON.stringify(state));
}

/**
 * Takes down what an earlier rehearsal left: kept on purpose or killed.
 *
 * @returns what was found, for a person, or undefined.
 * @throws UserError when another rehearsal is running right now.
 */
export async function takeDown(): Promise<string | undefined> {
	const state = await readState();
	if (!state) return undefined;
	if (!state.kept && state.pid !== process.pid && isAlive(state.pid)) {
		throw new UserError({
			expected: "no other rehearsal on this machine",
			found: `one that runs as process ${state.pid}`,
			fix: `wait for it, or end it: kill ${state.pid}`,
		});
	}
	if (state.emulatorPid !== undefined) await endProcess(state.emulatorPid);
	await rm(stateFile, { force: true });
	return state.kept
		? "a rehearsal kept by --keep"
		: "a rehearsal that was killed";
}

/** Asks a process to end and waits for it; ends it by force after 60 s. */
async function endProcess(pid: number): Promise<void> {
	if (!(await isEmulator(pid))) return;
	process.kill(pid, "SIGTERM");
	const deadline = Date.now() + 60_000;
	while (isAlive(pid)) {
		if (Date.now() > deadline) process.kill(pid, "SIGKILL");
		await delay(100);
	}
}

/** Process ids are used again: only a process that runs the emulator is ours. */
async function isEmulator(pid: number): Promise<boolean> {
	if (!isAlive(pid)) return false;
	try {
		const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
		return command.includes("emulator/main.ts");
	} catch {
		return false;
	}
}

/** What this rehearsal has running, noted so that the next one can take it down. */
export class Lifetime {
	#emulatorPid: number | undefined;

	/** Notes that a rehearsal runs from here on. */
	begin(): Promise<void> {
		return this.#note(false);
	}

	/** Notes the emulator as soon as it has a process id, ready or not. */
	emulatorStarted(pid: number): Promise<void> {
		this.#emulatorPid = pid;
		return this.#note(false);
	}

	/** Leaves everything up on purpose. */
	keep(): Promise<void> {
		return this.#note(true);
	}

	/** Takes everything down. */
	async end(): Promise<void> {
		await this.#note(false);
		await takeDown();
	}

	#note(kept: boolean): Promise<void> {
		return writeState({
			pid: process.pid,
			...(this.#emulatorPid === undefined
				? {}
				: { emulatorPid: this.#emulatorPid }),
			kept,
		});
	}
}
