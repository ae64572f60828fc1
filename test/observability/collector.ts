import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../cutover/wait";
import { collectorConfig, nodeVariable } from "../../observability/otel";
import { freePort } from "../free-port";
import { parseConfig } from "../stand-ins/loki/config";
import { Loki } from "../stand-ins/loki/server";
import { program } from "./program";

/** Loki's own configuration file, which the stand-in obeys too. */
export const lokiFile = join(__dirname, "../../observability/loki/loki.yaml");

/** A line as a query finds it. */
export interface FoundLine {
	line: string;
	labels: Record<string, string>;
}

export interface TestLoki {
	url: string;
	/** The lines of the last hour, oldest first. */
	lines(query: string): Promise<FoundLine[]>;
	get(path: string): Promise<Response>;
	stop(): Promise<void>;
}

/** @param port default: a free one. */
export async function startLoki(port = 0): Promise<TestLoki> {
	const config = parseConfig(readFileSync(lokiFile, "utf8"));
	const { server } = new Loki({ config, maxBytes: 2 ** 26 });
	server.listen(port, "127.0.0.1");
	await once(server, "listening");
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const get = (path: string) => fetch(`${url}${path}`);
	return {
		url,
		get,
		async lines(query) {
			const parameters = new URLSearchParams({
				...{ query, limit: "5000", direction: "forward", since: "1h" },
			});
			const answer = await get(`/loki/api/v1/query_range?${parameters}`);
			if (!answer.ok) throw new Error(await answer.text());
			const { data } = (await answer.json()) as {
				data: {
					result: {
						stream: Record<string, string>;
						values: [string, string][];
					}[];
				};
			};
			return data.result
				.flatMap(({ stream, values }) =>
					values.map(([ns, line]) => ({ ns, line, labels: stream })),
				)
				.sort((a, b) => (a.ns < b.ns ? -1 : 1));
		},
		async stop() {
			server.close();
			server.closeAllConnections();
			await once(server, "close");
		},
	};
}

/** What the engine's json-file driver writes beside a line. */
export interface Written {
	stream?: "stdout" | "stderr";
	/** Of the driver's options labels and tag. */
	attrs?: Record<string, string>;
}

/** As the engine notes a Swarm service's task. */
export const ofService = (name: string): Written => ({
	attrs: { "com.docker.swarm.service.name": name },
});

/** A machine: its folder of containers, and what its collector keeps. */
export class Machine {
	private written = 0;

	private constructor(
		readonly name: string,
		readonly folder: string,
	) {}

	static async make(name: string): Promise<Machine> {
		const folder = await mkdtemp(join(tmpdir(), "collector-"));
		await mkdir(join(folder, "state"));
		return new Machine(name, folder);
	}

	/** The log file of a container. @param id two letters, for the whole id */
	file(id: string): string {
		const full = id.repeat(32);
		return join(this.folder, "containers", full, `${full}-json.log`);
	}

	/** Appends lines as the engine does, each a millisecond after the one before. */
	async write(
		id: string,
		lines: string[],
		{ stream = "stdout", attrs }: Written = {},
	): Promise<void> {
		const file = this.file(id);
		await mkdir(join(file, ".."), { recursive: true });
		const start = Date.now() - 60_000;
		await appendFile(
			file,
			lines
				.map((log) => {
					this.written += 1;
					const time = new Date(start + this.written).toISOString();
					return `${JSON.stringify({ log, stream, attrs, time })}\n`;
				})
				.join(""),
		);
	}

	remove(): Promise<void> {
		return rm(this.folder, { recursive: true, force: true });
	}
}

export interface TestCollector {
	/** Its own metrics, in Prometheus' format. */
	metrics(): Promise<string>;
	/** A value of them; 0 where it does not count that yet. */
	metric(name: string): Promise<number>;
	healthy(): Promise<boolean>;
	/** As the engine stops a task. */
	stop(): Promise<void>;
}

/**
 * Starts the real program with the configuration of the services.
 *
 * @param more a further configuration, laid over it, as YAML.
 * @throws Error with its output where it ends instead.
 */
export async function startCollector(
	machine: Machine,
	loki: string,
	more = "",
): Promise<TestCollector> {
	const [metrics, health] = [await freePort(), await freePort()];
	const files = [
		[
			"config.yaml",
			collectorConfig(
				{
					containers: join(machine.folder, "containers"),
					state: join(machine.folder, "state"),
					loki,
				},
				{ metrics, health },
			),
		],
		...(more ? [["more.yaml", more]] : []),
	];
	for (const [name = "", text = ""] of files)
		await writeFile(join(machine.folder, name), text);
	const process = spawn(
		program("otelcol-contrib"),
		files.flatMap(([name = ""]) => ["--config", join(machine.folder, name)]),
		{
			env: { [nodeVariable]: machine.name },
			stdio: ["ignore", "pipe", "pipe"],
		},
	);
	let output = "";
	for (const stream of [process.stdout, process.stderr])
		stream.on("data", (chunk: Buffer) => {
			output += chunk;
		});
	const ended = once(process, "exit");
	const healthy = () =>
		fetch(`http://127.0.0.1:${health}`).then(
			({ ok }) => ok,
			() => false,
		);
	await waitFor(
		"the collector's health",
		async () => {
			if (process.exitCode !== null) return true;
			return (await healthy()) || undefined;
		},
		{ timeoutMs: 20_000, intervalMs: 50 },
	);
	if (process.exitCode !== null) throw new Error(`it ended: ${output}`);
	const all = () =>
		fetch(`http://127.0.0.1:${metrics}/metrics`).then((answer) =>
			answer.text(),
		);
	return {
		healthy,
		metrics: all,
		async metric(name) {
			const line = (await all())
				.split("\n")
				.find((each) => each.startsWith(`${name}{`));
			return Number(line?.split(" ").at(-1) ?? 0);
		},
		async stop() {
			process.kill("SIGTERM");
			await ended;
		},
	};
}
