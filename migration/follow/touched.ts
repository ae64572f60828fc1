import type { ClientBase } from "pg";
import { ident, literal, relationExists } from "../sql";
import { JOURNAL_KEY, type RoutePlan } from "./plan";

/**
 * Keys that were written since a table was proven equal: only their rows have to
 * be compared again. Kept on the side that is written to, in the transaction that
 * writes the rows. The key is known under two names: as the side that is read has
 * it, and as this side has it; both as text.
 */
export const CREATE_TOUCHED = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.proof (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		rows bigint NOT NULL,
		digest numeric NOT NULL,
		proven_at timestamptz NOT NULL,
		PRIMARY KEY (schema_name, table_name)
	);
	CREATE TABLE IF NOT EXISTS cutover.touched_key (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		source_key text[] NOT NULL,
		target_key text[] NOT NULL,
		-- Both keys as one: an index entry takes 2,700 bytes, and keys may be longer.
		hash uuid NOT NULL,
		PRIMARY KEY (schema_name, table_name, hash)
	);
`;

/** Tables that a proof stands for, by their quoted names. */
export async function provenTables(client: ClientBase): Promise<Set<string>> {
	if (!(await relationExists(client, "cutover.proof"))) return new Set();
	const { rows } = await client.query<{ schema: string; name: string }>(
		`SELECT schema_name AS "schema", table_name AS "name" FROM cutover.proof`,
	);
	// format('%I') quotes only where it must: its names are not those of ident().
	return new Set(rows.map(({ schema, name }) => ident(schema, name)));
}

/** SQL that notes a route's staged keys as touched. */
export function noteTouched({ target, stagedKeys }: RoutePlan): string {
	const keys = stagedKeys.columns.map((name) => `k.${ident(name)}::text`);
	return `
		INSERT INTO cutover.touched_key (schema_name, table_name, source_key, target_key, hash)
		SELECT ${literal(target.schema)}, ${literal(target.name)}, k.source_key, k.target_key,
			md5(jsonb_build_array(k.source_key, k.target_key)::text)::uuid
		FROM (
			SELECT DISTINCT k.${ident(JOURNAL_KEY)} AS source_key, ARRAY[${keys.join(", ")}] AS target_key
			FROM ${stagedKeys.table} k
		) k
		ON CONFLICT DO NOTHING`;
}

/** SQL that voids the proof of a table that is filled anew. */
export function voidProof({ target }: RoutePlan): string {
	const here = `schema_name = ${literal(target.schema)} AND table_name = ${literal(target.name)}`;
	return `DELETE FROM cutover.proof WHERE ${here}; DELETE FROM cutover.touched_key WHERE ${here}`;
}
