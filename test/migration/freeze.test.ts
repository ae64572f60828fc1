import assert from "node:assert/strict";
import { Client } from "pg";
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

/** Returns when some session waits for a lock. */
async function untilWaiting(watcher: Client): Promise<void> {
	for (;;) {
		const { rows } = await watcher.query(
			"SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
		);
		if (rows.length > 0) return;
	}
}
