import assert from "node:assert/strict";
import { migrateHere, refused, withDirectory } from "./cli";
import { as, type Database, emptyDatabase, run } from "./databases";
import { DATA, start, until } from "./export-fixture";

describe("export --prove", () => {
	let source: Database;
	let env: Record<string, string>;
	const prove = (directory: string, more: Record<string, string> = {}) =>
		migrateHere(["export", "--prove", "--dir", directory], { ...env, ...more });
	const scratch = () =>
		run(
			source.superuserUrl,
			"SELECT datname FROM pg_database WHERE datname LIKE 'cutover\\_proof\\_%'",
		);

	beforeEach(async () => {
		source = await emptyDatabase(17);
		await run(source.url, DATA);
		env = { SOURCE_DATABASE_URL: source.url };
	});

	it("restores what it has written beside it, finds it equal, and leaves nothing", async () => {
		await withDirectory(async (directory) => {
			const { exitCode, json } = await prove(directory);
			assert.equal(exitCode, 0);
			const { rows, tables } = json.proven as { rows: number; tables: number };
			assert.equal(rows, json.rows);
			assert.equal(tables, json.tables);
			assert.deepEqual(await scratch(), []);
		});
	});

	it("fails where the export does not restore, and leaves nothing", async () => {
		await run(
			source.url,
			`CREATE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
			CREATE TABLE checked (id integer CHECK (public.fits(id))); INSERT INTO checked VALUES (7);
			CREATE OR REPLACE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n < 5'`,
		);
		await withDirectory(async (directory) => {
			await assert.rejects(
				prove(directory),
				/violates check constraint|checked/,
			);
			assert.deepEqual(await scratch(), []);
		});
	});

	it("needs a role that may create a database, which may be another than the source's", async () => {
		await run(
			source.superuserUrl,
			`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app LOGIN; END IF; END $$;
			SELECT set_config('it.password', '${new URL(source.url).password}', false);
			DO $$ BEGIN EXECUTE format('ALTER ROLE app PASSWORD %L', current_setting('it.password')); END $$;
			GRANT pg_read_all_data TO app`,
		);
		const app = { SOURCE_DATABASE_URL: as("app", source.url) };
		await withDirectory(async (directory) => {
			const error = await refused(
				["export", "--prove", "--dir", directory],
				app,
			);
			assert.equal(error.exitCode, 4);
			assert.match(error.fix, /PROOF_DATABASE_URL/);
		});
		await withDirectory(async (directory) => {
			const { exitCode } = await prove(directory, {
				...app,
				PROOF_DATABASE_URL: source.url,
			});
			assert.equal(exitCode, 0);
		});
	});

	it("drops what a killed run has left", async () => {
		await withDirectory(async (directory) => {
			const killed = start(
				...["export", "--prove", "--dir", directory],
				...["--source", source.url],
			);
			await until(async () => (await scratch()).length === 1);
			killed.kill("SIGKILL");
		});
		await withDirectory(async (directory) => {
			assert.equal((await prove(directory)).exitCode, 0);
			assert.deepEqual(await scratch(), []);
		});
	});
});
