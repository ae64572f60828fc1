import type { ClientBase } from "pg";
import { literal, relationExists } from "../sql";
import {
	BARRIER_TRIGGER,
	type FreezeRecord,
	readFreeze,
	WRITABLE,
	WRITTEN,
} from "./record";

/** A table that was written to since the freeze. */
export interface Written {
	readonly table: string;
	/** Rows, and times that it was emptied. */
	readonly count: number;
	/** The barrier is to close it; a table of another role it cannot. */
	readonly owned: boolean;
}

export interface FreezeState extends FreezeRecord {
	/** Tables of ours whose barrier is not there, is off, or was off for a time. */
	readonly missing: readonly string[];
	readonly writes: readonly Written[];
}

/**
 * Reads how a freeze stands; null where nobody has frozen the database.
 *
 * Where the journal follows a table, its entries are counted, which are exact. The
 * server's counters of rows are not: a session flushes them up to 10 seconds after its
 * commit (PGSTAT_IDLE_INTERVAL), so what shows up may have been written before the
 * freeze. They are taken where there is nothing better: for tables of other roles,
 * and where the barrier was off. A table that it closed all the time has no writes.
 */
export async function readFreezeState(
	client: ClientBase,
): Promise<FreezeState | null> {
	const record = await readFreeze(client);
	if (!record) return null;
	const journal = (await relationExists(client, "cutover.journal_table"))
		? `LEFT JOIN LATERAL (
				SELECT count(e.at) AS entries
				FROM cutover.journal_table j
				LEFT JOIN cutover.journal e ON e.table_id = j.id AND e.at > f.noted_at AND isfinite(e.at)
				WHERE j.relation = coalesce(pg_partition_root(c.oid), c.oid)
				GROUP BY j.id
			) j ON true`
		: "CROSS JOIN (SELECT NULL::bigint AS entries) j";
	const { rows } = await client.query<{
		table: string;
		owned: boolean;
		intact: boolean;
		count: number;
	}>(
		`
		SELECT format('%s.%s', n.nspname, c.relname) AS "table", b.*,
			CASE
				-- The whole tree's entries stand under its root.
				WHEN b.intact AND j.entries IS NOT NULL THEN CASE WHEN c.relispartition THEN 0 ELSE j.entries END
				WHEN b.intact AND NOT $1 THEN 0
				ELSE greatest(${WRITTEN} - coalesce((f.noted -> c.oid::int8::text ->> 'written')::bigint, 0), 0)
			END::float8 AS "count"
		FROM cutover.freeze f
		CROSS JOIN pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL (
			SELECT pg_has_role(c.relowner, 'USAGE') AS "owned",
				EXISTS (
					SELECT FROM pg_trigger t
					WHERE t.tgrelid = c.oid AND t.tgname = ${literal(BARRIER_TRIGGER)} AND t.tgenabled = 'A'
						AND t.xmin::text = f.noted -> c.oid::int8::text ->> 'trigger'
				) AS "intact"
		) b
		${journal}
		WHERE ${WRITABLE}
		ORDER BY 1
	`,
		[record.lapsed],
	);
	return {
		...record,
		missing: rows.flatMap(({ table, owned, intact }) =>
			owned && !intact ? [table] : [],
		),
		writes: rows.flatMap(({ table, owned, count }) =>
			count > 0 ? [{ table, count, owned }] : [],
		),
	};
}
