import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { waitFor } from "../../cutover/wait";

const environmentSchema = z.record(z.string(), z.string());

/**
 * Starts the emulator as a process of its own, so that with --keep it outlives
 * the rehearsal; its output goes to files for the same reason. Resolves with
 * the environment it prints when ready.
 *
 * @throws Error naming its log when it stops before that.
 */
export async function startEmulatorProcess(
	checkout: string,
	logs: string,
	onStart: (pid: number) => Promise<void>,
): Promise<Record<string, string>> {
	const output = join(logs, "emulator.json");
	const log = join(logs, "emulator.log");
	const state = join(logs, "..", "emulator");
	const child = spawn(
		process.execPath,
		["--import", "tsx", "test/emulator/main.ts", "--json", "--state", state],
		{
			cwd: checkout,
			detached: true,
			stdio: [
				"ignore",
				openSync(output, "w", 0o600),
				openSync(log, "w", 0o600),
			],
		},
	);
	child.unref();
	let stopped: string | undefined;
	child.once("error", (error) => {
		stopped = error.message;
	});
	child.once("exit", (code, signal) => {
		stopped = `exit ${code ?? signal}`;
	});
	if (child.pid !== undefined) await onStart(child.pid);
	const line = await waitFor(
		"the emulator ready",
		async () => {
			const text = await readFile(output, "utf8");
			if (text.includes("\n")) return text.split("\n")[0];
			return stopped === undefined ? undefined : "";
		},
		{ timeoutMs: 300_000, intervalMs: 100 },
	);
	if (!line) {
		const tail = (await readFile(log, "utf8")).trim().split("\n").slice(-20);
		throw new Error(
			`the emulator stopped before it was ready (${stopped}); the end of ${log}:\n${tail.join("\n")}`,
		);
	}
	return environmentSchema.parse(JSON.parse(line));
}
