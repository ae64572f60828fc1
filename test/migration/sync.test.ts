import assert from "node:assert/strict";
import { migrateHere, refused } from "./cli";
import {
	type Database,
	emptyDatabase,
	emptyPair,
	run,
	using,
} from "./databases";

const SCHEMA = `
	CREATE TYPE mood AS ENUM ('sad', 'glad');
	CREATE TABLE owners (id integer PRIMARY KEY, code text UNIQUE);
	CREATE TABLE things (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		owner_id integer NOT NULL REFERENCES owners ON DELETE CASCADE,
		seen_by integer REFERENCES owners ON DELETE SET NULL DEFERRABLE,
		checked_by integer REFERENCES owners,
		moods mood[], document jsonb
	);
	COMMENT ON CONSTRAINT things_owner_id_fkey ON things IS 'cascades';
	CREATE INDEX things_owner ON things (owner_id);
	CREATE TABLE keyless (a text);
	CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN NEW.code := NEW.code || '!'; RETURN NEW; END $$;
	CREATE TRIGGER noisy BEFORE INSERT OR UPDATE ON owners FOR EACH ROW EXECUTE FUNCTION noise();
`;

const FILL = `
	ALTER TABLE owners DISABLE TRIGGER noisy;
	INSERT INTO owners SELECT n, 'code ' || n FROM generate_series(1, 50) n;
	ALTER TABLE owners ENABLE TRIGGER noisy;
	INSERT INTO things (owner_id, seen_by, checked_by, moods, document)
	SELECT n % 50 + 1, n % 7 + 1, n % 11 + 1, '{sad}', jsonb_build_object('n', n)
	FROM generate_series(1, 2000) n;
	INSERT INTO keyless VALUES ('a'), ('a'), (NULL);
`;

/** What must be as it was once a sync is over. */
const DEFINITIONS = `
	SELECT c.conrelid::regclass::text || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
		|| coalesce(' ' || obj_description(c.oid, 'pg_constraint'), '') AS "what"
	FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n'
	UNION ALL
	SELECT tgrelid::regclass::text || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger
	WHERE NOT tgisinternal AND tgname NOT LIKE 'cutover%'
	UNION ALL
	SELECT pg_get_indexdef(indexrelid) FROM pg_index
	WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
	ORDER BY 1
`;

