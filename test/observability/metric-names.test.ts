import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Pool } from "pg";
import { stringify } from "yaml";
import { waitFor } from "../../cutover/wait";
import { nodeExporterFlags } from "../../infra/services/node-exporter";
import { postgresExporterFlags } from "../../infra/services/postgres-exporter";
import {
	type Job,
	metricNames,
	sometimes,
} from "../../observability/metric-names";
import { createMetrics } from "../backend/src/metrics";
import { as, type Database, emptyDatabase, run } from "../migration/databases";
import { type Exporter, namesIn, startExporter } from "./exposed";

/** Every name of the job's list is among them. */
function assertExposed(job: Job, exposed: ReadonlySet<string>): void {
	const missing = metricNames[job].filter(
		(name) => !exposed.has(name) && !sometimes.has(name),
	);
	assert.deepEqual(missing, [], `${job} does not expose them`);
}

describe("the metrics that dashboards and alerts may name", () => {
	let started: Exporter[];
	let folder: string;
	const start = async (...args: Parameters<typeof startExporter>) => {
		const exporter = await startExporter(...args);
		started.push(exporter);
		return exporter;
	};
	beforeEach(async () => {
		started = [];
		folder = await mkdtemp(join(tmpdir(), "metric-names-"));
	});
	afterEach(async () => {
		for (const exporter of started) await exporter.stop();
		await rm(folder, { recursive: true });
	});

	describe("of the backend", () => {
		let exposed: Set<string>;
		before(async () => {
			const pool = new Pool();
			// A database with one organization in it.
			const rows = [{ organization: "north", at: 1 }];
			pool.query = (async () => ({ rows })) as never;
			const metrics = createMetrics(pool);
			// One observation each, without which a name has no series.
			metrics.httpRequests.inc();
			metrics.httpDuration.observe({}, 1);
			metrics.jobLastSuccess.set(1);
			exposed = namesIn(await metrics.registry.metrics());
			await pool.end();
		});

		it("are exposed by it", () => {
			assertExposed("backend", exposed);
		});

		it("are all of its own", () => {
			const known: readonly string[] = metricNames.backend;
			const own = [...exposed].filter(
				(name) => !/^(process|nodejs)_/.test(name),
			);
			assert.deepEqual(
				own.filter((name) => !known.includes(name)),
				[],
			);
		});
	});

	it("of the machine are exposed by node-exporter, files' names as they are", async () => {
		await writeFile(
			join(folder, "copy.prom"),
			'cutover_phase{step="copy",phase="rows"} 1\n',
		);
		const exporter = await start("node_exporter", (port) => [
			...nodeExporterFlags("/", folder),
			`--web.listen-address=127.0.0.1:${port}`,
		]);
		const exposed = namesIn(await exporter.get("/metrics"));
		assertExposed("node", exposed);
		assert.ok(exposed.has("cutover_phase"));
	});

	describe("of the database", () => {
		let database: Database;
		before(async () => {
			database = await emptyDatabase(17);
			await run(
				database.superuserUrl,
				`DROP ROLE IF EXISTS observer;
				CREATE ROLE observer LOGIN PASSWORD '${new URL(database.url).password}';
				GRANT pg_monitor TO observer`,
			);
			await run(database.url, "CREATE TABLE secret (x int)");
		});

		it("are exposed to a role that reads statistics, of other sessions too, and no row", async () => {
			const url = as("observer", database.url);
			const exporter = await start(
				"postgres_exporter",
				(port) => [
					...postgresExporterFlags,
					`--web.listen-address=127.0.0.1:${port}`,
				],
				{ DATA_SOURCE_NAME: `${url}?sslmode=disable` },
			);
			const other = new Client({ connectionString: database.url });
			await other.connect();
			try {
				await other.query("BEGIN; SELECT pg_sleep(0.01)");
				const text = await exporter.get("/metrics");
				assertExposed("postgres", namesIn(text));
				assert.match(text, /^pg_up 1$/m);
				assert.match(text, /^pg_exporter_last_scrape_error 0$/m);
				assert.doesNotMatch(text, /^pg_scrape_collector_success.* 0$/m);
				const name = new URL(database.url).pathname.slice(1);
				const waiting = new RegExp(
					`^pg_stat_activity_max_tx_duration\\{datname="${name}",.*state="idle in transaction"\\} (.*)$`,
					"m",
				);
				assert.ok(Number(waiting.exec(text)?.[1]) > 0, "it is not seen");
			} finally {
				await other.end();
			}
			await assert.rejects(run(url, "SELECT FROM secret"), /permission denied/);
		});
	});

	it("of Prometheus are exposed by it", async () => {
		const config = join(folder, "prometheus.yml");
		await writeFile(
			config,
			stringify({
				global: { scrape_interval: "200ms", scrape_timeout: "200ms" },
				rule_files: ["rules.yml"],
				alerting: {
					alertmanagers: [{ static_configs: [{ targets: ["localhost:1"] }] }],
				},
				scrape_configs: [
					{
						job_name: "any",
						static_configs: [{ targets: ["localhost:1"] }],
					},
				],
			}),
		);
		await writeFile(
			join(folder, "rules.yml"),
			stringify({
				groups: [{ name: "a", rules: [{ record: "b", expr: "vector(1)" }] }],
			}),
		);
		const prometheus = await start("prometheus", (port) => [
			`--config.file=${config}`,
			`--storage.tsdb.path=${join(folder, "data")}`,
			`--web.listen-address=127.0.0.1:${port}`,
		]);
		const exposed = () => prometheus.get("/metrics").then(namesIn);
		// Targets are discovered a moment after the start.
		for (const name of [
			"prometheus_notifications_sent_total",
			"prometheus_tsdb_head_samples_appended_total",
		])
			await waitFor(
				name,
				async () => (await exposed()).has(name) || undefined,
				{ timeoutMs: 30_000, intervalMs: 100 },
			);
		assertExposed("prometheus", await exposed());
	});
});
