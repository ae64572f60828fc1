import assert from "node:assert/strict";
import type { Client } from "pg";
import { readCatalog } from "../../migration/catalog/read";
import { type Column, tableName } from "../../migration/catalog/types";
import { withConnection } from "../../migration/connection";
import { MigrationError } from "../../migration/errors";
import { checkJournal } from "../../migration/journal/check";
import {
	type Installed,
	installJournal,
} from "../../migration/journal/install";
import type { Dependent } from "../../migration/journal/notes";
import { removeJournal } from "../../migration/journal/remove";
import { readFollowed, readLag } from "../../migration/journal/state";
import { noteShapes, takeInPartitions } from "../../migration/journal/take-in";
import { migrateHere } from "./cli";
import { as, type Database, emptyDatabase, run, using } from "./databases";

const SCHEMA = `
	CREATE TYPE mood AS ENUM ('sad', 'glad');
	CREATE TABLE plain (id integer PRIMARY KEY, note text, mood mood);
	CREATE TABLE child (id integer PRIMARY KEY, plain_id integer REFERENCES plain ON DELETE CASCADE);
	CREATE TABLE "Odd ""name""" ("select" text COLLATE "C", "$$" integer, PRIMARY KEY ("select", "$$"));
	CREATE TABLE timed (
		at timestamptz, span interval, f float8, raw bytea, day date, PRIMARY KEY (at, span, f, raw, day)
	);
	CREATE TABLE keyless (a text);
	CREATE TABLE parted (id integer, part integer, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
	CREATE TABLE parted_rest PARTITION OF parted DEFAULT PARTITION BY RANGE (part);
	CREATE TABLE parted_2 PARTITION OF parted_rest FOR VALUES FROM (2) TO (3);
	CREATE TABLE base (id integer PRIMARY KEY);
	CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base);
`;

const OPTIONS = { lockTimeout: 5000, recopy: [] as string[] };

