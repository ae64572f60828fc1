import {
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { SetupError } from "./errors.mjs";
import { checkInterrupted } from "./exec.mjs";

const LOOK_MS = 500;
/** Longer than any set-up from nothing. */
const WAIT_MS = 40 * 60_000;

/**
 * Does something that only one process of this cache folder may do at a time.
 * The lock of a process that is gone is taken over.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {(holder: number) => void} [waiting] told once whom we wait for
 * @returns {Promise<T>}
 * @throws {SetupError} when the holder keeps it for longer than any set-up takes
 */
export async function withLock(file, work, waiting = () => {}) {
	const deadline = Date.now() + WAIT_MS;
	let told = false;
	while (!take(file)) {
		const holder = read(file);
		if (holder === undefined) continue; // Released this moment.
		if (!isAlive(holder)) {
			discard(file, holder);
			continue;
		}
		if (!told) waiting(holder.pid);
		told = true;
		if (Date.now() > deadline)
			throw new SetupError({
				expected: "the other set-up on this machine to end",
				found: `process ${holder.pid} has held ${file} for ${WAIT_MS / 60_000} minutes`,
				fix: `end process ${holder.pid} and run again`,
			});
		await sleep(LOOK_MS);
		checkInterrupted();
	}
	const release = () => {
		if (read(file)?.pid === process.pid) rmSync(file, { force: true });
	};
	process.once("exit", release);
	try {
		return await work();
	} finally {
		process.off("exit", release);
		release();
	}
}

/** A link appears with its whole content or not at all. */
function take(file) {
	const aside = `${file}.${process.pid}`;
	writeFileSync(aside, JSON.stringify(identity(process.pid)));
	try {
		linkSync(aside, file);
		return true;
	} catch (error) {
		if (error.code === "EEXIST") return false;
		throw error;
	} finally {
		rmSync(aside, { force: true });
	}
}

/**
 * Takes a dead process's lock away. Two may try at once, so it is moved first
 * and looked at then: if it was somebody's fresh one, it goes back.
 */
function discard(file, dead) {
	const aside = `${file}.stale.${process.pid}`;
	try {
		renameSync(file, aside);
		const moved = read(aside);
		if (moved && (moved.pid !== dead.pid || moved.started !== dead.started))
			linkSync(aside, file);
	} catch {
		// Somebody else was faster.
	}
	rmSync(aside, { force: true });
}

function read(file) {
	try {
		return JSON.parse(readFileSync(file, "utf8"));
	} catch {
		return undefined;
	}
}

/** A process is named by its number and its start: numbers come again. */
function identity(pid) {
	return { pid, started: startOf(pid) };
}

function isAlive({ pid, started }) {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if (error.code !== "EPERM") return false;
	}
	const now = startOf(pid);
	return started === undefined || now === undefined || now === started;
}

/** Start of a process in clock ticks since boot: field 22 of /proc/PID/stat, see proc(5). */
function startOf(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
	} catch {
		return undefined;
	}
}

/**
 * The processes that use what set-up started, one file each in a folder: the
 * last one to leave turns off the light.
 */
export class Users {
	/** @param {string} folder */
	constructor(folder) {
		this.folder = folder;
		mkdirSync(folder, { recursive: true });
	}

	enter() {
		writeFileSync(
			`${this.folder}/${process.pid}`,
			JSON.stringify(identity(process.pid)),
		);
	}

	leave() {
		rmSync(`${this.folder}/${process.pid}`, { force: true });
	}

	/** Ids of the others that still run; forgets those that are gone. @returns {number[]} */
	others() {
		const alive = [];
		for (const name of readdirSync(this.folder)) {
			if (name === String(process.pid)) continue;
			const user = read(`${this.folder}/${name}`);
			if (user && isAlive(user)) alive.push(user.pid);
			else rmSync(`${this.folder}/${name}`, { force: true });
		}
		return alive;
	}
}
