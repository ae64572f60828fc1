import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { migrateHere, Running } from "./cli";
import { type Database, emptyPair, run, using } from "./databases";
import { LossyTcp } from "./lossy-tcp";

const ALERTS = join(
	__dirname,
	"../../observability/prometheus/rules/cutover.yml",
);

const FREEZE = [
	...["freeze", "--max-freeze", "600", "--drain"],
	...["--exclude", 'their"s'],
];

describe("watch", () => {
	let source: Database;
	let env: Record<string, string>;
	let watching: Running | undefined;

	beforeEach(async () => {
		({ source, env } = await emptyPair());
		await run(source.url, "CREATE TABLE a (x int PRIMARY KEY)");
		await run(source.superuserUrl, 'CREATE TABLE "their""s" (x int)');
	});
	afterEach(async () => {
		await watching?.stop("SIGKILL");
	});

	function watch(url: string): (line: RegExp) => Promise<string> {
		const port = String(20_000 + Math.floor(Math.random() * 20_000));
		const running = new Running(["watch", "--metrics-port", port], {
			SOURCE_DATABASE_URL: url,
		});
		watching = running;
		/** Waits until the metrics have such a line; gives them all. */
		return async (line) => {
			for (;;) {
				const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
					(answer) => answer.text(),
					() => "",
				);
				if (line.test(text)) return text;
				const ended = await Promise.race([
					running.ended,
					new Promise((resolve) => setTimeout(resolve, 50, "not yet")),
				]);
				assert.equal(ended, "not yet", `${line}: ${text} ${running.stderr}`);
			}
		};
	}

	it("tells of the barrier, of writes even so, and of who still comes", async () => {
		await migrateHere(["sync"], env);
		await run(source.url, "INSERT INTO a VALUES (1)");
		await migrateHere(FREEZE, env);
		const metrics = watch(source.url);
		const text = await metrics(/^cutover_barrier_up 1$/m);
		assert.match(text, /^cutover_watch_up 1$/m);
		assert.match(text, /^cutover_freeze_seconds_left 5\d\d\.\d+$/m);
		assert.doesNotMatch(text, /^cutover_writes/m);
		await using(source.url, async (other) => {
			await metrics(/^cutover_residual_sessions 1$/m);
			for (let n = 0; n < 20; n++) await other.query("SELECT 1");
		});
		await metrics(/^cutover_residual_transactions_total (2\d|[3-9]\d)$/m);
		await run(
			source.superuserUrl,
			'INSERT INTO "their""s" SELECT generate_series(1, 3)',
		);
		await metrics(
			/^cutover_writes_after_freeze_total\{table="public.their\\"s",owned="false"\} 3$/m,
		);
		await migrateHere(["freeze", "--keep"], env);
		await run(
			source.url,
			"ALTER TABLE a DISABLE TRIGGER cutover_barrier; INSERT INTO a VALUES (2), (3)",
		);
		const after = await metrics(
			/^cutover_writes_after_freeze_total\{table="public.a",owned="true"\} 2$/m,
		);
		assert.match(after, /^cutover_barrier_up 0$/m);
		assert.doesNotMatch(after, /^cutover_freeze_seconds_left/m);
		const alerts = await readFile(ALERTS, "utf8");
		const asked = alerts.match(/cutover_(?!sync_|proof_)\w+/g) ?? [];
		assert.deepEqual([...new Set(asked)].sort(), [
			"cutover_barrier_up",
			"cutover_freeze_seconds_left",
			"cutover_watch_up",
			"cutover_writes_after_freeze_total",
		]);
		// The seconds left were there before the freeze was kept.
		for (const name of asked)
			assert.match(text + after, new RegExp(`^${name}\\W`, "m"));
		assert.equal(await watching?.stop(), 0);
		assert.match(
			watching?.stderr ?? "",
			/written since the freeze: public\.a, 2 rows\n/,
		);
	}).timeout(60_000);

	it("does not take what was written before the freeze for a write after it", async () => {
		await migrateHere(["sync"], env);
		await using(source.url, async (writer) => {
			// Counted by the server seconds after its commit.
			await writer.query("INSERT INTO a VALUES (1)");
			await migrateHere(FREEZE, env);
			const counted =
				"SELECT n_tup_ins = 1 AS yes FROM pg_stat_user_tables WHERE relname = 'a'";
			while (!(await run(source.url, counted))[0].yes);
		});
		const { json } = await migrateHere(["freeze", "--state"], env);
		assert.deepEqual([json.missing, json.writes], [[], []]);
	}).timeout(30_000);

	it("tells of a freeze that lapsed, and of one that nobody made", async () => {
		await migrateHere(["freeze", "--max-freeze", "3"], env);
		const metrics = watch(source.url);
		await metrics(/^cutover_barrier_up 1$/m);
		await metrics(/^cutover_barrier_up 0$/m);
		await metrics(/^cutover_freeze_seconds_left -\d/m);
		await migrateHere(["unfreeze"], env);
		await metrics(/^(?![\s\S]*seconds_left)[\s\S]*cutover_barrier_up 0$/m);
	}).timeout(30_000);

	it("says that it cannot ask a source that hangs, and goes on when it is back", async () => {
		await migrateHere(["freeze"], env);
		const { proxy, url } = await LossyTcp.before(source.url);
		try {
			const metrics = watch(url);
			await metrics(/^cutover_barrier_up 1$/m);
			proxy.act = () => "hang";
			const text = await metrics(/^cutover_watch_up 0$/m);
			assert.doesNotMatch(text, /^cutover_barrier_up/m);
			proxy.act = () => "pass";
			await metrics(/^cutover_barrier_up 1$/m);
		} finally {
			await proxy.stop();
		}
	}).timeout(90_000);
});
