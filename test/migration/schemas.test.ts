import assert from "node:assert/strict";
import { migrateHere, withDirectory } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";
import { everyRow } from "./every-row";

const ODD = `"Odd ""one"".x/y"`;

/** Names of one schema that are also another's, or look like a qualified name. */
const TABLES = `
	CREATE SCHEMA app;
	CREATE SCHEMA ${ODD};
	CREATE SCHEMA counters;
	CREATE SEQUENCE counters.free;
	CREATE TABLE notes (id integer PRIMARY KEY, note text);
	CREATE TABLE app.notes (id integer PRIMARY KEY, note text);
	CREATE TABLE "app.notes" (id integer PRIMARY KEY, note text);
	CREATE SCHEMA """app";
	CREATE TABLE """app"."notes""" (id integer PRIMARY KEY, note text);
	CREATE TABLE ${ODD}.notes (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		note integer REFERENCES app.notes
	);
`;
const ROWS = `
	INSERT INTO notes SELECT n, 'public' FROM generate_series(1, 100) n;
	INSERT INTO app.notes SELECT n, 'app' FROM generate_series(1, 200) n;
	INSERT INTO "app.notes" SELECT n, 'dotted' FROM generate_series(1, 300) n;
	INSERT INTO """app"."notes""" SELECT n, 'quoted' FROM generate_series(1, 400) n;
	INSERT INTO ${ODD}.notes (note) SELECT n FROM generate_series(1, 50) n;
	SELECT setval('counters.free', 77);
`;
const COUNTS: Record<string, number> = {
	notes: 100,
	"app.notes": 200,
	'"app.notes"': 300,
	'"""app".notes"': 400,
	[`${ODD}.notes`]: 50,
};

describe("a database with tables in several schemas", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		source = await emptyDatabase(15);
		await run(source.url, TABLES + ROWS);
	});

	beforeEach(async () => {
		target = await emptyDatabase(17);
		env = { SOURCE_DATABASE_URL: source.url, TARGET_DATABASE_URL: target.url };
	});

	async function moved(createSchema: boolean): Promise<void> {
		if (!createSchema) await run(target.url, TABLES);
		await withDirectory(async (directory) => {
			const from = ["--dir", directory];
			const exported = await migrateHere(["export", ...from], env);
			assert.deepEqual(exported.json.counts, COUNTS);
			const imported = await migrateHere(
				["import", ...from, ...(createSchema ? ["--create-schema"] : [])],
				env,
			);
			assert.deepEqual(imported.json.counts, COUNTS);
			const verified = await migrateHere(["verify", ...from], {
				TARGET_DATABASE_URL: target.url,
			});
			assert.equal(verified.exitCode, 0, verified.lines.join("\n"));
			assert.equal(verified.json.tables, 5);
		});
		assert.deepEqual(await everyRow(target.url), await everyRow(source.url));
		assert.deepEqual(
			await run(target.url, "SELECT nextval('counters.free') AS next"),
			[{ next: "78" }],
		);
	}

	it("is exported, imported and proven whole, into tables that are there", () =>
		moved(false));

	it("is exported, imported and proven whole, into an empty database", () =>
		moved(true));

	it("is probed in all of them", async () => {
		await run(target.url, TABLES);
		const both = await migrateHere(["probe"], env);
		assert.equal(both.exitCode, 0, both.lines.join("\n"));
		assert.equal((both.json.source as { tables: number }).tables, 5);
		await run(target.url, "DROP TABLE app.notes CASCADE");
		const { exitCode, json } = await migrateHere(["probe"], env);
		assert.equal(exitCode, 3);
		assert.deepEqual(json.obstacles, [
			"app.notes: the target has no such table",
		]);
	});

	it("is verified table by table, whatever they are called", async () => {
		await run(target.url, TABLES + ROWS);
		const equal = await migrateHere(["verify", "--schema"], env);
		assert.equal(equal.exitCode, 0, equal.lines.join("\n"));
		assert.deepEqual(
			equal.json.counts,
			Object.fromEntries(
				Object.entries(COUNTS).map(([name, rows]) => [
					name,
					{ source: rows, target: rows },
				]),
			),
		);
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: source.url });
		for (const table of Object.keys(COUNTS).slice(0, 3)) {
			await run(target.url, `UPDATE ${table} SET note = '!' WHERE id = 7`);
			const { json } = await migrateHere(["verify"], env);
			assert.deepEqual(
				(json.differences as { table: string }[]).map(({ table }) => table),
				[table],
			);
			const repaired = await migrateHere(["verify", "--repair"], env);
			assert.equal(repaired.exitCode, 0, repaired.lines.join("\n"));
		}
		await migrateHere(["unfreeze"], { SOURCE_DATABASE_URL: source.url });
		assert.deepEqual(await everyRow(target.url), await everyRow(source.url));
	});

	it("tells foreign keys and tables to leave out by schema", async () => {
		await run(target.url, TABLES + ROWS);
		await run(
			target.url,
			`ALTER TABLE ${ODD}.notes DROP CONSTRAINT notes_note_fkey; UPDATE "app.notes" SET note = '!'`,
		);
		const { json } = await migrateHere(
			["verify", "--schema", "--exclude", '"app.notes"'],
			env,
		);
		assert.deepEqual(json.differences, [
			{
				table: `${ODD}.notes`,
				kind: "definition",
				detail:
					"foreign key notes_note_fkey is missing: FOREIGN KEY (note) REFERENCES app.notes(id)",
			},
		]);
	});
});
