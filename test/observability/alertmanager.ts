import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../cutover/wait";
import { freePort } from "../free-port";
import { program } from "./program";

/** An alert as Prometheus sends it. */
export interface SentAlert {
	labels: Record<string, string>;
	annotations?: Record<string, string>;
	endsAt?: string;
}

/** The real Alertmanager with a configuration, on a free port of the loopback address. */
export class RunningAlertmanager {
	private constructor(
		readonly url: string,
		private readonly child: ChildProcess,
		private readonly folder: string,
		private readonly output: () => string,
	) {}

	/** @param prefix of all its paths, as `/alertmanager` behind Caddy */
	static async start(
		config: string,
		prefix = "/",
	): Promise<RunningAlertmanager> {
		const folder = await mkdtemp(join(tmpdir(), "alertmanager-"));
		const file = join(folder, "alertmanager.yml");
		await writeFile(file, config);
		const port = await freePort();
		const child = spawn(
			program("alertmanager", "prometheus-alertmanager"),
			[
				`--config.file=${file}`,
				`--storage.path=${join(folder, "data")}`,
				`--web.listen-address=127.0.0.1:${port}`,
				"--web.external-url=https://monitoring.example/alertmanager/",
				`--web.route-prefix=${prefix}`,
				"--cluster.listen-address=",
			],
			{ stdio: ["ignore", "pipe", "pipe"] },
		);
		let output = "";
		for (const part of [child.stdout, child.stderr])
			part.on("data", (chunk: Buffer) => {
				output += chunk;
			});
		const url = `http://127.0.0.1:${port}${prefix.replace(/\/$/, "")}`;
		const running = new RunningAlertmanager(url, child, folder, () => output);
		await waitFor(
			"Alertmanager is ready",
			async () => {
				if (child.exitCode !== null) throw new Error(output);
				return (await fetch(`${url}/-/ready`)).ok || undefined;
			},
			{ timeoutMs: 20_000, intervalMs: 50 },
		);
		return running;
	}

	async send(...alerts: SentAlert[]): Promise<void> {
		const answer = await fetch(`${this.url}/api/v2/alerts`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(alerts),
		});
		if (!answer.ok) throw new Error(await answer.text());
	}

	/** Names of alerts by their state: active, or suppressed by a silence or another alert. */
	async states(): Promise<Record<string, string>> {
		const answer = await fetch(`${this.url}/api/v2/alerts`);
		const alerts = (await answer.json()) as {
			labels: { alertname: string };
			status: { state: string };
		}[];
		return Object.fromEntries(
			alerts.map(({ labels, status }) => [labels.alertname, status.state]),
		);
	}

	/** What it logged so far. */
	get log(): string {
		return this.output();
	}

	async stop(): Promise<void> {
		if (this.child.exitCode === null) {
			this.child.kill();
			await once(this.child, "exit");
		}
		await rm(this.folder, { recursive: true, force: true });
	}
}

/** A webhook that takes everything; what was posted to it, by path. */
export class Webhook {
	readonly posts: { path: string; body: Record<string, unknown> }[] = [];
	private constructor(
		readonly url: string,
		private readonly server: Server,
	) {}

	static async start(): Promise<Webhook> {
		const server = createServer((request, response) => {
			const chunks: Buffer[] = [];
			request.on("data", (chunk: Buffer) => chunks.push(chunk));
			request.on("end", () => {
				webhook.posts.push({
					path: request.url ?? "",
					body: JSON.parse(Buffer.concat(chunks).toString()),
				});
				response.end();
			});
		});
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		const { port } = server.address() as AddressInfo;
		const webhook = new Webhook(`http://127.0.0.1:${port}`, server);
		return webhook;
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}
}
