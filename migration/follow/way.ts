import type { ClientBase } from "pg";
import { findTable, obstacles } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { type Catalog, type Table, tableName } from "../catalog/types";
import { CREATE_MARKER, readRewrites } from "../copy/guard";
import { selectTables } from "../copy/select";
import { ExitCode, MigrationError } from "../errors";
import type { Dependent } from "../journal/notes";
import { type Route, sameShape } from "../route";
import { relationExists } from "../sql";
import {
	declaredUserColumns,
	findUserColumns,
	type UserRewrite,
} from "../users/references";
import { hasAuth } from "../users/source";
import { rewriteUsers, type UserColumn } from "./users";

/** All that goes one way between the two databases, and what it depends on. */
export interface Way {
	/** Of the side that is read. */
	readonly catalog: Catalog;
	/** Tables that are to be followed: those of the routes, and what they look up. */
	readonly tables: readonly Table[];
	readonly routes: readonly Route[];
	readonly dependents: readonly Dependent[];
	/** On the side that is read. */
	readonly userColumns: readonly UserColumn[];
	/** The columns that they arrive in on the other side. */
	readonly userColumnsThere: readonly UserColumn[];
	/** User ids are rewritten, and the map is the other side's. */
	readonly mirrored: boolean;
	/** Rows may refer to what the other side does not have: see setOrphansAside. */
	readonly orphans?: boolean;
	/** Tables of other roles, which cannot be followed: they stay behind. */
	readonly notOwned: readonly string[];
	/** Makes what rows need besides the other side's own tables, before they come. */
	readonly prepare?: () => Promise<void>;
}

/** What the operator says about which tables and columns. */
export interface WayOptions {
	readonly exclude: readonly string[];
	/** Columns that hold user ids without a foreign key that says so. */
	readonly userColumns: readonly string[];
}

/**
 * Every table into the one of the same name, old user ids becoming new ones. The
 * target may still be empty; where it has tables, they must be able to take the
 * rows.
 */
export async function sameShapeForward(
	read: ClientBase,
	write: ClientBase,
	options: WayOptions,
): Promise<Way> {
	const found = await readCatalog(read, await readSchemas(read));
	const selected = selectTables(found, options.exclude);
	const tables = selected.filter(({ owned }) => owned);
	const catalog = { ...found, tables };
	const target = await readCatalog(write, schemasOf(tables));
	if (target.tables.length > 0)
		refuseObstacles(obstacles(catalog, tables, target));
	const userColumns = await rewrittenColumns(read, write, catalog, options);
	return {
		dependents: [],
		catalog,
		tables,
		routes: tables.map((table) =>
			rewriteUsers(sameShape(table), userColumns, "forward"),
		),
		userColumns,
		userColumnsThere: userColumns,
		mirrored: userColumns.length > 0,
		notOwned: selected.filter(({ owned }) => !owned).map(tableName),
	};
}

/**
 * The way back: the tables that came from the old system, new user ids becoming
 * old ones. What only the new system has stays there.
 */
export async function sameShapeBack(
	read: ClientBase,
	write: ClientBase,
	options: WayOptions,
): Promise<Way> {
	const old = await readCatalog(write, await readSchemas(write));
	const returning = selectTables(old, options.exclude);
	const catalog = await readCatalog(read, schemasOf(returning));
	const userColumns = (await readRewrites(read)) ?? [];
	const tables = returning.flatMap(
		(table) => findTable(catalog.tables, table) ?? [],
	);
	return {
		dependents: [],
		catalog,
		tables,
		routes: tables.map((table) => {
			const twin = findTable(old.tables, table);
			const columns = table.columns.filter(({ name }) =>
				twin?.columns.some((column) => column.name === name),
			);
			const route = sameShape({ ...table, columns });
			return {
				...rewriteUsers(route, userColumns, "back"),
				label: tableName(table),
			};
		}),
		orphans: true,
		userColumns,
		userColumnsThere: userColumns,
		mirrored: false,
		notOwned: tables.filter(({ owned }) => !owned).map(tableName),
	};
}

/**
 * Columns whose user ids are rewritten: as noted on the target by an earlier run,
 * whose rows are there, else as declared and found in the data.
 */
async function rewrittenColumns(
	read: ClientBase,
	write: ClientBase,
	catalog: Catalog,
	options: WayOptions,
): Promise<UserRewrite[]> {
	// What a sync that was taken back noted says nothing of one that begins.
	const noted = (await relationExists(write, "cutover.follower"))
		? await readRewrites(write)
		: null;
	if (noted) return noted;
	return (await hasAuth(read))
		? findUserColumns(read, catalog, options.userColumns)
		: declaredUserColumns(catalog, options.userColumns);
}

/** Notes on the target in which columns it has new user ids, for the proof and the way back. */
export async function noteUserColumns(
	write: ClientBase,
	columns: readonly UserColumn[],
): Promise<void> {
	// A list that is there is taken for whole.
	await write.query("BEGIN");
	await write.query(CREATE_MARKER);
	await write.query(
		`
		INSERT INTO cutover.user_column (schema_name, table_name, column_name, reason)
		SELECT schema, "table", "column", coalesce(reason, 'named')
		FROM jsonb_to_recordset($1) AS c (schema text, "table" text, "column" text, reason text)
		ON CONFLICT DO NOTHING
		`,
		[JSON.stringify(columns)],
	);
	await write.query("COMMIT");
}

function schemasOf(tables: readonly { readonly schema: string }[]): string[] {
	return [...new Set(tables.map(({ schema }) => schema))];
}

function refuseObstacles(found: readonly string[]): void {
	if (found.length > 0)
		throw new MigrationError(
			{
				expected: "a target that is empty, or that can take every table's rows",
				found: found.join("\n         "),
				fix: "let the new application make its schema, or give an empty database; --exclude what is to stay behind",
			},
			ExitCode.refused,
		);
}
