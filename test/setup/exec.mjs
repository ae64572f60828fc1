import { spawn } from "node:child_process";
import { accessSync, constants, createWriteStream } from "node:fs";
import { delimiter, join } from "node:path";
import { CommandError, Interrupted } from "./errors.mjs";

/** Characters of output kept for the answer; more goes to the log only. */
const KEPT = 1_000_000;
/** Process groups that run now; they end with this process, however it ends. */
const groups = new Set();
process.on("exit", () => groups.forEach(killGroup));

let interrupted = false;

/** Ends all commands; they and all later ones reject with Interrupted until `resume`. */
export function interrupt() {
	interrupted = true;
	groups.forEach(killGroup);
}

export function resume() {
	interrupted = false;
}

/** @throws {Interrupted} after `interrupt`, for loops that run no commands */
export function checkInterrupted() {
	if (interrupted) throw new Interrupted();
}

/** How often a command that must keep moving is looked at. */
const LOOK_MS = 500;

/**
 * Runs a command to its end and gives what it wrote to standard output.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] in place of this process's own
 * @param {string} [options.input] for standard input
 * @param {number} [options.timeoutMs] ends the command after this time
 * @param {number} [options.firstSignMs] ends it when it printed nothing by then
 * @param {number} [options.stallMs] ends it after this time without a sign of life
 * @param {() => unknown} [options.progress] a value that changes while the command
 *   moves; its output counts as a sign of life too
 * @param {string} [options.log] file that gets all output
 * @returns {Promise<string>}
 * @throws {Interrupted} after `interrupt`
 * @throws {CommandError} when it cannot start, exits other than 0, or is ended here
 */
export function run(command, args, options = {}) {
	const { cwd, env, input, log, progress } = options;
	const { timeoutMs, firstSignMs, stallMs } = options;
	const limited = [timeoutMs, firstSignMs, stallMs].some(Boolean);
	return new Promise((resolve, reject) => {
		checkInterrupted();
		const child = spawn(command, args, {
			cwd,
			env: env ?? process.env,
			// Its own group, so that ending it ends what it started as well.
			detached: true,
			stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
		});
		groups.add(child.pid);
		const logStream = log ? createWriteStream(log, { flags: "a" }) : undefined;
		const output = { stdout: "", both: "" };
		let lastSign = Date.now();
		let ended;
		const started = Date.now();

		const keep = (stream) => (chunk) => {
			const text = chunk.toString();
			lastSign = Date.now();
			logStream?.write(text);
			output.both = (output.both + text).slice(-KEPT);
			if (stream === "stdout")
				output.stdout = (output.stdout + text).slice(-KEPT);
		};
		child.stdout.on("data", keep("stdout"));
		child.stderr.on("data", keep("stderr"));
		if (input !== undefined) {
			// A command that stops reading early says why by its exit code.
			child.stdin.on("error", () => {});
			child.stdin.end(input);
		}

		let lastProgress = progress?.();
		const watch = limited
			? setInterval(() => {
					const now = progress?.();
					if (now !== lastProgress) {
						lastProgress = now;
						lastSign = Date.now();
					}
					if (timeoutMs && Date.now() - started > timeoutMs)
						ended = `no end after ${timeoutMs / 1000} s`;
					else if (
						firstSignMs &&
						output.both === "" &&
						Date.now() - started > firstSignMs
					)
						ended = `no answer within ${firstSignMs / 1000} s`;
					else if (stallMs && Date.now() - lastSign > stallMs)
						ended = `no progress for ${stallMs / 1000} s`;
					else return;
					killGroup(child.pid);
				}, LOOK_MS)
			: undefined;

		const finish = (failure) => {
			clearInterval(watch);
			groups.delete(child.pid);
			logStream?.end();
			if (failure && interrupted) reject(new Interrupted());
			else if (failure) reject(new CommandError(failure, tail(output.both)));
			else resolve(output.stdout);
		};
		child.on("error", (error) => finish(`${command}: ${error.message}`));
		child.on("close", (code, signal) => {
			if (ended) finish(`${command} ${args[0] ?? ""}: ${ended}`);
			else if (code !== 0)
				finish(`${command} ${args[0] ?? ""} ended with ${code ?? signal}`);
			else finish();
		});
	});
}

/** As `run`, but undefined in place of a failure. @returns {Promise<string|undefined>} */
export async function attempt(command, args, options) {
	try {
		return await run(command, args, options);
	} catch (error) {
		if (error instanceof CommandError) return undefined;
		throw error;
	}
}

/**
 * The full path of a program on PATH.
 * @param {string} name
 * @param {string} [path] in place of this process's PATH
 * @returns {string | undefined}
 */
export function which(name, path = process.env.PATH ?? "") {
	for (const folder of path.split(delimiter).filter(Boolean)) {
		const file = join(folder, name);
		try {
			accessSync(file, constants.X_OK);
			return file;
		} catch {
			// Not in this folder.
		}
	}
	return undefined;
}

function killGroup(pid) {
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// It ended by itself in the meantime.
	}
}

function tail(text, lines = 15) {
	return text.trimEnd().split("\n").slice(-lines).join("\n");
}
