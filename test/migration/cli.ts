import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Outcome } from "../../migration/commands/outcome";
import { runCommand } from "../../migration/commands/run";
import { MigrationError } from "../../migration/errors";
import { parseOptions } from "../../migration/options";

export interface CliResult {
	readonly exitCode: number | null;
	readonly stdout: string;
	readonly stderr: string;
	/** The last line of standard output, where it is JSON. */
	// biome-ignore lint/suspicious/noExplicitAny: its shape is what the tests are about
	readonly json: any;
}

const CLI = join(__dirname, "../../migration/cli.ts");

/** Runs the migration's command line as an operator would, in its own process. */
export async function migrate(
	args: readonly string[],
	environment: Record<string, string> = {},
	stdin = "",
): Promise<CliResult> {
	const child = spawn(process.execPath, ["--import", "tsx", CLI, ...args], {
		env: { ...process.env, ...environment },
		stdio: ["pipe", "pipe", "pipe"],
	});
	child.stdin.end(stdin);
	const ended = new Promise<number | null>((resolve) =>
		child.once("close", resolve),
	);
	const [stdout, stderr, exitCode] = await Promise.all([
		text(child.stdout),
		text(child.stderr),
		ended,
	]);
	return { exitCode, stdout, stderr, json: lastJson(stdout) };
}

/** A command that runs until it is told to end, in its own process. */
export class Running {
	stderr = "";
	stdout = "";
	/** The exit code; null after a signal. */
	readonly ended: Promise<number | null>;
	private readonly child: ChildProcess;

	constructor(args: readonly string[], env: Record<string, string>) {
		this.child = spawn(process.execPath, ["--import", "tsx", CLI, ...args], {
			env: { ...process.env, ...env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.child.stderr?.on("data", (text: Buffer) => {
			this.stderr += text.toString();
		});
		this.child.stdout?.on("data", (text: Buffer) => {
			this.stdout += text.toString();
		});
		this.ended = new Promise((resolve) => this.child.once("close", resolve));
	}

	stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
		this.child.kill(signal);
		return this.ended;
	}
}

/** Runs `work` with a directory that goes afterwards. */
export async function withDirectory<T>(
	work: (directory: string) => Promise<T>,
): Promise<T> {
	const directory = await mkdtemp(join(tmpdir(), "export-"));
	try {
		return await work(directory);
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

function lastJson(stdout: string): unknown {
	const last = stdout.trimEnd().split("\n").at(-1) ?? "";
	return last.startsWith("{") ? JSON.parse(last) : undefined;
}

/** Runs a command within this process: as the command line does, but faster. */
export async function migrateHere(
	args: readonly string[],
	environment: Record<string, string> = {},
): Promise<Outcome> {
	return runCommand(
		await parseOptions(args, environment, async () => {
			throw new Error("nothing on standard input");
		}),
	);
}

/** Runs a command that has to fail with a message for people. */
export async function refused(
	args: readonly string[],
	environment: Record<string, string> = {},
): Promise<MigrationError> {
	try {
		await migrateHere(args, environment);
	} catch (error) {
		if (error instanceof MigrationError) return error;
		throw error;
	}
	throw new Error(`${args.join(" ")} was not refused`);
}
