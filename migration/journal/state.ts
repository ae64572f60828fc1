import type { ClientBase } from "pg";
import { relationExists } from "../sql";
import type { Shape } from "./shape";

/** A table that the journal follows, as it was noted. */
export interface FollowedTable {
	/** Its number in the journal. */
	readonly id: number;
	/** OID of the table. */
	readonly relation: string;
	readonly key: readonly string[] | null;
	readonly shape: Shape;
	/** Names the time since which every write is in the journal. */
	readonly epoch: string;
}

/** Whether a journal is installed. */
export function hasJournal(client: ClientBase): Promise<boolean> {
	return relationExists(client, "cutover.journal_table");
}

/** Reads what is followed, by its number. */
export async function readFollowed(
	client: ClientBase,
): Promise<FollowedTable[]> {
	const { rows } = await client.query<FollowedTable>(`
		SELECT id, relation::int8::text AS "relation", key_columns AS "key", shape, epoch::text AS "epoch"
		FROM cutover.journal_table
		WHERE shape IS NOT NULL
		ORDER BY id
	`);
	return rows;
}

/** How far the other side is behind. */
export interface Lag {
	/** Entries not applied yet; one row may have several. */
	readonly rows: number;
	/** Seconds since the oldest of them was written, by this server's clock. */
	readonly seconds: number;
}

/** Reads the lag as committed now. */
export async function readLag(client: ClientBase): Promise<Lag> {
	const { rows } = await client.query<Lag>(`
		SELECT count(*)::float8 AS "rows",
			-- Entries that a follower made itself have no time.
			coalesce(extract(epoch FROM clock_timestamp() - min(at) FILTER (WHERE isfinite(at))), 0)::float8 AS "seconds"
		FROM cutover.journal
	`);
	return rows[0] ?? { rows: 0, seconds: 0 };
}

/** Tables of the followed ones' schemas that nobody follows, by OID and name. */
export const STRANGERS = `
	SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
		AND c.relnamespace = ANY (ARRAY (
			SELECT DISTINCT f.relnamespace
			FROM cutover.journal_table j JOIN pg_class f ON f.oid = j.relation
		))
		AND NOT EXISTS (SELECT FROM cutover.journal_table j WHERE j.relation = c.oid)
		AND NOT EXISTS (
			SELECT FROM pg_depend d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		)
`;
