import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { type Table, tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { withoutChecks } from "../copy/checks";
import { CREATE_LEFT } from "../copy/guard";
import { GUARD_TRIGGER, guardTables, readMembers } from "../digest/guard";
import { digestTable, plainSide, type TableDigest } from "../digest/table";
import { withTablesLocked } from "../journal/lock";
import { ident, literal, relationExists } from "../sql";
import type { TableName } from "./suspend";

/**
 * The tables and partitions that a sync fills, each with its guard's row in
 * pg_trigger: another one after it was off for a time, and an empty one where rows
 * were there before anybody watched.
 */
const CREATE_WATCHED = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.watched (
		relation oid PRIMARY KEY,
		guard text NOT NULL
	);
`;

/**
 * From now on notes who but the sync writes to the tables, whose rows are accounted
 * for, and forgets what an earlier sync has noted. In the open transaction, which has
 * to have the tables locked.
 */
export async function beginWatch(
	write: ClientBase,
	tables: readonly TableName[],
): Promise<void> {
	await write.query(`
		DROP TABLE IF EXISTS cutover.watched, cutover.stranger, cutover.left_table, cutover.user_column;
		${CREATE_WATCHED}
	`);
	if (await relationExists(write, "cutover.reject"))
		await write.query("DELETE FROM cutover.reject");
	await noteGuards(write, tables, () => Promise.resolve(true));
}

/** Watches tables and partitions that have come since as well. */
export async function extendWatch(
	address: DatabaseAddress,
	write: ClientBase,
	tables: readonly TableName[],
	lockTimeout: number,
): Promise<void> {
	await write.query(CREATE_WATCHED);
	if ((await unwatched(write, tables)).length === 0) return;
	await withTablesLocked(
		address,
		write,
		tables,
		"SHARE ROW EXCLUSIVE",
		lockTimeout,
		() =>
			noteGuards(write, tables, async (name) => {
				const { rows } = await write.query(
					`SELECT NOT EXISTS (SELECT FROM ${name}) AS "empty"`,
				);
				return rows[0]?.empty === true;
			}),
	);
}

/**
 * Watches the same tables anew, whose rows are accounted for again: a return has
 * brought to the source whatever the new system had written to them meanwhile.
 */
export async function watchAnew(
	address: DatabaseAddress,
	write: ClientBase,
	lockTimeout: number,
): Promise<void> {
	const watched = await readWatched(write);
	if (watched.length === 0) return;
	await withTablesLocked(
		address,
		write,
		watched,
		"SHARE ROW EXCLUSIVE",
		lockTimeout,
		async () => {
			// The table of strangers comes with the guard's function.
			await guardTables(
				write,
				watched.map((table) => ({ table })),
			);
			await write.query(
				"DELETE FROM cutover.watched; DELETE FROM cutover.stranger",
			);
			await noteGuards(write, watched, () => Promise.resolve(true));
		},
	);
}

async function noteGuards(
	write: ClientBase,
	tables: readonly TableName[],
	isAccounted: (name: string) => Promise<boolean>,
): Promise<void> {
	await guardTables(
		write,
		tables.map((table) => ({ table })),
	);
	for (const { oid, name, guard } of await unwatched(write, tables))
		await write.query("INSERT INTO cutover.watched VALUES ($1, $2)", [
			oid,
			(await isAccounted(name)) ? (guard ?? "") : "",
		]);
}

async function unwatched(write: ClientBase, tables: readonly TableName[]) {
	const members = await readMembers(
		write,
		tables.map((table) => ({ table })),
	);
	const { rows } = await write.query<{ oid: string }>(
		`SELECT relation::int8::text AS "oid" FROM cutover.watched`,
	);
	const known = new Set(rows.map(({ oid }) => oid));
	return [...members.values()]
		.flatMap((table) => Object.entries(table))
		.filter(([oid]) => !known.has(oid))
		.map(([oid, member]) => ({ oid, ...member }));
}

/** A table that a sync fills. */
export interface Watched extends TableName {
	/** Why its rows may not all be the sync's, for people; null where they are. */
	readonly stranger: string | null;
}

/** Reads the tables that the sync fills, and who else has written to them. */
export async function readWatched(write: ClientBase): Promise<Watched[]> {
	if (!(await relationExists(write, "cutover.watched"))) return [];
	const { rows } = await write.query<Watched>(`
		WITH RECURSIVE tree (root, oid) AS (
			SELECT c.oid, c.oid FROM cutover.watched w JOIN pg_class c ON c.oid = w.relation
			WHERE NOT c.relispartition
			UNION ALL
			SELECT tree.root, i.inhrelid
			FROM tree
			JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
			JOIN pg_inherits i ON i.inhparent = p.oid
		)
		SELECT n.nspname::text AS "schema", c.relname::text AS "name",
			coalesce(
				min(format('written by role %s, application %s, at %s', s.role, coalesce(nullif(s.application, ''), 'unnamed'), date_trunc('second', s.at)))
					FILTER (WHERE s.relation IS NOT NULL),
				CASE WHEN bool_or(w.guard IS DISTINCT FROM t.xmin::text) THEN 'not watched all the time' END
			) AS "stranger"
		FROM tree
		JOIN pg_class c ON c.oid = tree.root
		JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN cutover.watched w ON w.relation = tree.oid
		LEFT JOIN pg_trigger t ON t.tgrelid = tree.oid AND t.tgname = ${literal(GUARD_TRIGGER)} AND t.tgenabled = 'A'
		LEFT JOIN cutover.stranger s ON s.relation = tree.oid
		GROUP BY n.nspname, c.relname
		ORDER BY 1, 2
	`);
	return rows;
}

/**
 * Empties the tables of a copy that was cut short: what it would have made could not
 * be made over half of the rows. Does nothing where anybody else has written.
 */
export async function emptyWatched(
	address: DatabaseAddress,
	write: ClientBase,
	lockTimeout: number,
): Promise<void> {
	const catalog = await readCatalog(write, await readSchemas(write));
	const tables = tablesOf(catalog.tables, await readWatched(write));
	if (tables.length === 0) return;
	await withTablesLocked(
		address,
		write,
		tables,
		"ACCESS EXCLUSIVE",
		lockTimeout,
		async () => {
			if ((await readWatched(write)).some(({ stranger }) => stranger)) return;
			await withoutChecks(
				write,
				// The sync has switched them off.
				{ ...catalog, triggers: [] },
				tables.map((table) => ({ table, exported: { rows: 0 } })),
				async () => {
					await write.query(
						`TRUNCATE ${tables.map(({ schema, name }) => ident(schema, name)).join(", ")}`,
					);
				},
			);
		},
	);
}

/**
 * Ends the watch with `work`, in one transaction, and leaves a note of what a sync
 * leaves in each table: its digest, or who else has written to it. By that the next
 * sync, or an import, tells whose rows it finds. Gives the tables.
 */
export async function endWatch(
	address: DatabaseAddress,
	write: ClientBase,
	lockTimeout: number,
	work: () => Promise<void>,
): Promise<Watched[]> {
	const watched = await readWatched(write);
	const catalog = await readCatalog(write, await readSchemas(write));
	const digests = new Map<string, TableDigest>();
	for (const table of tablesOf(
		catalog.tables,
		watched.filter(({ stranger }) => stranger === null),
	))
		digests.set(tableName(table), await digestTable(write, plainSide(table)));
	return withTablesLocked(
		address,
		write,
		watched,
		"ACCESS EXCLUSIVE",
		lockTimeout,
		async () => {
			// Under the lock: who wrote since the digests is noted by now.
			const left = await readWatched(write);
			if (left.length > 0) {
				await write.query(CREATE_LEFT);
				await write.query(
					`
					INSERT INTO cutover.left_table (schema_name, table_name, rows, digest, stranger)
					SELECT schema, name, rows, digest, stranger
					FROM jsonb_to_recordset($1) AS l (schema text, name text, rows bigint, digest numeric, stranger text)
					`,
					[
						JSON.stringify(
							left.map((table) => ({
								...table,
								...digests.get(tableName(table)),
							})),
						),
					],
				);
			}
			await work();
			await write.query(
				"DROP TABLE IF EXISTS cutover.watched, cutover.stranger",
			);
			return left;
		},
	);
}

function tablesOf(
	all: readonly Table[],
	watched: readonly TableName[],
): Table[] {
	return watched.flatMap((table) => findTable(all, table) ?? []);
}
