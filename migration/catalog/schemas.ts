import type { ClientBase } from "pg";
import { USER_SCHEMAS } from "./queries/platform";

/**
 * Schemas that Supabase or its extensions make in every project: those of
 * `InternalSchemas` in supabase/cli pkg/migration/dump.go, and `pgroonga` and
 * `_timescaledb_…` of `managedSchemas` in its internal/db/diff/diff.go. They are
 * not the application's and do not come along unless named.
 */
const OF_SUPABASE: readonly RegExp[] = [
	"_analytics",
	"_realtime",
	"_supavisor",
	"auth",
	"etl",
	"extensions",
	"pgbouncer",
	"realtime",
	"storage",
	"supabase_functions",
	"supabase_migrations",
	"cron",
	"dbdev",
	"graphql",
	"graphql_public",
	"net",
	"pgmq",
	"pgroonga",
	"pgsodium",
	"pgsodium_masks",
	"pgtle",
	"repack",
	"tiger",
	"tiger_data",
	"_?timescaledb_.*",
	"topology",
	"vault",
].map((name) => new RegExp(`^${name}$`));

/** Whether a schema is Supabase's or one of its extensions' by its name. */
export function isSupabaseSchema(name: string): boolean {
	return OF_SUPABASE.some((pattern) => pattern.test(name));
}

/**
 * Names of the schemas that are the application's own: all but the server's,
 * those that extensions made, Supabase's and the migration's. `named` ones are
 * taken whatever they are called, where they exist.
 */
export async function readSchemas(
	client: ClientBase,
	named: readonly string[] = [],
): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(USER_SCHEMAS);
	return rows
		.map(({ name }) => name)
		.filter((name) => named.includes(name) || !isSupabaseSchema(name));
}
