import assert from "node:assert/strict";
import { migrateHere, Running, refused } from "./cli";
import { type Database, emptyPair, run, using } from "./databases";
import { LOAD_SCHEMA, Load, loadRows, random } from "./load";

const READINGS = Number(process.env.FREEZE_READINGS ?? 300_000);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const FREEZE = ["freeze", "--max-freeze", "60", "--drain"];
const WRITE = "UPDATE t SET note = note WHERE id = 1";

describe("all of a freeze in one process", function () {
	this.timeout(120_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
	});

	async function followed(): Promise<void> {
		await run(
			source.url,
			`CREATE TABLE t (id int PRIMARY KEY, note text);
			INSERT INTO t SELECT n, 'a' FROM generate_series(1, 100) n;
			CREATE TABLE u (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
			INSERT INTO u DEFAULT VALUES`,
		);
		await migrateHere(["sync", "--proof"], env);
	}

	/** Does `work` while the barrier waits for a writer: the rest is still to come. */
	async function meanwhile<T>(
		command: () => Promise<T>,
		work: () => Promise<unknown>,
	): Promise<T> {
		return using(source.url, async (writer) => {
			await writer.query("BEGIN; UPDATE t SET note = 'late' WHERE id = 2");
			const ended = command();
			await waitUntil(
				source.superuserUrl,
				"EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())",
			);
			await work();
			await writer.query("COMMIT");
			return ended;
		});
	}

	/** Ends a freeze that hangs behind its barrier; gives its exit code. */
	function stopBehindBarrier(running: Running, signal: NodeJS.Signals) {
		return using(target.url, async (other) => {
			await meanwhile(
				async () => {},
				() => other.query("BEGIN; LOCK TABLE t"),
			);
			await waitUntil(source.url, "to_regclass('cutover.freeze') IS NOT NULL");
			return running.stop(signal);
		});
	}

	it(`ends equal under 100 writes a second, none of them accepted inside (SEED=${SEED})`, async () => {
		await run(source.url, LOAD_SCHEMA + loadRows(READINGS));
		await migrateHere(["sync", "--proof"], env);
		const load = new Load(source.url, random(SEED), 100).start();
		try {
			const { exitCode, json, lines } = await migrateHere(FREEZE, env);
			assert.equal(exitCode, 0, lines.join("\n"));
			const phases = json.phases as Record<string, number>;
			const seconds = Object.values(phases).reduce((a, b) => a + b, 0);
			console.log(
				`\t${load.writes} writes; closed for ${seconds.toFixed(1)} s: ${JSON.stringify(phases)}`,
			);
			const { drain, proof, ...freeze } = json as unknown as {
				drain: { drained: boolean; snapshotAt: string };
				proof: { equal: boolean; rows: number };
				frozenAt: string;
				lifted: boolean;
			};
			assert.equal(drain.drained, true);
			assert.equal(proof.equal, true);
			assert.ok(proof.rows > READINGS);
			assert.ok(drain.snapshotAt >= freeze.frozenAt);
			assert.equal(freeze.lifted, false);
			// The load goes on against the barrier, which now has to hold for good.
			const before = load.writes;
			await migrateHere(["freeze", "--keep"], env);
			await run(source.url, "SELECT pg_sleep(0.5)");
			assert.equal(load.writes, before);
		} finally {
			await load.stop();
		}
		const { json } = await migrateHere(["freeze", "--state"], env);
		assert.deepEqual([json.kept, json.missing, json.writes], [true, [], []]);
		const full = await migrateHere(["verify"], env);
		assert.deepEqual(full.json.differences, []);
	});

	it("lifts the barrier where the proof finds a difference, and ends with 3", async () => {
		await followed();
		const { exitCode, json, lines } = await meanwhile(
			() => migrateHere(FREEZE, env),
			() => run(target.url, "UPDATE t SET note = 'theirs' WHERE id = 50"),
		);
		assert.equal(exitCode, 3);
		assert.equal(json.lifted, true);
		assert.match(lines.join("\n"), /the source serves again/);
		await run(source.url, WRITE);
		assert.equal(
			(await migrateHere(["freeze", "--state"], env)).json.frozenAt,
			null,
		);
	});

	it("lifts the barrier where the drain fails, keeps its exit code, and can be run again", async () => {
		await followed();
		const error = await meanwhile(
			() => refused(FREEZE, env),
			() => run(source.url, "ALTER TABLE u ADD COLUMN surprise int"),
		);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /surprise[\s\S]*the source serves again/);
		await run(source.url, `${WRITE}; ALTER TABLE u DROP COLUMN surprise`);
		const again = await migrateHere(FREEZE, env);
		assert.equal(again.exitCode, 0, again.lines.join("\n"));
	});

	it("lifts the barrier at the deadline, where something hangs", async () => {
		await followed();
		await using(target.url, async (other) => {
			const startedAt = performance.now();
			const error = await meanwhile(
				() => refused(["freeze", "--max-freeze", "2", "--drain"], env),
				() => other.query("BEGIN; LOCK TABLE t"),
			);
			assert.equal(error.exitCode, 1);
			assert.match(error.found, /the source serves again/);
			assert.ok(performance.now() - startedAt < 30_000);
			await run(source.url, WRITE);
		});
	});

	it("is lifted by the server where its process is killed, and can be run again", async () => {
		await followed();
		const args = ["freeze", "--max-freeze", "3", "--drain"];
		const running = new Running(args, env);
		try {
			assert.equal(await stopBehindBarrier(running, "SIGKILL"), null);
			const { json } = await migrateHere(["freeze", "--state"], env);
			assert.equal(json.frozen, true);
			await assert.rejects(run(source.url, WRITE), { code: "25006" });
			await run(source.url, `SELECT pg_sleep_until('${json.until}')`);
			await run(source.url, WRITE);
			const again = await migrateHere(FREEZE, env);
			assert.equal(again.exitCode, 0, again.lines.join("\n"));
			assert.ok(String(again.json.frozenAt) > String(json.frozenAt));
		} finally {
			await running.stop("SIGKILL");
		}
	});

	it("lifts the barrier on a signal", async () => {
		await followed();
		const running = new Running(FREEZE, env);
		try {
			assert.equal(await stopBehindBarrier(running, "SIGTERM"), 1);
			assert.match(running.stderr, /the source serves again/);
			await run(source.url, WRITE);
		} finally {
			await running.stop("SIGKILL");
		}
	});

	it("goes on under a barrier that stands, with a new deadline", async () => {
		await followed();
		const first = await migrateHere(FREEZE, env);
		const second = await migrateHere(FREEZE, env);
		assert.equal(second.exitCode, 0, second.lines.join("\n"));
		assert.equal(second.json.frozenAt, first.json.frozenAt);
		assert.ok(String(second.json.until) > String(first.json.until));
		await assert.rejects(run(source.url, WRITE), { code: "25006" });
		await migrateHere(["freeze", "--keep"], env);
	});

	it("wants a deadline", async () => {
		const error = await refused(["freeze", "--drain"], env);
		assert.equal(error.exitCode, 2);
		assert.match(error.expected, /--max-freeze/);
	});

	it("leaves a barrier alone that was made to stay", async () => {
		await followed();
		await migrateHere(["freeze"], env);
		assert.equal((await refused(FREEZE, env)).exitCode, 4);
		await assert.rejects(run(source.url, WRITE), { code: "25006" });
	});
});

/** Returns when the condition holds. */
async function waitUntil(url: string, condition: string): Promise<void> {
	await using(url, async (client) => {
		for (;;) {
			const { rows } = await client.query(`SELECT ${condition} AS "holds"`);
			if (rows[0]?.holds) return;
		}
	});
}
