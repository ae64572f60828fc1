import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";

/**
 * Makes an empty old side (FreshTrack on Supabase) in the connected database.
 * The connection must be a superuser's; the tables come to belong to `postgres`,
 * which is none. Seeds are in, data is not.
 */
export async function createSourceSchema(superuser: ClientBase): Promise<void> {
	await superuser.query(await sql("supabase-platform.sql"));
	await superuser.query("SET ROLE postgres");
	await createOldTables(superuser);
	await superuser.query("RESET ROLE");
	await superuser.query(await sql("supabase.sql"));
}

/**
 * Makes the old side's tables with their seeds and nothing of Supabase, owned by
 * the connected role: a target of the source's shape.
 */
export async function createOldTables(client: ClientBase): Promise<void> {
	await client.query(await sql("tables.sql"));
	await client.query(await sql("seeds.sql"));
}

function sql(file: string): Promise<string> {
	return readFile(join(__dirname, file), "utf8");
}
