import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

/** In the order in which they are applied. */
const FILES = ["new-schema.sql"];

/** Any number that nothing else in this database uses: "freshtrk" cut to what a bigint holds. */
const LOCK_KEY = 7_381_240_955;

/** The folder that holds the schema files does not hold what this database was made from. */
export class SchemaChangedError extends Error {
	override readonly name = "SchemaChangedError";
}

/**
 * Creates the schema, each file once, in one transaction. A second
 * run changes nothing; of two at the same time, the second waits for the first.
 *
 * What has been applied stands in schema `backend`, not in `public`, so that the
 * tables of the product are all that a copy of `public` meets there.
 * @returns the names of the files applied by this run
 * @throws SchemaChangedError when a file that was applied has another content now
 */
export async function migrate(
	databaseUrl: string,
	folder: string,
): Promise<string[]> {
	const client = new pg.Client({
		connectionString: databaseUrl,
		application_name: "backend-migrate",
	});
	await client.connect();
	try {
		await client.query("BEGIN");
		await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
		await client.query("CREATE SCHEMA IF NOT EXISTS backend");
		await client.query(`
			CREATE TABLE IF NOT EXISTS backend.schema_files (
				name text PRIMARY KEY,
				sha256 text NOT NULL,
				applied_at timestamptz NOT NULL DEFAULT now()
			)`);
		const applied: string[] = [];
		for (const name of FILES) {
			if (await applyOnce(client, folder, name)) {
				applied.push(name);
			}
		}
		await client.query("COMMIT");
		return applied;
	} finally {
		// Ends an unfinished transaction too: the server rolls it back.
		await client.end();
	}
}

async function applyOnce(
	client: pg.Client,
	folder: string,
	name: string,
): Promise<boolean> {
	const sql = await readFile(join(folder, name), "utf8");
	const sha256 = createHash("sha256").update(sql).digest("hex");
	const { rows } = await client.query<{ sha256: string }>(
		"SELECT sha256 FROM backend.schema_files WHERE name = $1",
		[name],
	);
	const before = rows[0];
	if (before === undefined) {
		await client.query(sql);
		await client.query(
			"INSERT INTO backend.schema_files (name, sha256) VALUES ($1, $2)",
			[name, sha256],
		);
		return true;
	}
	if (before.sha256 !== sha256) {
		throw new SchemaChangedError(
			`${name} was applied with another content (sha256 ${before.sha256}, now ${sha256}): put the change into a file of its own`,
		);
	}
	return false;
}
