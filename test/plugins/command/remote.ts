import type * as command from "@pulumi/command";
import type { Unwrap } from "@pulumi/pulumi";
import type { Client, ClientChannel } from "ssh2";
import type { Operation } from "../base/resource";
import { dial } from "./connection";
import { commandResource } from "./lifecycle";
import { type Output, OutputCollector, previousOutput } from "./output";

type Args = Unwrap<command.remote.CommandArgs>;

/**
 * Runs a command line on another machine.
 *
 * @throws Error with exit status, command line and output, worded as the
 *   official plugin does
 */
async function run(
	line: string,
	args: Args,
	previous: Partial<Output>,
	operation: Operation,
): Promise<Output> {
	const show = (text: string) => operation.engine.status(operation.urn, text);
	const client = await dial(args.connection, {
		signal: operation.signal,
		progress: show,
	});
	const close = () => client.end();
	operation.signal.addEventListener("abort", close, { once: true });
	try {
		const environment = await acceptedEnvironment(
			client,
			args.environment ?? {},
			previousOutput(previous, args.addPreviousOutputInEnv),
			(message) => operation.engine.warn(operation.urn, message),
		);
		const collector = new OutputCollector(args.logging, show);
		const failure = await execute(
			client,
			line,
			environment,
			args.stdin ?? "",
			collector,
		);
		collector.end();
		operation.signal.throwIfAborted();
		if (failure !== undefined) {
			throw new Error(
				`${failure}: running ${JSON.stringify(line)}:\n${collector.combined()}`,
			);
		}
		return collector.output();
	} finally {
		operation.signal.removeEventListener("abort", close);
		client.end();
	}
}

/**
 * The variables that the server takes. sshd drops silently those that its
 * AcceptEnv does not name, and ssh2 does not ask for an answer, so look.
 *
 * @param wanted without one of these the command fails
 * @param previous of these a warning is all, as in the official plugin
 */
async function acceptedEnvironment(
	client: Client,
	wanted: Record<string, string>,
	previous: Record<string, string>,
	warn: (message: string) => void,
): Promise<Record<string, string>> {
	const accepted: Record<string, string> = {};
	for (const [name, value] of Object.entries({ ...previous, ...wanted })) {
		const refused = await execute(
			client,
			`printenv ${name} >/dev/null`,
			{ [name]: value },
			"",
			new OutputCollector("none", () => {}),
		);
		if (refused === undefined) {
			accepted[name] = value;
			continue;
		}
		const message = `Unable to set '${name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could prefix the command itself with the variables in the form 'VAR=value command'`;
		if (name in wanted) {
			throw new Error(
				`could not set environment variable ${JSON.stringify(name)}: ssh: setenv failed\n${message}`,
			);
		}
		warn(message);
	}
	return accepted;
}

/** @returns why the command failed, or undefined when it did not */
function execute(
	client: Client,
	line: string,
	env: Record<string, string>,
	stdin: string,
	collector: OutputCollector,
): Promise<string | undefined> {
	return new Promise((resolve) => {
		client.exec(line, { env }, (error, channel) => {
			if (error) {
				resolve(error.message);
				return;
			}
			channel.on("data", (chunk: Buffer) => collector.add("stdout", chunk));
			channel.stderr.on("data", (chunk: Buffer) =>
				collector.add("stderr", chunk),
			);
			let outcome: string | undefined =
				"wait: remote command exited without exit status or exit signal";
			channel.on("exit", (code: number | null, signal?: string) => {
				outcome = exitReason(code, signal);
			});
			channel.on("close", () => resolve(outcome));
			feed(channel, stdin);
		});
	});
}

function exitReason(
	code: number | null,
	signal: string | undefined,
): string | undefined {
	if (code === 0) {
		return undefined;
	}
	return code === null
		? `Process exited from signal ${signal}`
		: `Process exited with status ${code}`;
}

function feed(channel: ClientChannel, stdin: string): void {
	// A command that does not read its input closes the channel early.
	channel.on("error", () => {});
	channel.end(stdin);
}

/** `command:remote:Command` */
export const remoteCommand = commandResource(
	(line, inputs, previous, operation) =>
		run(line, inputs as unknown as Args, previous, operation),
);
