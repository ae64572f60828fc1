import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../free-port";
import { program } from "./program";

/** The names of the series in a text of Prometheus' format. */
export function namesIn(text: string): Set<string> {
	return new Set(
		text
			.split("\n")
			.filter((line) => line && !line.startsWith("#"))
			.map((line) => line.replace(/[{ ].*$/, "")),
	);
}

export interface Exporter {
	/** What it answers to this path. */
	get(path: string): Promise<string>;
	stop(): Promise<void>;
}

/**
 * Starts a program that set-up provides on a free port of loopback and waits until
 * it answers.
 *
 * @param flags for a port.
 * @throws Error with its output where it ends instead.
 */
export async function startExporter(
	name: string,
	flags: (port: number) => string[],
	environment: Record<string, string> = {},
): Promise<Exporter> {
	const port = await freePort();
	const process = spawn(program(name), flags(port), { env: environment });
	let output = "";
	for (const stream of [process.stdout, process.stderr])
		stream.on("data", (chunk: Buffer) => {
			output += chunk;
		});
	const ended = once(process, "exit");
	const get = (path: string) =>
		fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text());
	for (;;) {
		const state = await Promise.race([
			ended.then(() => "ended"),
			get("/metrics").then(
				() => "answers",
				() => new Promise((resolve) => setTimeout(resolve, 50, "not yet")),
			),
		]);
		if (state === "answers") break;
		if (state === "ended") throw new Error(`${name} ended: ${output}`);
	}
	return {
		get,
		async stop() {
			process.kill("SIGKILL");
			await ended;
		},
	};
}
