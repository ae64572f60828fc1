import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import {
	type Catalog,
	type Name,
	type Table,
	tableName,
} from "../catalog/types";
import {
	digestTable,
	plainSide,
	rewrittenSide,
	sameDigest,
	type TableDigest,
} from "../digest/table";
import { ExitCode, MigrationError } from "../errors";
import { BARRIER_TRIGGER } from "../freeze/record";
import { relationExists as exists, ident } from "../sql";
import type { UserRewrite } from "../users/references";
import type { Manifest } from "./manifest";

/**
 * More rows than this before the first import are not taken for seeds of the new
 * application's migrations (FreshTrack's largest has 71).
 */
const MOST_SEED_ROWS = 1000;

/** What an import left in each table, and which columns it rewrote, on the target. */
export const CREATE_MARKER = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.imported_table (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		rows bigint NOT NULL,
		digest numeric NOT NULL,
		snapshot_at timestamptz NOT NULL,
		imported_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (schema_name, table_name)
	);
	CREATE TABLE IF NOT EXISTS cutover.user_column (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		column_name text NOT NULL,
		reason text NOT NULL,
		PRIMARY KEY (schema_name, table_name, column_name)
	);
`;

/**
 * What a sync that was taken back left in each table, on the target: rows and
 * digest of all columns as they stand, or why the rows are not all its own.
 */
export const CREATE_LEFT = `
	DROP TABLE IF EXISTS cutover.left_table;
	CREATE TABLE cutover.left_table (
		schema_name text NOT NULL,
		table_name text NOT NULL,
		rows bigint,
		digest numeric,
		stranger text,
		PRIMARY KEY (schema_name, table_name)
	);
