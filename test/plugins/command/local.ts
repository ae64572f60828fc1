import { spawn } from "node:child_process";
import type * as command from "@pulumi/command";
import type { Unwrap } from "@pulumi/pulumi";
import type { FunctionType, Operation } from "../base/resource";
import type { Properties } from "../base/values";
import { findArchive, findAssets } from "./files";
import { commandResource } from "./lifecycle";
import { type Output, OutputCollector, previousOutput } from "./output";

type Args = Unwrap<command.local.CommandArgs>;

/** Where /bin/sh lies and how it takes a command line, on every Unix. */
const SHELL = ["/bin/sh", "-c"];

/**
 * Runs a command line on this machine.
 *
 * @throws Error with exit status, command line and output, worded as the
 *   official plugin does
 */
async function run(
	line: string,
	inputs: Properties,
	previous: Partial<Output>,
	operation: Pick<Operation, "signal"> & { show: (line: string) => void },
): Promise<Output & Properties> {
	const args = inputs as unknown as Args;
	const [program, ...programArgs] = [
		...(args.interpreter?.length ? args.interpreter : SHELL),
		line,
	];
	const directory = args.dir ?? process.cwd();
	const collector = new OutputCollector(args.logging, operation.show);
	const failure = await execute(program ?? "", programArgs, {
		directory,
		environment: {
			...process.env,
			...args.environment,
			...previousOutput(previous, args.addPreviousOutputInEnv),
		},
		stdin: args.stdin ?? "",
		signal: operation.signal,
		collector,
	});
	collector.end();
	if (failure !== undefined) {
		throw new Error(
			`${failure}: running ${JSON.stringify(line)}:\n${collector.combined()}`,
		);
	}
	return {
		...collector.output(),
		...(args.assetPaths
			? { assets: findAssets(directory, args.assetPaths) }
			: {}),
		...(args.archivePaths
			? { archive: findArchive(directory, args.archivePaths) }
			: {}),
	};
}

/** @returns why the command failed, or undefined when it did not */
function execute(
	program: string,
	args: string[],
	options: {
		directory: string;
		environment: NodeJS.ProcessEnv;
		stdin: string;
		signal: AbortSignal;
		collector: OutputCollector;
	},
): Promise<string | undefined> {
	return new Promise((resolve) => {
		const child = spawn(program, args, {
			cwd: options.directory,
			env: options.environment,
			stdio: "pipe",
			signal: options.signal,
			killSignal: "SIGKILL",
		});
		for (const stream of ["stdout", "stderr"] as const) {
			child[stream].on("data", (chunk: Buffer) =>
				options.collector.add(stream, chunk),
			);
		}
		// A command that does not read its input closes the pipe early.
		child.stdin.on("error", () => {});
		child.stdin.end(options.stdin);
		child.on("error", (error) => resolve(error.message));
		child.on("close", (code, signal) => {
			if (code === 0) {
				resolve(undefined);
			} else {
				resolve(signal ? `signal: ${signal}` : `exit status ${code}`);
			}
		});
	});
}

/** `command:local:Command` */
export const localCommand = commandResource(
	(line, inputs, previous, operation) =>
		run(line, inputs, previous, {
			signal: operation.signal,
			show: (text) => operation.engine.status(operation.urn, text),
		}),
);

/** `command:local:run`: runs at every evaluation of the program. */
export const localRun: FunctionType = async (args, { engine, signal }) => ({
	...args,
	...(await run(
		String(args.command),
		args,
		{},
		{
			signal,
			show: (text) => engine.status("", text),
		},
	)),
});
