import assert from "node:assert/strict";
import { Client } from "pg";
import { passBarrier } from "../../migration/freeze/barrier";
import { migrateHere, refused } from "./cli";
import { type Database, emptySource, run, using } from "./databases";

const FROZEN = { code: "25006" };

describe("freeze and unfreeze", () => {
	let source: Database;
	let env: Record<string, string>;

	before(async () => {
		source = await emptySource();
		env = { SOURCE_DATABASE_URL: source.url };
	});
	afterEach(async () => {
		await migrateHere(["unfreeze"], env);
	});

	it("says in a dry run what it would close, and closes nothing", async () => {
		const { json } = await migrateHere(["freeze", "--dry-run"], env);
		assert.equal((json.tables as string[]).length, 28);
		assert.ok((json.notOwned as string[]).includes("auth.users"));
		await run(
			source.url,
			"INSERT INTO organizations (name, slug) VALUES ('a', 'a')",
		);
	});

	it("holds against sessions opened before, against any setting and against superusers", async () => {
		const open = new Client({ connectionString: source.url });
		await open.connect();
		await open.query("SET default_transaction_read_only = off");
		await open.query("SET session_replication_role = replica");
		try {
			await migrateHere(["freeze"], env);
			for (const write of [
				"INSERT INTO organizations (name, slug) VALUES ('b', 'b')",
				"UPDATE sensor_catalog SET sort_order = 1",
				"DELETE FROM sensor_catalog",
				"TRUNCATE sensor_catalog CASCADE",
				"COPY organizations (name, slug) FROM PROGRAM 'true'",
			]) {
				if (!write.startsWith("COPY"))
					await assert.rejects(open.query(write), FROZEN, write);
				await assert.rejects(
					run(
						source.superuserUrl,
						`SET session_replication_role = replica; SET search_path = public; ${write}`,
					),
					FROZEN,
					write,
				);
			}
		} finally {
			await open.end();
		}
	});

	it("waits for writers in flight and counts their rows as before the freeze", async () => {
		await using(source.url, async (writer) => {
			await writer.query("BEGIN");
			await writer.query(
				"INSERT INTO organizations (name, slug) VALUES ('late', 'late')",
			);
			const frozen = migrateHere(["freeze"], env);
			await using(source.superuserUrl, (watcher) => untilWaiting(watcher));
			const { rows } = await writer.query(
				"SELECT clock_timestamp() AS committed_after",
			);
			await writer.query("COMMIT");
			const { json } = await frozen;
			assert.ok(new Date(json.frozenAt as string) >= rows[0].committed_after);
		});
		assert.equal(
			(await run(source.url, "SELECT FROM organizations WHERE slug = 'late'"))
				.length,
			1,
		);
	});

	it("names who is in the way, and closes nothing", async () => {
		await using(source.url, async (writer) => {
			await writer.query("SET application_name = 'the import job'");
			await writer.query("BEGIN");
			await writer.query("UPDATE sensor_catalog SET sort_order = sort_order");
			const error = await refused(["freeze", "--lock-timeout", "1"], env);
			assert.equal(error.exitCode, 4);
			assert.match(
				error.found,
				/role postgres, application the import job, idle in transaction/,
			);
			await writer.query("ROLLBACK");
		});
		await run(source.url, "UPDATE sensor_catalog SET sort_order = sort_order");
	});

	it("keeps the first freeze's time when repeated, and closes tables that came since", async () => {
		const first = await migrateHere(["freeze"], env);
		await run(source.url, "CREATE TABLE newcomer (id integer)");
		const second = await migrateHere(["freeze"], env);
		assert.equal(second.json.frozenAt, first.json.frozenAt);
		assert.match(String(first.json.frozenAt), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
		assert.equal(second.json.alreadyFrozen, true);
		await assert.rejects(
			run(source.url, "INSERT INTO newcomer VALUES (1)"),
			FROZEN,
		);
		await migrateHere(["unfreeze"], env);
		await run(source.url, "DROP TABLE newcomer");
	});

	it("opens by itself at the deadline, also to a statement that began before it", async () => {
		const { json } = await migrateHere(["freeze", "--max-freeze", "2"], env);
		assert.ok(
			Date.parse(String(json.until)) > Date.parse(String(json.frozenAt)),
		);
		const write = "UPDATE sensor_catalog SET sort_order = sort_order";
		const refusedFirst = `DO $$ BEGIN
			${write};
		EXCEPTION WHEN read_only_sql_transaction THEN
			PERFORM pg_catalog.pg_sleep_until('${json.until}');
			${write};
		END $$`;
		await assert.rejects(run(source.url, write), FROZEN);
		await run(source.url, refusedFirst);
		assert.ok((await now(source)) >= new Date(String(json.until)));
		await run(source.superuserUrl, `SET search_path = public; ${write}`);
		// A transaction whose snapshot is from before the next freeze sees it even so.
		await using(source.url, async (old) => {
			await old.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
			await old.query("SELECT FROM organizations");
			const next = await migrateHere(["freeze", "--max-freeze", "60"], env);
			assert.equal(next.json.alreadyFrozen, false);
			assert.ok(String(next.json.frozenAt) > String(json.frozenAt));
			await assert.rejects(old.query(write), FROZEN);
		});
	});

	it("refuses a statement whose work would go on beyond the deadline", async () => {
		const { json } = await migrateHere(["freeze", "--max-freeze", "2"], env);
		await assert.rejects(
			run(
				source.url,
				`INSERT INTO organizations (name, slug) SELECT 'x', 'x' FROM pg_catalog.pg_sleep_until('${json.until}')`,
			),
			FROZEN,
		);
	});

	it("moves the deadline of a freeze that stands, and none of one that stays", async () => {
		const first = await migrateHere(["freeze", "--max-freeze", "30"], env);
		const second = await migrateHere(["freeze", "--max-freeze", "600"], env);
		assert.equal(second.json.frozenAt, first.json.frozenAt);
		assert.ok(String(second.json.until) > String(first.json.until));
		await migrateHere(["unfreeze"], env);
		assert.equal((await migrateHere(["freeze"], env)).json.until, null);
		const error = await refused(["freeze", "--max-freeze", "600"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.fix, /--renew/);
	});

	it("lets a session of the owner through that asks for it, and no other", async () => {
		const write = "UPDATE sensor_catalog SET sort_order = sort_order";
		await using(source.url, async (session) => {
			await passBarrier(session);
			await migrateHere(["freeze"], env);
			await assert.rejects(session.query(write), FROZEN);
			await passBarrier(session);
			await session.query(write);
			await assert.rejects(run(source.url, write), FROZEN);
			await assert.rejects(
				run(source.url, `SET cutover.pass = ''; ${write}`),
				FROZEN,
			);
			await migrateHere(["unfreeze"], env);
			await migrateHere(["freeze"], env);
			await assert.rejects(session.query(write), FROZEN);
		});
		await run(
			source.superuserUrl,
			`CREATE ROLE stranger LOGIN;
			GRANT UPDATE, SELECT ON public.sensor_catalog TO stranger; GRANT USAGE ON SCHEMA public TO stranger`,
		);
		await assert.rejects(
			run(
				source.superuserUrl,
				`SET ROLE stranger; SET search_path = public; ${write}`,
			),
			FROZEN,
		);
		await run(source.superuserUrl, "GRANT USAGE ON SCHEMA cutover TO stranger");
		await assert.rejects(
			run(
				source.superuserUrl,
				"SET ROLE stranger; SELECT pass FROM cutover.freeze",
			),
			{ code: "42501" },
		);
		await run(
			source.superuserUrl,
			"DROP OWNED BY stranger; DROP ROLE stranger",
		);
	});

	it("opens again whatever state the barrier is in, and at once beside a reader that stays", async () => {
		await migrateHere(["freeze"], env);
		await run(
			source.url,
			"ALTER TABLE alerts DISABLE TRIGGER cutover_barrier; DROP TRIGGER cutover_barrier ON areas; DELETE FROM cutover.freeze",
		);
		await migrateHere(["unfreeze"], env);
		await migrateHere(["freeze"], env);
		await using(source.url, async (reader) => {
			await reader.query("BEGIN; SELECT FROM organizations");
			const error = await refused(["unfreeze", "--lock-timeout", "1"], env);
			assert.equal(error.exitCode, 4);
			assert.match(error.fix, /takes writes again/);
			await run(source.url, "UPDATE organizations SET name = name");
		});
		await migrateHere(["unfreeze"], env);
		await run(source.url, "UPDATE areas SET name = name");
	});

	it("leaves nothing behind when taken back", async () => {
		const things = `
			SELECT count(*)::int AS n FROM pg_trigger WHERE tgname = 'cutover_barrier'
			UNION ALL SELECT count(*)::int FROM pg_namespace WHERE nspname = 'cutover'
		`;
		await migrateHere(["freeze"], env);
		assert.deepEqual(await run(source.url, things), [{ n: 28 }, { n: 1 }]);
		const { json } = await migrateHere(["unfreeze"], env);
		assert.equal((json.tables as string[]).length, 28);
		assert.deepEqual(await run(source.url, things), [{ n: 0 }, { n: 0 }]);
		await run(source.url, "UPDATE sensor_catalog SET sort_order = sort_order");
		assert.deepEqual((await migrateHere(["unfreeze"], env)).json.tables, []);
	});
});

/** The server's clock. */
async function now({ url }: Database): Promise<Date> {
	return (await run(url, "SELECT clock_timestamp() AS now"))[0].now;
}

/** Returns when some session waits for a lock. */
async function untilWaiting(watcher: Client): Promise<void> {
	for (;;) {
		const { rows } = await watcher.query(
			"SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
		);
		if (rows.length > 0) return;
	}
}
