import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../cutover/run";

export interface UpdateResult {
	/** Counts in the engine's words: created, updated, unchanged; in a preview create, update … */
	changes: Record<string, number>;
}

/** Runs the Pulumi CLI for one stack, its output kept in a log file each. */
export class Pulumi {
	#runs = 0;

	constructor(
		readonly stack: string,
		private readonly folder: string,
		private readonly logs: string,
	) {}

	async init(): Promise<void> {
		await this.#run(["stack", "init", this.stack]);
	}

	/** Sets plain values; each as Pulumi would from the command line. */
	async set(key: string, value: string): Promise<void> {
		await this.#run([
			...["config", "set", "-s", this.stack, "--plaintext"],
			...(/[.[]/.test(key) ? ["--path"] : []),
			fullKey(key),
			value,
		]);
	}

	/** The same for many, in one run. */
	async setAll(pairs: [key: string, value: string][]): Promise<void> {
		await this.#run([
			...["config", "set-all", "-s", this.stack, "--path"],
			...pairs.flatMap(([key, value]) => [
				"--plaintext",
				`${fullKey(key)}=${value}`,
			]),
		]);
	}

	/** Secret values go in by standard input, never as an argument. */
	async setSecret(key: string, value: string): Promise<void> {
		await this.#run(
			["config", "set", "-s", this.stack, "--secret", fullKey(key)],
			value,
		);
	}

	preview(): Promise<UpdateResult> {
		return this.#update(["preview", "-s", this.stack]);
	}

	up(): Promise<UpdateResult> {
		return this.#update(this.#changing("up"));
	}

	destroy(): Promise<UpdateResult> {
		return this.#update(this.#changing("destroy"));
	}

	/**
	 * Starts an update and ends the CLI with kill -9 as soon as its output matches;
	 * then unlocks the stack, as the next run would ask a person to.
	 *
	 * @throws Error when the update ends before that.
	 */
	async killed(command: "up" | "destroy", at: RegExp): Promise<void> {
		const log = await this.#logFile(`${command}-killed`);
		const child = spawn(
			"pulumi",
			[...this.#changing(command), "--color", "never", "--non-interactive"],
			{ cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] },
		);
		const stream = createWriteStream(log, { mode: 0o600 });
		let output = "";
		let reached = false;
		for (const part of [child.stdout, child.stderr])
			part.on("data", (chunk: Buffer) => {
				stream.write(chunk);
				output += chunk;
				if (reached || !at.test(output)) return;
				reached = true;
				child.kill("SIGKILL");
			});
		await new Promise((done) => child.once("exit", done));
		stream.end();
		if (!reached)
			throw new Error(`pulumi ${command} ended before ${at} (all in ${log})`);
		await this.#run(["cancel", "-s", this.stack, "--yes"]);
	}

	#changing(command: "up" | "destroy"): string[] {
		return [command, "-s", this.stack, "--yes", "--skip-preview"];
	}

	/**
	 * An `up` that the program itself refuses.
	 *
	 * @returns the line of its message that says what was found.
	 */
	async refused(expected: RegExp): Promise<string> {
		const message = await this.up().then(
			() => "",
			(error: Error) => error.message,
		);
		if (!expected.test(message))
			throw new Error(
				`pulumi up -s ${this.stack} was to be refused with ${expected}: ${message || "it was not"}`,
			);
		return /^ *found (.*)$/m.exec(message)?.[1] ?? "refused";
	}

	async #update(args: string[]): Promise<UpdateResult> {
		const output = await this.#run([...args, "--color", "never"]);
		return { changes: changesOf(output) };
	}

	async #logFile(what: string): Promise<string> {
		await mkdir(this.logs, { recursive: true });
		const number = String(++this.#runs).padStart(2, "0");
		return join(this.logs, `${this.stack}-${number}-${what}.log`);
	}

	async #run(args: string[], input = ""): Promise<string> {
		const log = await this.#logFile(args[0] ?? "");
		const result = await run("pulumi", [...args, "--non-interactive"], {
			cwd: this.folder,
			input,
		});
		const stream = createWriteStream(log, { mode: 0o600 });
		await new Promise((done) => stream.end(result.all, done as never));
		if (result.exitCode !== 0) {
			throw new Error(
				`pulumi ${args[0]} -s ${this.stack} ended with ${result.exitCode ?? "a signal"}; what it says (all in ${log}):\n${diagnosticsOf(result.all)}`,
			);
		}
		return result.all;
	}
}

/** What went wrong, without the outputs that follow; the last lines where there is none. */
function diagnosticsOf(output: string): string {
	const block = output.split(/^Diagnostics:$/m)[1]?.split(/^\w+:/m)[0];
	const lines = (block ?? output).trim().split("\n");
	return lines
		.filter((line) => !/warning: using pulumi-|^\s*$/.test(line))
		.slice(-25)
		.join("\n");
}

/** A key as Pulumi takes it: the project's own where it names no other namespace. */
export function fullKey(key: string): string {
	return key.includes(":") ? key : `cutover:${key}`;
}

/** The "Resources:" block that ends every update: "    + 12 created", "    5 unchanged". */
export function changesOf(output: string): Record<string, number> {
	const block = output.split(/^Resources:.*$/m)[1]?.split("\n\n")[0] ?? "";
	const changes: Record<string, number> = {};
	for (const [, count, word = ""] of block.matchAll(
		/(\d+) (?:to )?([a-z]+)(?!\w)/g,
	)) {
		// "15 changes. 5 unchanged": the sum says nothing about operations.
		if (word !== "changes") changes[word] = Number(count);
	}
	return changes;
}
