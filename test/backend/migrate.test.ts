import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { migrate, SchemaChangedError } from "./src/migrate";
import { SCHEMA_FOLDER } from "./support";

describe("migrate", () => {
	let server: LocalPostgres;
	before(async () => {
		server = await startLocalPostgres({ version: 17 });
	});
	after(() => server?.stop());

	async function tables(url: string): Promise<number> {
		const client = new pg.Client({ connectionString: url });
		await client.connect();
		try {
			const { rows } = await client.query(
				"SELECT count(*)::int AS count FROM pg_tables WHERE schemaname = 'public'",
			);
			return rows[0].count;
		} finally {
			await client.end();
		}
	}

	it("creates the schema once", async () => {
		const url = await server.createDatabase("once");
		assert.deepEqual(await migrate(url, SCHEMA_FOLDER), ["new-schema.sql"]);
		assert.equal(await tables(url), 29);
		assert.deepEqual(await migrate(url, SCHEMA_FOLDER), []);
		assert.equal(await tables(url), 29);
	});

	it("lets replicas start at the same time", async () => {
		const url = await server.createDatabase("together");
		const runs = await Promise.all(
			[1, 2, 3, 4].map(() => migrate(url, SCHEMA_FOLDER)),
		);
		assert.deepEqual(
			runs.map((applied) => applied.length).sort(),
			[0, 0, 0, 1],
		);
	});

	it("leaves nothing behind when a file fails, and refuses one that changed", async () => {
		const url = await server.createDatabase("changed");
		const folder = await mkdtemp(join(tmpdir(), "schema-"));
		try {
			const write = (sql: string) =>
				writeFile(join(folder, "new-schema.sql"), sql);
			await write("CREATE TABLE early (); SELECT no_such_function()");
			await assert.rejects(migrate(url, folder), /no_such_function/);
			assert.equal(await tables(url), 0);
			await write("SELECT 1");
			assert.equal((await migrate(url, folder)).length, 1);
			await write("SELECT 2");
			await assert.rejects(migrate(url, folder), SchemaChangedError);
		} finally {
			await rm(folder, { recursive: true });
		}
	});
});
