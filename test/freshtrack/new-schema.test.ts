import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { createNewSchema } from "./schema";

/** The facts about the real system, where the checkout lies beside them. */
const FACTS = join(__dirname, "../../../shared/freshtrack/target-columns.tsv");

describe("the new side's schema", () => {
	let server: LocalPostgres;
	let client: Client;

	before(async () => {
		server = await startLocalPostgres({ version: 17 });
		client = new Client({
			connectionString: await server.createDatabase("new"),
		});
		await client.connect();
		await createNewSchema(client);
	});
	after(async () => {
		await client?.end();
		await server?.stop();
	});

	const lines = async (sql: string) =>
		(await client.query<{ line: string }>(sql)).rows.map(({ line }) => line);

	// The facts are no part of this repository: a checkout alone does without.
	if (existsSync(FACTS)) {
		it("has the real system's columns, types, NOT NULLs and defaults", async () => {
			const [, ...facts] = readFileSync(FACTS, "utf8").trim().split("\n");
			const found = await lines(`
				SELECT concat_ws(E'\\t', relname, attname, format_type(atttypid, atttypmod), attnotnull::text, atthasdef::text) AS line
				FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
				WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0`);
			assert.deepEqual(found.sort(), facts.sort());
		});
	}

	it("gives every table a key", async () => {
		const keyless = await lines(`
			SELECT relname AS line FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
				AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)`);
		assert.deepEqual(keyless, []);
	});

	it("lacks the labels that the old side alone knows", async () => {
		const labels = await lines(`
			SELECT typname || '.' || enumlabel AS line
			FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid`);
		assert(labels.includes("app_role.viewer"));
		for (const old of [
			"app_role.inspector",
			"alert_type.suspected_cooling_failure",
			"alert_type.temp_excursion",
		]) {
			assert(!labels.includes(old), old);
		}
	});
});
