import assert from "node:assert/strict";
import * as fc from "fast-check";
import { ident } from "../../migration/sql";
import { migrateHere, withDirectory } from "./cli";
import { type Database, emptyDatabase, run, using } from "./databases";
import { everyRow } from "./every-row";
import { type SchemaCase, schemaCase } from "./property-schemas";
import { arrayOf, BUILT_IN, EXCLUDED, type Kind } from "./property-values";
import { schemaFingerprint } from "./schema-fingerprint";

/** Schemas tried each way. PROPERTY_RUNS=500 takes some minutes. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 10);
/** As a failure prints it: the same cases again. */
const SEED = process.env.PROPERTY_SEED
	? { seed: Number(process.env.PROPERTY_SEED) }
	: {};
const VALUES_A_TYPE = 8;

/** Types that a column can have: not pseudo-types, not arrays, which follow their elements. */
const COLUMN_TYPES = `
	SELECT t.typname::text AS name
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE n.nspname IN ('pg_catalog', 'information_schema') AND t.typtype IN ('b', 'r', 'm', 'd', 'e')
		AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
	ORDER BY 1
`;

const USER_SCHEMAS = `
	SELECT nspname::text AS name FROM pg_namespace
	WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
`;

describe("any schema with any values, PostgreSQL 15 to 17", () => {
	let source: Database;
	let target: Database;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
	});

	const environment = () => ({
		SOURCE_DATABASE_URL: source.url,
		TARGET_DATABASE_URL: target.url,
	});

	const ways: Record<string, () => Promise<void>> = {
		"export and import": () =>
			withDirectory(async (directory) => {
				await migrateHere(["export", "--dir", directory], environment());
				await migrateHere(
					["import", "--create-schema", "--dir", directory],
					environment(),
				);
				const { exitCode, json } = await migrateHere(["verify"], environment());
				assert.equal(exitCode, 0, JSON.stringify(json.differences));
			}),
		copy: async () => {
			const { exitCode, json } = await migrateHere(
				["copy", "--proof"],
				environment(),
			);
			assert.equal(exitCode, 0, JSON.stringify(json.differences));
			assert.deepEqual(json.leftOut, []);
		},
	};

	/** Moves a schema one way and holds both sides against each other. */
	const moves = async (
		{ statements }: Pick<SchemaCase, "statements">,
		way: () => Promise<void>,
	) => {
		await Promise.all([source, target].map(({ url }) => empty(url)));
		await using(source.url, async (client) => {
			for (const statement of statements) await client.query(statement);
		});
		await way();
		const options = { sameVersion: false };
		assert.deepEqual(
			await schemaFingerprint(target.url, options),
			await schemaFingerprint(source.url, options),
		);
		assert.deepEqual(await everyRow(target.url), await everyRow(source.url));
	};

	it("has values of every built-in type, or says why it has none", async () => {
		for (const { url } of [source, target]) {
			const names = (await run(url, COLUMN_TYPES)).map(({ name }) => name);
			const known = [...Object.keys(BUILT_IN), ...Object.keys(EXCLUDED)];
			assert.deepEqual(known.sort(), names);
		}
	});

	it('brings every byte of "char", which the two versions print differently', async () => {
		await Promise.all([source, target].map(({ url }) => empty(url)));
		await run(
			source.url,
			'CREATE TABLE t AS SELECT n::"char" AS c FROM generate_series(-128, 127) n',
		);
		for (const way of Object.values(ways)) {
			await empty(target.url);
			await way();
			assert.deepEqual(
				await run(target.url, "SELECT c::int FROM t ORDER BY 1"),
				await run(source.url, "SELECT c::int FROM t ORDER BY 1"),
			);
		}
	});

	for (const [name, way] of Object.entries(ways)) {
		it(`brings every built-in type and its array by ${name}`, () =>
			moves({ statements: Object.entries(BUILT_IN).flatMap(typeTable) }, way));

		it(`brings ${RUNS} generated schemas by ${name}`, async function () {
			this.timeout(Math.max(60_000, RUNS * 10_000));
			await fc.assert(
				fc.asyncProperty(schemaCase(), (generated) => moves(generated, way)),
				{ numRuns: RUNS, endOnFailure: true, ...SEED },
			);
		});
	}
});

/** A table with a column of each variant of a type and of its array, and rows. */
function typeTable([name, kinds]: [string, readonly Kind[]]): string[] {
	const table = ident("public", `of ${name}`);
	const all = [...kinds, ...kinds.map(arrayOf)];
	const rows = fc.sample(fc.tuple(...all.map(({ value }) => value)), {
		numRuns: VALUES_A_TYPE,
		...SEED,
	});
	return [
		`CREATE TABLE ${table} (${all.map(({ sql }, at) => `c${at} ${sql}`).join(", ")})`,
		`INSERT INTO ${table} VALUES ${rows.map((row) => `(${row.join(", ")})`).join(", ")}`,
		`INSERT INTO ${table} DEFAULT VALUES`,
	];
}

async function empty(url: string): Promise<void> {
	const schemas = await run(url, USER_SCHEMAS);
	for (const { name } of schemas)
		await run(url, `DROP SCHEMA ${ident(name)} CASCADE`);
	await run(url, "CREATE SCHEMA public");
}
