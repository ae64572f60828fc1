import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../../cutover/wait";
import { freePort } from "../../free-port";
import { program, runProgram } from "../../observability/program";

/** A series' values by time: `from` and `to` in seconds from now, a value each `step`. */
export interface Stretch {
	from: number;
	to: number;
	step: number;
	value(secondsFromNow: number): number;
}

/** Stretches by the series' name and labels, as PromQL writes them. */
export type Data = Record<string, Stretch[]>;

/** A real Prometheus that holds given data and scrapes nothing. */
export class Prometheus {
	private constructor(
		readonly port: number,
		private readonly child: ChildProcess,
		private readonly folder: string,
	) {}

	/** @param configuration files beside the data, prometheus.yml among them. */
	static async start(
		data: Data,
		configuration: Record<string, string> = {
			"prometheus.yml": "scrape_configs: []\n",
		},
	): Promise<Prometheus> {
		const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
		const [file, blocks] = [join(folder, "data.om"), join(folder, "blocks")];
		await writeFile(file, openMetrics(data, Math.floor(Date.now() / 1000)));
		if (Object.keys(data).length > 0)
			await runProgram("promtool", [
				...["tsdb", "create-blocks-from", "openmetrics", "--quiet"],
				...[file, blocks],
			]);
		for (const [name, text] of Object.entries(configuration))
			await writeFile(join(folder, name), text);
		const port = await freePort();
		const child = spawn(
			program("prometheus"),
			[
				`--config.file=${join(folder, "prometheus.yml")}`,
				`--storage.tsdb.path=${blocks}`,
				`--web.listen-address=127.0.0.1:${port}`,
			],
			{ stdio: ["ignore", "ignore", "pipe"] },
		);
		let said = "";
		child.stderr?.on("data", (text: Buffer) => {
			said = `${said}${text}`.slice(-2_000);
		});
		const running = new Prometheus(port, child, folder);
		await waitFor(
			"Prometheus ready",
			async () => {
				const { status } = await fetch(`http://127.0.0.1:${port}/-/ready`);
				return status === 200 ? true : undefined;
			},
			{ timeoutMs: 30_000 },
		).catch(async (error) => {
			await running.stop();
			throw new Error(`${error.message}\n${said}`);
		});
		return running;
	}

	async stop(): Promise<void> {
		const ended = new Promise((resolve) => this.child.once("close", resolve));
		this.child.kill("SIGKILL");
		await ended;
		await rm(this.folder, { recursive: true, force: true });
	}
}

/** https://prometheus.io/docs/prometheus/latest/storage/#backfilling-from-openmetrics-format */
function openMetrics(data: Data, now: number): string {
	const lines = Object.entries(data).map(([series, stretches]) =>
		stretches.flatMap(({ from, to, step, value }) => {
			const count = Math.floor((to - from) / step) + 1;
			return Array.from({ length: count }, (_, at) => {
				const seconds = from + at * step;
				return `${series} ${value(seconds)} ${now + seconds}`;
			});
		}),
	);
	return `${lines.flat().join("\n")}\n# EOF\n`;
}
