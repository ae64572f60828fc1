import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { LANE } from "../copy/lane";
import { CREATE_TOUCHED } from "../follow/touched";
import { withTablesLocked } from "../journal/lock";
import { ident, literal, relationExists } from "../sql";

/** Name of the guard's trigger on every proven table and its partitions. */
export const GUARD_TRIGGER = "cutover_guard";

/** Sessions of the follower, of the role that installs the guard; see openSession. */
const FOLLOWER = "cutover-migration sync %";

/**
 * What is kept on the target with a proof. `proof_guard` has what a later look is
 * held against: the epochs of the source's journal (a journal that was taken away
 * and installed again has missed something), what was compared, and every table
 * and partition with its file and its guard. `written_since` has the first write since,
 * of the follower and of anybody else, if there was one. `stranger` has the first write
 * of anybody but the sync since that began; see follow/watch.ts.
 */
const CREATE_GUARD = `
	${CREATE_TOUCHED}
	CREATE TABLE IF NOT EXISTS cutover.proof_guard (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		epochs text[] NOT NULL,
		comparison text NOT NULL,
		members jsonb NOT NULL,
		PRIMARY KEY (schema_name, table_name)
	);
	CREATE TABLE IF NOT EXISTS cutover.written_since (
		relation oid NOT NULL,
		follower boolean NOT NULL,
		role text NOT NULL,
		application text NOT NULL,
		at timestamptz NOT NULL
	);
	CREATE TABLE IF NOT EXISTS cutover.stranger (
		relation oid NOT NULL,
		role text NOT NULL,
		application text NOT NULL,
		at timestamptz NOT NULL
	);
	CREATE OR REPLACE FUNCTION cutover.note_write() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
	DECLARE
		-- Anybody can take the name; the role that made this function could take the guard away as well.
		by_follower boolean := session_user = current_user
			AND current_setting('application_name') LIKE ${literal(FOLLOWER)};
	BEGIN
		IF NOT EXISTS (
			SELECT FROM cutover.written_since w
			WHERE w.relation = TG_RELID AND w.follower = by_follower
		) THEN
			INSERT INTO cutover.written_since VALUES (
				TG_RELID, by_follower, session_user, current_setting('application_name'), clock_timestamp()
			);
		END IF;
		IF NOT by_follower AND current_setting('application_name') NOT LIKE ${literal(`${LANE} %`)}
			AND NOT EXISTS (SELECT FROM cutover.stranger s WHERE s.relation = TG_RELID)
		THEN
			INSERT INTO cutover.stranger VALUES (
				TG_RELID, session_user, current_setting('application_name'), clock_timestamp()
			);
		END IF;
		RETURN NULL;
	END
	$$;
	REVOKE ALL ON FUNCTION cutover.note_write() FROM PUBLIC;
`;

/** A proven table or a partition of it, by what shows that it was written anew. */
export interface Member {
	/** Qualified and quoted. */
	readonly name: string;
	/** Changes when all rows are written anew without a trigger, as by ALTER TABLE. */
	readonly file: string;
	/** The guard's row in pg_trigger: another one after it was switched off for a time. */
	readonly guard: string | null;
}

/** Tables and their partitions, by the OID of each. */
export type Members = Readonly<Record<string, Member>>;

/**
 * Puts the guard on tables of the target where it is missing: a statement trigger,
 * ENABLE ALWAYS, that notes who wrote. Counters of pg_stat_user_tables would tell
 * less, and later: a session flushes them up to ten seconds after its commit
 * (PGSTAT_IDLE_INTERVAL), they count what was rolled back, and a crash empties them.
 * A write and its note are of one transaction.
 */
export async function installGuard(
	address: DatabaseAddress,
	target: ClientBase,
	sides: readonly Guarded[],
	/** Milliseconds to wait for writers in flight. */
	lockTimeout: number,
): Promise<void> {
	await target.query(CREATE_GUARD);
	const missing = unguarded(await readMembers(target, sides));
	if (missing.length === 0) return;
	await withTablesLocked(
		address,
		target,
		[],
		"SHARE ROW EXCLUSIVE",
		lockTimeout,
		() => guard(target, missing),
	);
}

/** Puts the guard on the tables where it is missing, in the open transaction. */
export async function guardTables(
	target: ClientBase,
	tables: readonly Guarded[],
): Promise<void> {
	await target.query(CREATE_GUARD);
	await guard(target, unguarded(await readMembers(target, tables)));
}

