import assert from "node:assert/strict";
import { migrate, withDirectory } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";
import { HAZARDS } from "./hazards";

const all = (table: string) =>
	`SELECT t::text AS row FROM ${table} t ORDER BY 1`;
const TABLES = [
	'"Every ""type"""',
	"always",
	"self",
	"keyless",
	"ONLY base",
	"heir",
];

describe("export and import of a whole database, PostgreSQL 15 to 17", () => {
	let source: Database;
	let target: Database;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		await run(source.url, HAZARDS);
		await withDirectory(async (directory) => {
			const exported = await migrate(["export", "--dir", directory, "--json"], {
				SOURCE_DATABASE_URL: source.url,
			});
			assert.equal(exported.exitCode, 0, exported.stderr);
			assert.equal(exported.json.rows, 32);
			const imported = await migrate(
				["import", "--create-schema", "--dir", directory, "--json"],
				{ TARGET_DATABASE_URL: target.url },
			);
			assert.equal(imported.exitCode, 0, imported.stderr);
			const verified = await migrate(["verify", "--dir", directory, "--json"], {
				SOURCE_DATABASE_URL: source.url,
				TARGET_DATABASE_URL: target.url,
			});
			assert.equal(verified.exitCode, 0, verified.stderr);
			assert.deepEqual(verified.json.against, ["source", "export"]);
		});
	});

	for (const table of TABLES)
		it(`brings every value of ${table}`, async () => {
			const expected = await run(source.url, all(table));
			assert.ok(expected.length > 0);
			assert.deepEqual(await run(target.url, all(table)), expected);
		});

	it("lets identity, serial and free sequences go on where they stood", async () => {
		const next = `
			INSERT INTO always (note) VALUES ('next') RETURNING id, other, nextval('free') AS free
		`;
		assert.deepEqual(await run(target.url, next), await run(source.url, next));
	});

	it("makes keys, checks, indexes and foreign keys", async () => {
		const constraints = `
			SELECT conrelid::regclass::text AS table, conname, contype, pg_get_constraintdef(oid) AS definition
			FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			ORDER BY 1, 2
		`;
		const indexes =
			"SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1";
		assert.deepEqual(
			await run(target.url, constraints),
			await run(source.url, constraints),
		);
		assert.deepEqual(
			await run(target.url, indexes),
			await run(source.url, indexes),
		);
	});

	it("keeps what generates values", async () => {
		const columns = `
			SELECT table_name, column_name, column_default, is_identity, identity_generation, generation_expression
			FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
		`;
		assert.deepEqual(
			await run(target.url, columns),
			await run(source.url, columns),
		);
	});
});
