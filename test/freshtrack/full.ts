import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";

/**
 * Brings a source that createSourceSchema has made, and fillSource perhaps filled,
 * to all 68 tables and 1,093 columns of the product, with rows in every table of a
 * filled one. The connection must be a superuser's.
 */
export async function completeSource(superuser: ClientBase): Promise<void> {
	await superuser.query(await sql("full-source.sql"));
	await superuser.query(await sql("full-rows.sql"));
}

/** Makes the new side's schema, empty, owned by the connected role. */
export async function createNewSchema(client: ClientBase): Promise<void> {
	await client.query(await sql("new-schema.sql"));
}

function sql(file: string): Promise<string> {
	return readFile(join(__dirname, file), "utf8");
}