describe("sync", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
		await run(source.url, FILL);
	});

	const definitions = async ({ url }: Database): Promise<string[]> =>
		(await run(url, DEFINITIONS)).map(({ what }) => what);

	async function verify(): Promise<void> {
		const { json } = await migrateHere(["verify"], env);
		assert.deepEqual(json.differences, []);
	}

	const WRITES = `
		UPDATE things SET document = '{}' WHERE id % 3 = 0;
		DELETE FROM things WHERE checked_by = 5; DELETE FROM owners WHERE id = 5;
		INSERT INTO things (owner_id) VALUES (1), (2);
		INSERT INTO keyless VALUES ('late');
	`;

	it("fills an empty database, follows, and leaves the source's definitions behind", async () => {
		const first = await migrateHere(["sync"], env);
		assert.equal(first.exitCode, 0);
		assert.equal((first.json.copied as { rows: number }).rows, 2053);
		await verify();
		await run(source.url, WRITES);
		const second = await migrateHere(["sync"], env);
		assert.equal(second.json.copied, null);
		await verify();
		await run(source.url, WRITES);
		await migrateHere(["freeze"], env);
		const { json } = await migrateHere(["sync", "--drain"], env);
		assert.equal(json.drained, true);
		assert.equal(json.lagRows, 0);
		assert.deepEqual(json.unvalidated, []);
		await verify();
		assert.deepEqual(await definitions(target), await definitions(source));
		const [next] = await run(
			target.url,
			"INSERT INTO things (owner_id) VALUES (1) RETURNING id",
		);
		const [last] = await run(source.url, "SELECT max(id) AS id FROM things");
		assert.equal(Number(next.id), Number(last.id) + 1);
	});

	it("fills a database that has its tables, with seeds, and puts all back as it was there", async () => {
		await run(target.url, SCHEMA);
		await run(
			target.url,
			`ALTER TABLE owners ENABLE ALWAYS TRIGGER noisy; INSERT INTO owners VALUES (7, 'seed');
			CREATE RULE "both" AS ON INSERT TO keyless DO ALSO SELECT 1`,
		);
		const before = await definitions(target);
		const { json } = await migrateHere(["sync"], env);
		assert.deepEqual(json.removed, [
			{ table: "owners", rows: 1, what: "seeds" },
		]);
		await run(source.url, WRITES);
		await migrateHere(["sync"], env);
		await verify();
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		await verify();
		assert.deepEqual(await definitions(target), before);
		assert.equal((await migrateHere(["sync", "--drain"], env)).exitCode, 0);
		assert.deepEqual(await definitions(target), before);
	});

	it("goes on after drain, when the freeze is taken back", async () => {
		await migrateHere(["sync"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		await migrateHere(["unfreeze"], env);
		await run(source.url, WRITES);
		await migrateHere(["sync"], env);
		await verify();
	});

	it("goes on with a copy that was cut short after its foreign keys were made", async () => {
		await migrateHere(["sync"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		await migrateHere(["unfreeze"], env);
		await run(
			target.url,
			`UPDATE cutover.copy_chunk SET snapshot_at = 'earlier' WHERE route LIKE '%owners%';
			UPDATE cutover.copy_statement SET done_at = NULL WHERE phase = 'validate'`,
		);
		await run(
			source.url,
			"UPDATE owners SET code = 'x' || code; UPDATE things SET moods = NULL",
		);
		await migrateHere(["sync"], env);
		await verify();
	});

	it("refuses to drain what can be written to", async () => {
		await migrateHere(["sync"], env);
		const error = await refused(["sync", "--drain"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /can be written to/);
	});

	it("refuses a target whose rows it cannot account for", async () => {
		await run(target.url, SCHEMA);
		await run(
			target.url,
			"INSERT INTO keyless SELECT 'mine' FROM generate_series(1, 1001)",
		);
		const error = await refused(["sync"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /keyless \(1001 rows\)/);
		assert.deepEqual(
			await run(
				source.url,
				"SELECT FROM pg_trigger WHERE tgname LIKE 'cutover%'",
			),
			[],
		);
		await migrateHere(["sync", "--replace"], env);
		await verify();
	});

	it("keeps two syncs apart, and says who is there", async () => {
		await using(target.url, async (other) => {
			await other.query("SET application_name = 'the other one'");
			await other.query("SELECT pg_advisory_lock(x'637574'::integer, 1)");
			const error = await refused(["sync", "--lock-timeout", "1"], env);
			assert.equal(error.exitCode, 4);
			assert.match(error.found, /the other one \(process \d+, role doadmin/);
		});
	});

	it("refuses a second database, which would miss what the first has taken", async () => {
		await migrateHere(["sync"], env);
		const other = await emptyDatabase(17);
		const error = await refused(["sync"], {
			...env,
			TARGET_DATABASE_URL: other.url,
		});
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /another database/);
	});

	it("stops at a change of a table, and goes on with it once it is made on both sides", async () => {
		await migrateHere(["sync"], env);
		await run(
			source.url,
			"ALTER TABLE things ADD extra text DEFAULT 'x'; INSERT INTO things (owner_id) VALUES (3)",
		);
		const error = await refused(["sync"], env);
		assert.equal(error.exitCode, 4);
		assert.match(
			error.found,
			/things: column extra \(text\) was added|things.extra/,
		);
		await run(target.url, "ALTER TABLE things ADD extra text");
		await refused(["sync"], env);
		await migrateHere(["sync", "--recopy", "things"], env);
		await verify();
	});

	it("takes a new table in, and lets go of an excluded one", async () => {
		await migrateHere(["sync"], env);
		const TABLE = "CREATE TABLE newcomer (id integer PRIMARY KEY)";
		await run(source.url, `${TABLE}; INSERT INTO newcomer VALUES (1)`);
		await run(target.url, TABLE);
		const { json } = await migrateHere(["sync"], env);
		assert.equal(json.journalOn, 1);
		await verify();
		await migrateHere(["sync", "--exclude", "newcomer"], env);
		await run(source.url, "INSERT INTO newcomer VALUES (2)");
		await migrateHere(["sync", "--exclude", "newcomer"], env);
		assert.equal((await run(target.url, "SELECT FROM newcomer")).length, 1);
		// What was written in between is not in the journal: it comes as a whole.
		await migrateHere(["sync"], env);
		await verify();
	});

	it("can be taken back: nothing stays on the source, rows stay on the target", async () => {
		await run(target.url, SCHEMA);
		const before = await definitions(target);
		await migrateHere(["sync"], env);
		const { json } = await migrateHere(["sync", "--remove"], env);
		assert.deepEqual(json.tables, ["keyless", "owners", "things"]);
		const ours = `
			SELECT tgname::text AS "name" FROM pg_trigger WHERE tgname LIKE 'cutover%'
			UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname = 'cutover'`;
		assert.deepEqual(await run(source.url, ours), []);
		// With the note of what was left in each table.
		assert.deepEqual(await run(target.url, ours), [{ name: "cutover" }]);
		assert.deepEqual(await definitions(target), before);
		await verify();
	});
});
