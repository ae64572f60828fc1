import type { ClientBase } from "pg";
import { literal, relationExists } from "../sql";

/** Name of the barrier's trigger on every table. */
export const BARRIER_TRIGGER = "cutover_barrier";

/** Which tables of `c` and `n` could be written to: ordinary and partitioned, partitions too. */
export const WRITABLE = `
	c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
	AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cutover')`;

export interface TableName {
	readonly schema: string;
	readonly name: string;
}

/** A table as the barrier sees it. */
export interface WritableTable extends TableName {
	readonly owned: boolean;
	/** Its barrier fires in every session. */
	readonly closed: boolean;
}

/** Reads all tables that could be written to. */
export async function writableTables(
	client: ClientBase,
): Promise<WritableTable[]> {
	const { rows } = await client.query<WritableTable>(`
		SELECT n.nspname::text AS "schema", c.relname::text AS "name",
			pg_has_role(c.relowner, 'USAGE') AS "owned",
			EXISTS (
				SELECT FROM pg_trigger t
				WHERE t.tgrelid = c.oid AND t.tgname = ${literal(BARRIER_TRIGGER)} AND t.tgenabled = 'A'
			) AS "closed"
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE ${WRITABLE}
		ORDER BY 1, 2
	`);
	return rows;
}

/**
 * What is kept of a freeze. `until` is NULL where the barrier has no deadline. `pass`
 * is for passBarrier. `noted` has, by the OID of each table, how many rows had been
 * written to it at `noted_at` and which row in pg_trigger its barrier was: another
 * one tells that the barrier was off for a time.
 */
export const CREATE_RECORD = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.freeze (
		only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
		frozen_at timestamptz NOT NULL,
		wal_position pg_lsn NOT NULL,
		role name NOT NULL,
		until timestamptz,
		pass uuid NOT NULL DEFAULT gen_random_uuid(),
		noted_at timestamptz NOT NULL,
		noted jsonb NOT NULL
	);
`;

/** How many rows the server has counted as written to table `c`. */
export const WRITTEN =
	"(pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid))";

/** What `noted` holds, as of now. */
export const NOTED = `(
	SELECT coalesce(jsonb_object_agg(c.oid::int8::text, jsonb_build_object(
		'written', ${WRITTEN},
		'trigger', (SELECT t.xmin::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = ${literal(BARRIER_TRIGGER)})
	)), '{}')
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE ${WRITABLE}
)`;

/** A freeze, by the clock of its server; times are ISO 8601. */
export interface FreezeRecord {
	readonly frozenAt: string;
	readonly walPosition: string;
	/** null where it lasts until it is taken back. */
	readonly until: string | null;
	/** The deadline has passed: the source serves again. */
	readonly lapsed: boolean;
	/** Seconds until the deadline, below 0 behind it; null without one. */
	readonly secondsLeft: number | null;
}

/** SQL of a time as the commands print it. */
export function isoTime(sql: string): string {
	return `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** Reads the last freeze, also where its deadline has passed; null where there is none. */
export async function readFreeze(
	client: ClientBase,
): Promise<FreezeRecord | null> {
	if (!(await relationExists(client, "cutover.freeze"))) return null;
	const { rows } = await client.query<FreezeRecord>(`
		SELECT ${isoTime("frozen_at")} AS "frozenAt", wal_position::text AS "walPosition",
			${isoTime("until")} AS "until", coalesce(until <= clock_timestamp(), false) AS "lapsed",
			extract(epoch FROM until - clock_timestamp())::float8 AS "secondsLeft"
		FROM cutover.freeze
	`);
	return rows[0] ?? null;
}

/** The freeze that stands: null also where its deadline has passed. */
export async function standingFreeze(
	client: ClientBase,
): Promise<FreezeRecord | null> {
	const record = await readFreeze(client);
	return record?.lapsed ? null : record;
}
