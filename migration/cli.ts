import { text } from "node:stream/consumers";
import { runCommand } from "./commands/run";
import { ExitCode, MigrationError } from "./errors";
import { parseOptions } from "./options";
import { serveCommands } from "./session";
import { USAGE } from "./usage";

/** Runs one command and gives the exit code; all that it prints is free of secrets. */
async function main(args: readonly string[]): Promise<number> {
	if (args.includes("--help") || args.includes("-h")) {
		process.stdout.write(USAGE);
		return ExitCode.done;
	}
	if (args.length === 1 && args[0] === "session") {
		await serveCommands(process.stdin, (line) =>
			process.stdout.write(`${line}\n`),
		);
		return ExitCode.done;
	}
	const startedAt = performance.now();
	const options = await parseOptions(args, process.env, () =>
		text(process.stdin),
	);
	const outcome = await runCommand(options);
	const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(3));
	// Lines for people go where progress goes when a program reads standard output.
	const people = options.json ? process.stderr : process.stdout;
	for (const line of outcome.lines) people.write(`${line}\n`);
	// Kilobytes, as getrusage gives them on Linux.
	const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
	if (options.json)
		process.stdout.write(
			`${JSON.stringify({ command: options.command, ...outcome.json, seconds, peakMemoryBytes })}\n`,
		);
	return outcome.exitCode;
}

main(process.argv.slice(2)).then(
	(exitCode) => {
		process.exitCode = exitCode;
	},
	(error: Error) => {
		const known = error instanceof MigrationError;
		process.stderr.write(`${known ? error.message : error.stack}\n`);
		// At once: what has failed may have left work behind that hangs.
		process.exit(known ? error.exitCode : ExitCode.failure);
	},
);
