import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";

export interface RunOptions {
	cwd?: string;
	/** Added to this process's environment. */
	env?: Record<string, string>;
	/** Standard input; the way for secrets, since arguments are seen by all. */
	input?: string;
	/** Standard output goes to this file (mode 0600) instead of the result. */
	outputFile?: string;
	/** Standard error is shown while it comes. */
	showProgress?: boolean;
	/** Killed after this; no limit by default. */
	timeoutMs?: number;
}

export interface RunResult {
	/** undefined when a signal or a time-out ended it. */
	exitCode: number | undefined;
	stdout: string;
	stderr: string;
	/** Both, in the order they came. */
	all: string;
}

/**
 * Runs a program to its end; an exit code other than 0 is a result.
 *
 * @throws Error when the program cannot be started.
 */
export function run(
	program: string,
	args: string[],
	options: RunOptions = {},
): Promise<RunResult> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, {
			cwd: options.cwd,
			env: { ...process.env, ...options.env },
			timeout: options.timeoutMs,
			killSignal: "SIGKILL",
		});
		const stdout: Buffer[] = [];
		const stderr: Buffer[] = [];
		const all: Buffer[] = [];
		if (options.outputFile) {
			child.stdout.pipe(createWriteStream(options.outputFile, { mode: 0o600 }));
		} else {
			child.stdout.on("data", (chunk: Buffer) => {
				stdout.push(chunk);
				all.push(chunk);
			});
		}
		child.stderr.on("data", (chunk: Buffer) => {
			stderr.push(chunk);
			all.push(chunk);
			if (options.showProgress) process.stderr.write(chunk);
		});
		child.once("error", reject);
		child.once("close", (code) =>
			resolve({
				exitCode: code ?? undefined,
				stdout: Buffer.concat(stdout).toString(),
				stderr: Buffer.concat(stderr).toString(),
				all: Buffer.concat(all).toString(),
			}),
		);
		// A program that ends without reading its input is judged by its exit code.
		child.stdin.on("error", () => undefined);
		child.stdin.end(options.input ?? "");
	});
}

/** As `run`, but an exit code other than 0 throws the end of standard error. */
export async function runOrThrow(
	program: string,
	args: string[],
	options: RunOptions = {},
): Promise<RunResult> {
	const result = await run(program, args, options);
	if (result.exitCode !== 0) {
		throw new Error(
			`${program} ended with ${result.exitCode ?? "a signal"}: ${result.stderr.trim().slice(-800)}`,
		);
	}
	return result;
}
