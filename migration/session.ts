import { createInterface } from "node:readline";
import { runCommand } from "./commands/run";
import { ExitCode, MigrationError } from "./errors";
import { parseOptions } from "./options";

interface Request {
	/** The answer has the same. */
	readonly id: number;
	/** As on the command line. */
	readonly arguments: readonly string[];
	/** Added to this process's own. */
	readonly environment: Readonly<Record<string, string>>;
}

/**
 * Runs the commands that come on standard input, a JSON object a line, as soon as
 * they come, and answers each with one on standard output: `{id, exitCode, result,
 * message}`, where the result is what `--json` prints and the message is what a
 * person would read of one that did not end well. Ends with standard input, when all
 * have ended. For a caller to whom time counts: a process, and the container around
 * it, takes a second to start.
 *
 * @param input standard input.
 * @param answer takes a line of standard output.
 */
export async function serveCommands(
	input: NodeJS.ReadableStream,
	answer: (line: string) => void,
): Promise<void> {
	const running: Promise<void>[] = [];
	for await (const line of createInterface({ input })) {
		const request = JSON.parse(line) as Request;
		running.push(
			run(request).then((result) =>
				answer(JSON.stringify({ id: request.id, ...result })),
			),
		);
	}
	await Promise.all(running);
}

async function run({ arguments: args, environment }: Request) {
	try {
		const options = await parseOptions(
			args,
			{ ...process.env, ...environment },
			async () => "{}",
		);
		const { json, lines, exitCode } = await runCommand(options);
		const message = exitCode === ExitCode.done ? "" : lines.join("\n");
		const result = { command: options.command, ...json };
		return { exitCode, result, message };
	} catch (error) {
		const known = error instanceof MigrationError;
		return {
			exitCode: known ? error.exitCode : ExitCode.failure,
			result: {},
			message: known ? error.message : String((error as Error).stack),
		};
	}
}