function unguarded(members: ReadonlyMap<string, Members>): Member[] {
	return [...members.values()].flatMap((table) =>
		Object.values(table).filter(({ guard }) => guard === null),
	);
}

async function guard(
	target: ClientBase,
	missing: readonly Member[],
): Promise<void> {
	const trigger = ident(GUARD_TRIGGER);
	await target.query(
		missing
			.map(
				({ name }) => `
				CREATE OR REPLACE TRIGGER ${trigger} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${name}
				FOR EACH STATEMENT EXECUTE FUNCTION cutover.note_write();
				ALTER TABLE ${name} ENABLE ALWAYS TRIGGER ${trigger}`,
			)
			.join(";\n"),
	);
}

/** Takes the guard and all that is kept with a proof away; nothing where there is none. */
export async function removeGuard(
	address: DatabaseAddress,
	target: ClientBase,
	lockTimeout: number,
): Promise<void> {
	if (!(await relationExists(target, "cutover.written_since"))) return;
	await withTablesLocked(
		address,
		target,
		[],
		"ACCESS EXCLUSIVE",
		lockTimeout,
		() => dropGuard(target),
	);
}

/** The same in the open transaction. */
export async function dropGuard(target: ClientBase): Promise<void> {
	const { rows } = await target.query<{ name: string }>(`
		SELECT t.tgrelid::regclass::text AS "name" FROM pg_trigger t
		WHERE t.tgname = ${literal(GUARD_TRIGGER)} ORDER BY t.tgrelid
	`);
	await target.query(
		[
			...rows.map(
				({ name }) => `DROP TRIGGER ${ident(GUARD_TRIGGER)} ON ${name}`,
			),
			"DROP FUNCTION IF EXISTS cutover.note_write()",
			"DROP TABLE IF EXISTS cutover.proof_guard, cutover.written_since",
		].join(";\n"),
	);
}

/** What a guard is put on, with its partitions. */
type Guarded = {
	readonly table: { readonly schema: string; readonly name: string };
};

/** Reads tables and partitions as they are in the session's snapshot, by the table's name. */
export async function readMembers(
	target: ClientBase,
	sides: readonly Guarded[],
): Promise<Map<string, Members>> {
	const { rows } = await target.query<{ at: number; members: Members }>(
		`
		WITH RECURSIVE tree (at, oid) AS (
			SELECT n.at, c.oid
			FROM jsonb_to_recordset($1) AS n (at integer, schema text, name text)
			JOIN pg_namespace s ON s.nspname = n.schema
			JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = n.name
			UNION ALL
			SELECT tree.at, i.inhrelid
			FROM tree
			JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
			JOIN pg_inherits i ON i.inhparent = p.oid
		)
		SELECT tree.at AS "at", jsonb_object_agg(tree.oid::int8::text, jsonb_build_object(
			'name', format('%I.%I', n.nspname, c.relname),
			'file', c.relfilenode::int8::text,
			'guard', (
				SELECT t.xmin::text FROM pg_trigger t
				WHERE t.tgrelid = c.oid AND t.tgname = ${literal(GUARD_TRIGGER)} AND t.tgenabled = 'A'
			)
		)) AS "members"
		FROM tree
		JOIN pg_class c ON c.oid = tree.oid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		GROUP BY tree.at
		`,
		[
			JSON.stringify(
				sides.map(({ table: { schema, name } }, at) => ({ at, schema, name })),
			),
		],
	);
	return new Map(
		rows.flatMap(({ at, members }) => {
			const side = sides[at];
			return side ? [[tableName(side.table), members]] : [];
		}),
	);
}

/** Who has written to a table or partition since its baseline. */
export interface Writers {
	readonly follower: boolean;
	/** The first of anybody else, for people. */
	readonly stranger: string | undefined;
}

/** Reads who has written since the baseline, by the OID of table or partition. */
export async function readWriters(
	target: ClientBase,
): Promise<Map<string, Writers>> {
	if (!(await relationExists(target, "cutover.written_since")))
		return new Map();
	const { rows } = await target.query<{
		relation: string;
		follower: boolean;
		stranger: string | null;
	}>(`
		SELECT relation::int8::text AS "relation", bool_or(follower) AS "follower",
			min(format('role %s, application %s, at %s', role, coalesce(nullif(application, ''), 'unnamed'), date_trunc('second', at)))
				FILTER (WHERE NOT follower) AS "stranger"
		FROM cutover.written_since GROUP BY relation
	`);
	return new Map(
		rows.map(({ relation, follower, stranger }) => [
			relation,
			{ follower, stranger: stranger ?? undefined },
		]),
	);
}
