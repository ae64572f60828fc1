import assert from "node:assert/strict";
import { Client } from "pg";
import { migrateHere, refused } from "./cli";
import { type Database, emptyDatabase, run, using } from "./databases";

const FROZEN = { code: "25006" };
const WRITE = "UPDATE a SET x = x + 1";

describe("a freeze that is kept, renewed, asked for and forced", () => {
	let source: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		source = await emptyDatabase(15);
		env = { SOURCE_DATABASE_URL: source.url };
		await run(
			source.url,
			`CREATE TABLE a (x int); INSERT INTO a VALUES (1); CREATE TABLE b (x int);
			CREATE SEQUENCE s; SELECT nextval('s')`,
		);
		await run(source.superuserUrl, "CREATE TABLE theirs (x int)");
	});

	const state = async () =>
		(await migrateHere(["freeze", "--state"], env)).json;

	it("says how it stands, and changes nothing", async () => {
		assert.deepEqual(await state(), {
			...{ frozen: false, frozenAt: null, until: null, secondsLeft: null },
			...{ lapsed: false, kept: false, missing: [], writes: [] },
		});
		const { json } = await migrateHere(["freeze", "--max-freeze", "60"], env);
		assert.deepEqual(json.sequences, { "public.s": "1" });
		const { secondsLeft, ...now } = await state();
		assert.ok(Number(secondsLeft) > 30 && Number(secondsLeft) <= 60);
		assert.deepEqual(now, {
			...{ frozen: true, frozenAt: json.frozenAt, until: json.until },
			...{ lapsed: false, kept: false, missing: [], writes: [] },
		});
		await run(source.superuserUrl, "INSERT INTO theirs VALUES (1), (2)");
		assert.deepEqual((await state()).writes, [
			{ table: "public.theirs", count: 2, owned: false },
		]);
	});

	it("stays closed behind the old deadline once it is kept", async () => {
		const { json } = await migrateHere(["freeze", "--max-freeze", "2"], env);
		const kept = await migrateHere(["freeze", "--keep"], env);
		assert.equal(kept.json.frozenAt, json.frozenAt);
		await run(source.url, `SELECT pg_sleep_until('${json.until}')`);
		await assert.rejects(run(source.url, WRITE), FROZEN);
		assert.equal((await state()).kept, true);
		assert.equal(
			(await migrateHere(["freeze", "--keep"], env)).json.frozenAt,
			json.frozenAt,
		);
	});

	it("is not kept once it has lapsed, nor where there is none", async () => {
		assert.match(
			(await refused(["freeze", "--keep"], env)).found,
			/not frozen/,
		);
		const { json } = await migrateHere(["freeze", "--max-freeze", "1"], env);
		await run(source.url, `SELECT pg_sleep_until('${json.until}'); ${WRITE}`);
		const error = await refused(["freeze", "--keep"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /serves again since/);
		await run(source.url, WRITE);
		assert.equal((await state()).lapsed, true);
		assert.match(
			(await refused(["freeze", "--renew", "60"], env)).found,
			/serves again since/,
		);
	});

	it("is not kept beside a transaction that could still write by the old deadline", async () => {
		const { json } = await migrateHere(["freeze", "--max-freeze", "3"], env);
		await using(source.url, async (holder) => {
			// It has met the function, and holds a lock that is all it needs to write.
			await holder.query(
				"BEGIN; LOCK TABLE a IN ROW EXCLUSIVE MODE; SAVEPOINT s",
			);
			await assert.rejects(holder.query(WRITE), FROZEN);
			await holder.query("ROLLBACK TO s");
			const error = await refused(
				["freeze", "--keep", "--lock-timeout", "1"],
				env,
			);
			assert.equal(error.exitCode, 4);
			assert.match(error.found, /in the way: process/);
			await holder.query(`SELECT pg_sleep_until('${json.until}')`);
			await holder.query(`${WRITE}; COMMIT`);
		});
		assert.match(
			(await refused(["freeze", "--keep"], env)).found,
			/serves again since/,
		);
	});

	it("races with the deadline without letting a write through once it is kept", async () => {
		// Deadlines so close that some are kept and some are not.
		let kept = 0;
		for (let round = 0; round < 6; round++) {
			const { json } = await migrateHere(["freeze", "--max-freeze", "1"], env);
			const writer = writeAllTheTime(source.url);
			const early = 30 + round * 15;
			await run(
				source.url,
				`SELECT pg_sleep_until('${json.until}'::timestamptz - interval '${early} ms')`,
			);
			const won = await migrateHere(["freeze", "--keep"], env).then(
				() => true,
				() => false,
			);
			await run(
				source.url,
				`SELECT pg_sleep_until('${json.until}'::timestamptz + interval '100 ms')`,
			);
			const written = await writer.stop();
			if (won) {
				kept++;
				assert.equal(written, 0, `written ${written} times though kept`);
			} else assert.ok(written > 0, "neither kept nor open");
			await migrateHere(["unfreeze"], env);
		}
		console.log(`\tkept ${kept} of 6`);
	}).timeout(60_000);

	it("is not kept where a table came since, or a barrier was off for a time", async () => {
		await migrateHere(["freeze", "--max-freeze", "60"], env);
		await run(source.url, "CREATE TABLE newcomer (x int)");
		assert.deepEqual((await state()).missing, ["public.newcomer"]);
		assert.match(
			(await refused(["freeze", "--keep"], env)).found,
			/public\.newcomer/,
		);
		await run(
			source.url,
			`DROP TABLE newcomer; ALTER TABLE a DISABLE TRIGGER cutover_barrier; ${WRITE}`,
		);
		assert.deepEqual((await state()).missing, ["public.a"]);
		await run(
			source.url,
			"ALTER TABLE a ENABLE ALWAYS TRIGGER cutover_barrier",
		);
		await assert.rejects(run(source.url, WRITE), FROZEN);
		const now = await state();
		assert.deepEqual(now.missing, ["public.a"]);
		assert.deepEqual(now.writes, [
			{ table: "public.a", count: 1, owned: true },
		]);
		assert.equal((await refused(["freeze", "--keep"], env)).exitCode, 4);
	});

	it("gets a new deadline, also where it was kept", async () => {
		await migrateHere(["freeze"], env);
		const { json } = await migrateHere(["freeze", "--renew", "1"], env);
		await assert.rejects(run(source.url, WRITE), FROZEN);
		await run(source.url, `SELECT pg_sleep_until('${json.until}')`);
		await run(source.url, WRITE);
	});

	it("rolls back, by name, who is in the way and does not end", async () => {
		const resting = new Client({ connectionString: source.url });
		const working = new Client({ connectionString: source.url });
		const ended = new Promise((resolve) => resting.on("error", resolve));
		await Promise.all([resting.connect(), working.connect()]);
		try {
			await resting.query(`SET application_name = 'a forgotten shell'; BEGIN`);
			await resting.query(WRITE);
			const work = assert.rejects(
				working.query(`INSERT INTO b SELECT 1 FROM pg_sleep(60)`),
				{ code: "57014" },
			);
			const args = ["freeze", "--max-freeze", "60", "--lock-timeout", "1"];
			const error = await refused(args, env);
			assert.equal(error.exitCode, 4);
			await run(source.url, "SELECT x FROM a");
			const { json } = await migrateHere([...args, "--cancel-writers"], env);
			const cancelled = json.cancelled as Record<string, unknown>[];
			assert.deepEqual(
				cancelled.map(({ role, application, state, how }) => ({
					...{ role, application, state, how },
				})),
				[
					{
						...{ role: "postgres", application: "a forgotten shell" },
						...{ state: "idle in transaction", how: "ended" },
					},
					{
						...{ role: "postgres", application: "unnamed" },
						...{ state: "active", how: "cancelled" },
					},
				],
			);
			assert.ok(cancelled.every(({ seconds }) => Number(seconds) >= 1));
			await Promise.all([ended, work]);
			await assert.rejects(run(source.url, WRITE), FROZEN);
			assert.deepEqual(await run(source.url, "SELECT x FROM a"), [{ x: 1 }]);
		} finally {
			await resting.end().catch(() => {});
			await working.end();
		}
	});

	it("leaves alone, and names, whom it may not roll back", async () => {
		await using(source.superuserUrl, async (superuser) => {
			await superuser.query(`SET application_name = 'the platform'; BEGIN`);
			await superuser.query("UPDATE public.a SET x = 7");
			const error = await refused(
				[
					...["freeze", "--max-freeze", "60", "--lock-timeout", "1"],
					"--cancel-writers",
				],
				env,
			);
			assert.match(error.found, /application the platform/);
			await superuser.query("COMMIT");
		});
		assert.deepEqual(await run(source.url, "SELECT x FROM a"), [{ x: 7 }]);
	});
});

/** Tries to write without rest; `stop` gives how often it could. */
function writeAllTheTime(url: string): { stop: () => Promise<number> } {
	let stopping = false;
	let written = 0;
	const working = using(url, async (client) => {
		while (!stopping)
			await client.query(WRITE).then(
				() => written++,
				(error: { code?: string }) => assert.equal(error.code, FROZEN.code),
			);
	});
	return {
		stop: async () => {
			stopping = true;
			await working;
			return written;
		},
	};
}
