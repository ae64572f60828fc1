import {
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { CommandError, SetupError } from "./errors.mjs";

/** A failed download is not tried again for this long, so that a warm run is fast. */
export const FAILURE_MEMORY_MS = 24 * 3600 * 1000;

/**
 * The one folder that set-up keeps everything in, shared between clones:
 * $CUTOVER_CACHE, else $XDG_CACHE_HOME/cutover, else ~/.cache/cutover.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
	if (env.CUTOVER_CACHE) return resolve(env.CUTOVER_CACHE);
	const base = env.XDG_CACHE_HOME || join(homedir(), ".cache");
	return resolve(base, "cutover");
}

/** Paths in the cache folder and the small state that set-up remembers. */
export class Cache {
	/** @param {string} folder */
	constructor(folder) {
		this.folder = folder;
		/** Tools that come first on the child's PATH. */
		this.bin = join(folder, "bin");
		this.logs = join(folder, "logs");
		this.stateFile = join(folder, "state.json");
		try {
			for (const each of [folder, this.bin, this.logs])
				mkdirSync(each, { recursive: true });
		} catch (error) {
			throw new SetupError({
				expected: "a cache folder that can be written",
				found: error.message,
				fix: "set CUTOVER_CACHE to a folder of your own",
			});
		}
	}

	/** A path inside the cache folder. @param {...string} parts */
	path(...parts) {
		return join(this.folder, ...parts);
	}

	/** A fresh log file's path for one step. @param {string} name */
	log(name) {
		const file = join(this.logs, `${name.replaceAll(/[^\w.-]+/g, "-")}.log`);
		writeFileSync(file, "");
		return file;
	}

	/**
	 * What set-up remembers from run to run: failed downloads, packages that it
	 * installed and images that it pulled (for clean), the images
	 * that programs came from, whether the cache once was
	 * complete, whether a rehearsal was left running.
	 * @returns {{failures?: Record<string, {at: number, why: string}>, aptPackages?: string[], pulled?: string[], programs?: Record<string, string>, complete?: boolean, kept?: boolean}}
	 */
	read() {
		try {
			return JSON.parse(readFileSync(this.stateFile, "utf8"));
		} catch {
			// Missing at first; a torn one cannot be (see update), but a strange one is no reason to stop.
			return {};
		}
	}

	/** Changes the state: written aside and renamed, so that a kill leaves the old one whole. */
	update(change) {
		const state = this.read();
		change(state);
		const aside = `${this.stateFile}.${process.pid}`;
		writeFileSync(aside, JSON.stringify(state, null, "\t"));
		renameSync(aside, this.stateFile);
	}

	/** Why `what` failed less than a day ago, else undefined. @param {string} what */
	recentFailure(what) {
		const failure = this.read().failures?.[what];
		if (failure && Date.now() - failure.at < FAILURE_MEMORY_MS)
			return failure.why;
		return undefined;
	}

	/** @param {string} what @param {Error} error */
	rememberFailure(what, error) {
		this.update((state) => {
			state.failures ??= {};
			const why = error.message.split("\n").at(-1) ?? "";
			state.failures[what] = { at: Date.now(), why };
		});
	}

	/**
	 * Tries an official source: undefined when it fails now or did so less than a
	 * day ago.
	 * @template T
	 * @param {string} what
	 * @param {() => Promise<T>} work
	 * @returns {Promise<T | undefined>}
	 */
	async tryOfficial(what, work) {
		if (this.recentFailure(what)) return undefined;
		try {
			return await work();
		} catch (error) {
			if (!(error instanceof CommandError)) throw error;
			this.rememberFailure(what, error);
			return undefined;
		}
	}

	/** Removes the folder, or all in it where it is a mount point itself. */
	remove() {
		for (const name of readdirSync(this.folder))
			rmSync(this.path(name), { recursive: true, force: true });
		try {
			rmdirSync(this.folder);
		} catch (error) {
			if (error.code !== "EBUSY") throw error;
		}
	}
}