describe("the change journal", () => {
	let source: Database;

	beforeEach(async () => {
		source = await emptyDatabase(15);
		await run(source.url, SCHEMA);
	});

	const follow = (
		options = OPTIONS,
		names: (name: string) => boolean = () => true,
	): Promise<Installed> =>
		withConnection(address(), { readOnly: false }, async (client) => {
			const { tables } = await readCatalog(client);
			return installJournal(
				address(),
				client,
				tables.filter((table) => names(tableName(table))),
				options,
			);
		});
	const address = () => ({ label: "source", url: source.url });

	/** What the given statements leave in the journal, as `table: key` lines. */
	async function entriesOf(
		sql: string | ((client: Client) => Promise<unknown>),
		url = source.url,
	): Promise<string[]> {
		await run(source.url, "DELETE FROM cutover.journal");
		await using(url, (client) =>
			typeof sql === "string" ? client.query(sql) : sql(client),
		);
		const rows = await run(
			source.url,
			`SELECT j.key, t.relation::regclass::text AS "table"
			FROM cutover.journal j JOIN cutover.journal_table t ON t.id = j.table_id
			ORDER BY j.at, j.ctid`,
		);
		return rows.map(
			({ table, key }) =>
				`${table}: ${key === null ? "TRUNCATE" : key.length === 0 ? "whole" : key.join(", ")}`,
		);
	}

	/** Checks as a follower does, which remembers what does no harm. */
	const check = () =>
		withConnection(address(), { readOnly: false }, async (client) => {
			const checked = await checkJournal(client, await readFollowed(client));
			await noteShapes(client, checked.drifted);
			return checked;
		});

	async function found(): Promise<string> {
		try {
			await check();
		} catch (error) {
			assert.ok(error instanceof MigrationError, String(error));
			assert.equal(error.exitCode, 4);
			return error.found;
		}
		return "";
	}

	it("holds the key of every row written, whoever writes it", async () => {
		await follow();
		assert.deepEqual(
			await entriesOf("INSERT INTO plain VALUES (1), (2), (3)"),
			["plain: 1", "plain: 2", "plain: 3"],
		);
		assert.deepEqual(
			await entriesOf("UPDATE plain SET note = 'x' WHERE id = 2"),
			["plain: 2"],
		);
		assert.deepEqual(await entriesOf("UPDATE plain SET id = 4 WHERE id = 3"), [
			"plain: 4",
			"plain: 3",
		]);
		assert.deepEqual(
			await entriesOf(
				"INSERT INTO plain VALUES (2, 'y') ON CONFLICT (id) DO UPDATE SET note = excluded.note",
			),
			["plain: 2"],
		);
		await run(source.url, "INSERT INTO child VALUES (10, 2), (11, 2)");
		assert.deepEqual(
			(await entriesOf("DELETE FROM plain WHERE id = 2")).sort(),
			["child: 10", "child: 11", "plain: 2"],
		);
		assert.deepEqual(
			await entriesOf(
				`SET session_replication_role = replica; DELETE FROM plain WHERE id = 1`,
				source.superuserUrl,
			),
			["plain: 1"],
		);
		assert.deepEqual(
			await entriesOf(`INSERT INTO "Odd ""name""" VALUES ('a, "b"', 1)`),
			[`"Odd ""name""": a, "b", 1`],
		);
	});

	it("holds what was committed and no more", async () => {
		await follow();
		assert.deepEqual(
			await entriesOf(`
				BEGIN; INSERT INTO plain VALUES (1); SAVEPOINT s; INSERT INTO plain VALUES (2);
				ROLLBACK TO s; INSERT INTO plain VALUES (3); COMMIT`),
			["plain: 1", "plain: 3"],
		);
		assert.deepEqual(
			await entriesOf("BEGIN; INSERT INTO plain VALUES (9); ROLLBACK"),
			[],
		);
	});

	it("writes a key the same whatever the writer's settings are", async () => {
		await follow();
		const settings = `
			SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Kolkata';
			SET extra_float_digits = -5; SET bytea_output = 'escape';`;
		const insert = `INSERT INTO timed VALUES ('2026-03-29 01:30:00.123456Z', '1 day 2 hours', 0.1::float8 + 0.2::float8, '\\x00ff', '2026-02-03')`;
		const [key] = await entriesOf(`${settings} ${insert}`);
		assert.equal(
			key,
			"timed: 2026-03-29 01:30:00.123456+00, 1 day 02:00:00, 0.30000000000000004, \\x00ff, 2026-02-03",
		);
	});

	it("needs no rights of the writer and obeys no search path of theirs", async () => {
		await run(
			source.superuserUrl,
			`DROP ROLE IF EXISTS journal_writer; CREATE ROLE journal_writer LOGIN PASSWORD '${new URL(source.url).password}';
			GRANT INSERT, UPDATE, SELECT ON public.plain TO journal_writer; GRANT CREATE ON SCHEMA public TO journal_writer`,
		);
		await follow();
		const writer = as("journal_writer", source.url);
		assert.deepEqual(
			await entriesOf(
				`
				CREATE FUNCTION public.lie(text[], text[]) RETURNS boolean LANGUAGE sql AS 'SELECT false';
				CREATE OPERATOR public.<> (LEFTARG = text[], RIGHTARG = text[], FUNCTION = public.lie);
				SET search_path = public, pg_catalog;
				INSERT INTO plain VALUES (1); UPDATE plain SET id = 2`,
				writer,
			),
			["plain: 1", "plain: 2", "plain: 1"],
		);
		await assert.rejects(
			run(writer, "SELECT FROM cutover.journal"),
			/permission denied/,
		);
		await run(
			source.superuserUrl,
			"DROP OWNED BY journal_writer; DROP ROLE journal_writer",
		);
	});

	it("marks a table without key once a transaction, also after a savepoint was rolled back", async () => {
		const { keyless } = await follow();
		assert.deepEqual(keyless, ["keyless"]);
		assert.deepEqual(
			await entriesOf(
				"BEGIN; INSERT INTO keyless VALUES ('a'), ('b'); UPDATE keyless SET a = 'c'; COMMIT",
			),
			["keyless: whole"],
		);
		assert.deepEqual(
			await entriesOf(`
				BEGIN; SAVEPOINT s; INSERT INTO keyless VALUES ('a'); ROLLBACK TO s;
				INSERT INTO keyless VALUES ('b'); COMMIT; DELETE FROM keyless WHERE a = 'b'`),
			["keyless: whole", "keyless: whole"],
		);
		assert.deepEqual(
			await entriesOf("UPDATE keyless SET a = a WHERE false"),
			[],
		);
	});

	it("notes values that rows of other tables depend on, when they change", async () => {
		const dependents = ["plain", "keyless"].map((lookup) => ({
			kind: "value" as const,
			lookup: { schema: "public", name: lookup },
			match: [] as Column[],
			reads: lookup === "plain" ? ["note"] : [],
			table: { schema: "public", name: "child" },
			keys: () => "",
		}));
		await withConnection(address(), { readOnly: false }, async (client) => {
			const { tables } = await readCatalog(client);
			const columns = (name: string, column: string) =>
				tables
					.find((table) => table.name === name)
					?.columns.filter(({ name }) => name === column) ?? [];
			const install = () =>
				installJournal(address(), client, tables, {
					...OPTIONS,
					dependents: [
						{ ...dependents[0], match: columns("plain", "id") },
						{ ...dependents[1], match: columns("keyless", "a") },
					] as Dependent[],
				});
			await follow();
			const first = await install();
			assert.deepEqual(first.added, []);
			assert.deepEqual(
				(await install()).dependents.map(({ id }) => id),
				first.dependents.map(({ id }) => id),
			);
		});
		const notesOf = async (sql: string) => {
			await run(source.url, "DELETE FROM cutover.journal");
			await run(source.url, sql);
			const rows = await run(
				source.url,
				"SELECT key FROM cutover.journal WHERE table_id < 0 ORDER BY at",
			);
			return rows.map(({ key }) => key);
		};
		assert.deepEqual(await notesOf("INSERT INTO plain VALUES (1, NULL)"), [
			["1"],
		]);
		assert.deepEqual(await notesOf("UPDATE plain SET mood = 'sad'"), []);
		assert.deepEqual(await notesOf("UPDATE plain SET note = 'x'"), [["1"]]);
		assert.deepEqual(await notesOf("UPDATE plain SET id = 2"), [["2"], ["1"]]);
		assert.deepEqual(await notesOf("DELETE FROM plain"), [["2"]]);
		assert.deepEqual(
			await notesOf("INSERT INTO keyless VALUES (NULL), ('a')"),
			[[null], ["a"]],
		);
		assert.equal(await found(), "");
	});

	it("marks TRUNCATE, also where it comes through a foreign key", async () => {
		await follow();
		assert.deepEqual((await entriesOf("TRUNCATE plain CASCADE")).sort(), [
			"child: TRUNCATE",
			"plain: TRUNCATE",
		]);
		assert.deepEqual(await entriesOf("TRUNCATE keyless"), [
			"keyless: TRUNCATE",
		]);
	});

	it("follows partitions and heirs, each table its own rows", async () => {
		await follow();
		assert.deepEqual(
			await entriesOf(
				"INSERT INTO parted VALUES (1, 1), (2, 2); INSERT INTO parted_1 VALUES (3, 1)",
			),
			["parted: 1, 1", "parted: 2, 2", "parted: 3, 1"],
		);
		assert.deepEqual(
			(await entriesOf("UPDATE parted SET part = 2 WHERE id = 1")).sort(),
			["parted: 1, 1", "parted: 1, 2"],
		);
		assert.deepEqual(await entriesOf("TRUNCATE parted_1"), ["parted: whole"]);
		assert.deepEqual(
			await entriesOf(
				"INSERT INTO heir VALUES (1); INSERT INTO base VALUES (2)",
			),
			["heir: 1", "base: 2"],
		);
	});

	it("takes in partitions that come later, with the rows they bring", async () => {
		await follow();
		await run(
			source.url,
			`
			CREATE TABLE parted_4 PARTITION OF parted FOR VALUES IN (4);
			CREATE TABLE parted_5 (id integer NOT NULL, part integer NOT NULL);
			INSERT INTO parted_5 VALUES (50, 5);
			ALTER TABLE parted ATTACH PARTITION parted_5 FOR VALUES IN (5)`,
		);
		await withConnection(address(), { readOnly: false }, async (client) => {
			const { attached } = await checkJournal(
				client,
				await readFollowed(client),
			);
			assert.deepEqual(
				attached.flatMap(({ members }) => members.map(({ name }) => name)),
				["public.parted_4", "public.parted_5"],
			);
			await client.query("DELETE FROM cutover.journal");
			await takeInPartitions(address(), client, attached, 5000);
			const { rows } = await client.query("SELECT key FROM cutover.journal");
			assert.deepEqual(rows, [{ key: ["50", "5"] }]);
		});
		assert.deepEqual((await check()).attached, []);
		assert.deepEqual(await entriesOf("TRUNCATE parted_5"), ["parted: whole"]);
		assert.deepEqual(await entriesOf("INSERT INTO parted VALUES (1, 4)"), [
			"parted: 1, 4",
		]);
	});

	it("can be installed again without doing anything, takes tables in and lets go of them", async () => {
		const first = await follow(OPTIONS, (name) => name !== "child");
		assert.ok(first.added.includes("plain"));
		const triggers =
			"SELECT oid, xmin::text FROM pg_trigger WHERE tgname LIKE 'cutover%' ORDER BY 1";
		const before = await run(source.url, triggers);
		const second = await follow(OPTIONS, (name) => name !== "child");
		assert.deepEqual([second.added, second.dropped], [[], []]);
		assert.deepEqual(await run(source.url, triggers), before);
		assert.deepEqual((await follow()).added, ["child"]);
		const last = await follow(OPTIONS, (name) => name !== "plain");
		assert.deepEqual([last.added, last.dropped], [[], ["plain"]]);
		assert.deepEqual(await entriesOf("INSERT INTO plain VALUES (1)"), []);
		assert.equal(await found(), "");
	});

	it("waits for writers in flight, and names them when they do not end", async () => {
		await using(source.url, async (writer) => {
			await writer.query("SET application_name = 'the import job'");
			await writer.query("BEGIN; INSERT INTO child VALUES (1)");
			await assert.rejects(
				follow({ ...OPTIONS, lockTimeout: 1000 }),
				(error: MigrationError) => {
					assert.equal(error.exitCode, 4);
					assert.match(error.found, /application the import job/);
					return true;
				},
			);
			assert.deepEqual(
				await run(
					source.url,
					"SELECT FROM pg_trigger WHERE tgname LIKE 'cutover%'",
				),
				[],
			);
			const installing = follow();
			await untilWaiting(source.superuserUrl);
			await writer.query("COMMIT");
			await installing;
		});
		assert.deepEqual(await entriesOf("DELETE FROM child"), ["child: 1"]);
	});

	it("names the tables of other roles", async () => {
		await run(
			source.superuserUrl,
			"CREATE TABLE theirs (id integer PRIMARY KEY); GRANT SELECT ON theirs TO postgres",
		);
		const { notOwned, followed } = await follow();
		assert.deepEqual(notOwned, ["theirs"]);
		assert.equal(followed.length, 8);
		assert.equal(await found(), "");
	});

	it("sees every change that rows or entries could be lost by, and says what changed", async () => {
		await run(source.url, "INSERT INTO plain VALUES (1, 'A')");
		const { followed } = await follow();
		await using(source.url, async (client) => {
			for (const [change, message] of [
				[
					"ALTER TABLE plain ADD added integer DEFAULT 7",
					/plain: column added \(integer\) was added/,
				],
				["ALTER TABLE plain DROP note", /plain: column note was dropped/],
				[
					"ALTER TABLE plain ALTER id TYPE bigint",
					/plain: column id was integer NOT NULL and is bigint NOT NULL/,
				],
				[
					"ALTER TABLE plain ALTER note TYPE text USING lower(note)",
					/ALTER TABLE wrote all rows of public.plain anew/,
				],
				[
					"ALTER TABLE plain RENAME TO simple",
					/plain: it was renamed to public.simple/,
				],
				["DROP TABLE child", /child: it was dropped/],
				[
					"ALTER TABLE child DROP CONSTRAINT child_pkey",
					/child: the unique index over its key's columns is gone/,
				],
				[
					"ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'glad'",
					/enum .*mood had sad, glad and has sad, so-so, glad/,
				],
				[
					"ALTER TABLE parted DETACH PARTITION parted_1",
					/partition public.parted_1 was detached/,
				],
				[
					"DROP TABLE parted_2",
					/partition public.parted_2 was detached or dropped/,
				],
				[
					"ALTER TABLE plain DISABLE TRIGGER cutover_journal; ALTER TABLE plain ENABLE ALWAYS TRIGGER cutover_journal",
					/cutover_journal on public.plain was switched off for a time/,
				],
				[
					"ALTER TABLE plain ENABLE TRIGGER cutover_journal",
					/not ENABLE ALWAYS/,
				],
				["ALTER TABLE plain DISABLE TRIGGER USER", /not ENABLE ALWAYS/],
				[
					"DROP TRIGGER cutover_journal_truncate ON plain",
					/cutover_journal_truncate on public.plain is gone/,
				],
				[
					"ALTER TABLE parted_2 DISABLE TRIGGER cutover_journal",
					/cutover_journal on public.parted_2 is not/,
				],
				["CREATE TABLE newcomer (id integer)", /new: public.newcomer/],
			] as const) {
				await client.query("BEGIN; SET LOCAL search_path = public");
				await client.query(change);
				await client.query("SET LOCAL search_path = pg_catalog");
				await assert.rejects(
					checkJournal(client, followed),
					(error: MigrationError) => {
						assert.equal(error.exitCode, 4);
						assert.match(error.found, message, change);
						return true;
					},
					change,
				);
				await client.query("ROLLBACK");
			}
		});
	});

	it("takes no harm from what changes neither rows nor entries", async () => {
		await follow();
		for (const change of [
			"VACUUM FULL plain",
			"ALTER TABLE plain ALTER note SET DEFAULT 'x'",
			"CREATE INDEX ON plain (note)",
			"TRUNCATE plain CASCADE",
			"ANALYZE plain",
			"CREATE VIEW seen AS SELECT FROM plain",
			"ALTER TABLE plain ADD CHECK (id > 0)",
		]) {
			await run(source.url, change);
			assert.equal(await found(), "", change);
		}
	});

	it("begins a new epoch for a table whose change is accepted", async () => {
		const before = (await follow()).followed;
		await run(source.url, "ALTER TABLE plain ADD added integer");
		await assert.rejects(follow(), /column added/);
		const { followed } = await follow({ ...OPTIONS, recopy: ["plain"] });
		assert.equal(await found(), "");
		const epochs = (list: typeof followed) =>
			Object.fromEntries(list.map(({ relation, epoch }) => [relation, epoch]));
		const changed = Object.entries(epochs(followed)).filter(
			([relation, epoch]) => epochs(before)[relation] !== epoch,
		);
		assert.equal(changed.length, 1);
	});

	it("goes with a frozen source: entries can be taken out, and the barrier stays", async () => {
		await follow();
		await run(source.url, "INSERT INTO plain VALUES (1)");
		const env = { SOURCE_DATABASE_URL: source.url };
		await migrateHere(["freeze"], env);
		await run(source.url, "DELETE FROM cutover.journal");
		await assert.rejects(run(source.url, "DELETE FROM plain"), /frozen/);
		assert.equal(await found(), "");
		await migrateHere(["unfreeze"], env);
		assert.deepEqual(await entriesOf("DELETE FROM plain"), ["plain: 1"]);
	});

	it("shows how far behind the other side is", async () => {
		await follow();
		await using(source.url, async (client) => {
			assert.deepEqual(await readLag(client), { rows: 0, seconds: 0 });
			await client.query(
				"INSERT INTO plain VALUES (1), (2); UPDATE cutover.journal SET at = at - interval '1 minute'",
			);
			const lag = await readLag(client);
			assert.equal(lag.rows, 2);
			assert.ok(lag.seconds >= 60 && lag.seconds < 70);
			await client.query("UPDATE cutover.journal SET at = 'infinity'");
			assert.deepEqual(await readLag(client), { rows: 2, seconds: 0 });
		});
	});

	it("leaves nothing behind when taken away", async () => {
		await follow();
		await run(source.url, "INSERT INTO parted VALUES (1, 1)");
		await withConnection(address(), { readOnly: false }, async (client) => {
			assert.equal((await removeJournal(address(), client, 5000)).length, 8);
			assert.deepEqual(await removeJournal(address(), client, 5000), []);
		});
		assert.deepEqual(
			await run(
				source.url,
				`SELECT 'trigger' FROM pg_trigger WHERE tgname LIKE 'cutover%'
				UNION ALL SELECT 'schema' FROM pg_namespace WHERE nspname = 'cutover'`,
			),
			[],
		);
		await run(source.url, "DELETE FROM parted");
	});
});

async function untilWaiting(url: string): Promise<void> {
	await using(url, async (watcher) => {
		for (;;) {
			const { rows } = await watcher.query(
				"SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
			);
			if (rows.length > 0) return;
		}
	});
}