`;

/** What an import would bring: tables as the source's catalog describes them. */
export interface Arriving {
	readonly tables: readonly Table[];
	readonly userColumns: readonly UserRewrite[];
}

/** Rows that an import is going to remove, by table. */
export interface Removal {
	readonly table: string;
	readonly rows: number;
	readonly what: "seeds" | "earlier import" | "earlier sync" | "foreign rows";
	/** Who wrote foreign rows, as far as that is known. */
	readonly by?: string;
}

/**
 * Says what rows of the target an import replaces, and refuses (exit 4) to
 * replace any that it cannot account for: before the first import a table may hold
 * seeds, which are few and name no user; afterwards exactly what the last import,
 * or a sync that was taken back, left there. `replace` is the operator's word that
 * other rows may go too. `watched` are tables of a sync that was cut short before its
 * copy began: it had looked at their rows.
 */
export async function checkTarget(
	client: ClientBase,
	arriving: Arriving,
	catalog: Catalog,
	options: { readonly replace: boolean },
	watched: readonly (Name & Pick<Left, "stranger">)[] = [],
): Promise<Removal[]> {
	refuseFrozen(catalog);
	const markers = await readMarkers(client);
	const left = await readLeft(client);
	for (const { stranger, ...table } of watched)
		left.set(tableName(table), { stranger, digest: null });
	const removals: Removal[] = [];
	for (const source of arriving.tables) {
		const table = findTable(catalog.tables, source);
		if (!table) continue;
		const name = tableName(table);
		const rows = await countRows(client, table);
		if (rows === 0) continue;
		const [earlier, marker] = [left.get(name), markers.get(name)];
		let what: Removal["what"] = "foreign rows";
		if (earlier) {
			if (await isLeft(client, table, earlier)) what = "earlier sync";
		} else if (marker) {
			const shape = { ...table, columns: source.columns };
			const side = rewrittenSide(shape, arriving.userColumns);
			if (sameDigest(await digestTable(client, side), marker))
				what = "earlier import";
		} else if (await areSeeds(client, arriving, table, rows)) what = "seeds";
		const by =
			what === "foreign rows" && earlier
				? (earlier.stranger ?? "not as an earlier sync left it")
				: undefined;
		removals.push({ table: name, rows, what, ...(by && { by }) });
	}
	const foreign = removals.filter(({ what }) => what === "foreign rows");
	if (foreign.length > 0 && !options.replace)
		throw new MigrationError(
			{
				expected:
					"the target to hold nothing but seeds and what an earlier import or sync left there",
				found: `other rows in ${foreign.map(({ table, rows, by }) => `${table} (${rows} rows${by ? `, ${by}` : ""})`).join(", ")}`,
				fix: "look at these rows; --replace removes them, and with them whatever was written to the target since",
			},
			ExitCode.refused,
		);
	return removals;
}

/**
 * Notes what this import left, inside its transaction. With the export's user map
 * come the columns that hold the ids of its new system.
 */
export async function recordImport(
	client: ClientBase,
	manifest: Manifest,
	options: { readonly withUserMap: boolean },
): Promise<void> {
	await client.query(CREATE_MARKER);
	for (const { schema, name, rows, digest } of manifest.tables)
		await client.query(
			`
			INSERT INTO cutover.imported_table (schema_name, table_name, rows, digest, snapshot_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (schema_name, table_name) DO UPDATE SET
				rows = excluded.rows, digest = excluded.digest,
				snapshot_at = excluded.snapshot_at, imported_at = excluded.imported_at
			`,
			[schema, name, rows, digest, manifest.snapshotAt],
		);
	if (await exists(client, "cutover.left_table"))
		await client.query(
			`DELETE FROM cutover.left_table USING jsonb_to_recordset($1) AS t (schema text, name text)
			WHERE schema_name = t.schema AND table_name = t.name`,
			[
				JSON.stringify(
					manifest.tables.map(({ schema, name }) => ({ schema, name })),
				),
			],
		);
	await client.query("TRUNCATE cutover.user_column");
	const rewrites =
		options.withUserMap && manifest.userMap
			? manifest.userMap.columns
			: manifest.userColumns;
	for (const { schema, table, column, reason } of rewrites)
		await client.query(
			"INSERT INTO cutover.user_column VALUES ($1, $2, $3, $4)",
			[schema, table, column, reason],
		);
}

/** The columns that the last import rewrote; null where there was none. */
export async function readRewrites(
	client: ClientBase,
): Promise<UserRewrite[] | null> {
	if (!(await exists(client, "cutover.user_column"))) return null;
	const { rows } = await client.query<UserRewrite>(`
		SELECT schema_name AS "schema", table_name AS "table", column_name AS "column", reason AS "reason"
		FROM cutover.user_column
	`);
	return rows;
}

function refuseFrozen(catalog: Catalog): void {
	const frozen = catalog.triggers.filter(
		({ name }) => name === BARRIER_TRIGGER,
	);
	if (frozen.length > 0)
		throw new MigrationError(
			{
				expected: "a target that may be written to",
				found: `the write barrier on ${frozen.length} of its tables`,
				fix: "unfreeze it first, if this is the right database",
			},
			ExitCode.refused,
		);
}

async function readMarkers(
	client: ClientBase,
): Promise<Map<string, TableDigest>> {
	if (!(await exists(client, "cutover.imported_table"))) return new Map();
	const { rows } = await client.query<{
		schema: string;
		name: string;
		rows: string;
		digest: string;
	}>(
		`SELECT schema_name AS "schema", table_name AS "name", rows::text AS "rows", digest::text AS "digest"
		FROM cutover.imported_table`,
	);
	return new Map(
		rows.map((row) => [
			tableName(row),
			{ rows: Number(row.rows), digest: row.digest },
		]),
	);
}

interface Left {
	/** Why the rows are not all a sync's, for people. */
	readonly stranger: string | null;
	/** null where it has been watched since. */
	readonly digest: TableDigest | null;
}

async function readLeft(client: ClientBase): Promise<Map<string, Left>> {
	if (!(await exists(client, "cutover.left_table"))) return new Map();
	const { rows } = await client.query<
		Name & { stranger: string | null; rows: string; digest: string }
	>(
		`SELECT schema_name AS "schema", table_name AS "name", rows::text AS "rows", digest::text AS "digest", stranger
		FROM cutover.left_table`,
	);
	return new Map(
		rows.map(({ rows: count, digest, stranger, ...table }) => [
			tableName(table),
			{ stranger, digest: { rows: Number(count), digest } },
		]),
	);
}

/** Whether the rows are those that a sync left, or had looked at. */
async function isLeft(
	client: ClientBase,
	table: Table,
	{ stranger, digest }: Left,
): Promise<boolean> {
	return (
		stranger === null &&
		(digest === null ||
			sameDigest(digest, await digestTable(client, plainSide(table))))
	);
}

async function countRows(client: ClientBase, table: Table): Promise<number> {
	const { rows } = await client.query(
		`SELECT count(*)::float8 AS "rows" FROM ${ident(table.schema, table.name)}`,
	);
	return rows[0]?.rows;
}

/** Before the first import there are no users, so a row that names one is no seed. */
async function areSeeds(
	client: ClientBase,
	arriving: Arriving,
	table: Table,
	count: number,
): Promise<boolean> {
	if (count > MOST_SEED_ROWS) return false;
	const users = arriving.userColumns.filter(
		({ schema, table: name }) => schema === table.schema && name === table.name,
	);
	if (users.length === 0) return true;
	const named = users
		.map(({ column }) => `${ident(column)} IS NOT NULL`)
		.join(" OR ");
	const { rows } = await client.query(
		`SELECT count(*)::float8 AS "rows" FROM ${ident(table.schema, table.name)} WHERE ${named}`,
	);
	return rows[0]?.rows === 0;
}
