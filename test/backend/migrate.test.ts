import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
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

	async function definitions(url: string): Promise<number> {
		const client = new pg.Client({ connectionString: url });
		await client.connect();
		try {
			const { rows } = await client.query(
				"SELECT count(*)::int AS count FROM alarm_definitions",
			);
			return rows[0].count;
		} finally {
			await client.end();
		}
	}

	it("creates schema and seeds once", async () => {
		const url = await server.createDatabase("once");
		assert.deepEqual(await migrate(url, SCHEMA_FOLDER), [
			"tables.sql",
			"seeds.sql",
		]);
		assert.equal(await definitions(url), 71);
		assert.deepEqual(await migrate(url, SCHEMA_FOLDER), []);
		assert.equal(await definitions(url), 71);
	});

	it("lets replicas start at the same time", async () => {
		const url = await server.createDatabase("together");
		const runs = await Promise.all(
			[1, 2, 3, 4].map(() => migrate(url, SCHEMA_FOLDER)),
		);
		assert.deepEqual(
			runs.map((applied) => applied.length).sort(),
			[0, 0, 0, 2],
		);
	});

	it("leaves nothing behind when a file fails, and refuses one that changed", async () => {
		const url = await server.createDatabase("changed");
		const folder = await mkdtemp(join(tmpdir(), "schema-"));
		try {
			await cp(join(SCHEMA_FOLDER, "tables.sql"), join(folder, "tables.sql"));
			await writeFile(join(folder, "seeds.sql"), "SELECT no_such_function()");
			await assert.rejects(migrate(url, folder), /no_such_function/);
			await writeFile(join(folder, "seeds.sql"), "SELECT 1");
			assert.equal((await migrate(url, folder)).length, 2);
			await writeFile(join(folder, "seeds.sql"), "SELECT 2");
			await assert.rejects(migrate(url, folder), SchemaChangedError);
		} finally {
			await rm(folder, { recursive: true });
		}
	});
});
