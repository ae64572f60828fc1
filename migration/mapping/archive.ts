import type { ClientBase } from "pg";
import { type Column, type Table, tableName } from "../catalog/types";
import { copyFormat } from "../copy/format";
import type { Route } from "../route";
import { ident, idents } from "../sql";
import type { MappedCatalog } from "./facts";
import type { UserIds } from "./users";

/** The schema of the target that holds what has no place in the new one. */
export const LEGACY = "legacy";

/**
 * The schema of the source that takes, after the switch, what has no way back: rows
 * of the new system's tables as they are, for a person to look at.
 */
export const RETURNED = "returned";

/** A table of the archive, or of what has come back without a place. */
export interface ArchiveTable {
	readonly schema: string;
	readonly name: string;
	readonly columns: readonly Column[];
	/** As on the source; null where nothing tells its rows apart. */
	readonly key: readonly string[] | null;
}

/**
 * The route of a table, or of some of its columns with its key, into the archive.
 * All rows go there, also those that are filtered or rejected on their way into
 * the new schema.
 */
export function archiveRoute(
	table: Table,
	catalog: Pick<MappedCatalog, "domains">,
	users: UserIds,
	{
		only,
		schema = LEGACY,
	}: { readonly only?: readonly string[]; readonly schema?: string } = {},
): Route & { readonly label: string; readonly archive: ArchiveTable } {
	const key = table.rowKey;
	const wanted = table.columns.filter(
		({ name }) => !only || only.includes(name) || key?.includes(name),
	);
	const columns = wanted.map((column) => {
		const archived = archiveColumn(column, catalog);
		const value = ident("t", column.name);
		// A key that changed with the user map would leave its old row behind.
		const rewritten = key?.includes(column.name)
			? value
			: users.rewrite(table, column.name, value);
		return {
			column: archived,
			sql:
				archived.type === column.type
					? rewritten
					: `${rewritten}::${archived.type}`,
		};
	});
	return {
		label: `${tableName(table)} > ${schema}.${table.name}`,
		from: table,
		to: { schema, name: table.name },
		columns,
		key: key && {
			from: key.flatMap(
				(name) => table.columns.find((c) => c.name === name) ?? [],
			),
			to: key,
		},
		filter: null,
		reject: null,
		format: copyFormat(columns.map(({ column }) => column)),
		archive: {
			schema,
			name: table.name,
			columns: columns.map(({ column }) => column),
			key,
		},
	};
}

/**
 * SQL for the archive: `create` before the rows, `finish` after them. Tables that
 * are there already stay, so that a run can be taken up again.
 */
export function archiveSchema(tables: readonly ArchiveTable[]): {
	create: string[];
	finish: string[];
} {
	return {
		create: [
			...[...new Set(tables.map(({ schema }) => schema))].map(
				(schema) => `CREATE SCHEMA IF NOT EXISTS ${ident(schema)}`,
			),
			...tables.map(
				({ schema, name, columns, key }) =>
					`CREATE TABLE IF NOT EXISTS ${ident(schema, name)} (${columns.map((column) => `${ident(column.name)} ${column.type}${key?.includes(column.name) ? " NOT NULL" : ""}`).join(", ")})`,
			),
		],
		finish: tables.flatMap(({ schema, name, key }) =>
			key
				? `CREATE UNIQUE INDEX IF NOT EXISTS ${ident(`${name}_key`)} ON ${ident(schema, name)} (${idents(key)})`
				: [],
		),
	};
}

/** Rows that came back without a place, by their table in the new system. */
export async function countReturned(
	source: ClientBase,
): Promise<{ table: string; rows: number }[]> {
	const { rows: tables } = await source.query<{ name: string }>(
		`SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY 1`,
		[RETURNED],
	);
	const counts: { table: string; rows: number }[] = [];
	for (const { name } of tables) {
		const { rows } = await source.query<{ rows: number }>(
			`SELECT count(*)::float8 AS rows FROM ${ident(RETURNED, name)}`,
		);
		counts.push({ table: name, rows: rows[0]?.rows ?? 0 });
	}
	return counts;
}

/** The column as the archive holds it: no defaults, no rules, no types of the old system. */
function archiveColumn(
	column: Column,
	{ domains }: Pick<MappedCatalog, "domains">,
): Column {
	const bare: Column = {
		name: column.name,
		type: column.type,
		base: column.base,
		element: column.element,
		modifier: column.modifier,
		notNull: false,
		default: null,
		generated: null,
		identity: null,
	} as Column;
	if (column.element?.kind === "enum") return { ...bare, ...TEXT_ARRAY };
	const deciding = column.element ?? column.base;
	const domain = domains.find(
		({ schema, name }) =>
			column.type === `${schema}.${name}` || column.type === name,
	);
	if (
		deciding.schema === "pg_catalog" &&
		deciding.kind === "base" &&
		!deciding.name.startsWith("reg") &&
		deciding.name !== "aclitem"
	)
		return domain ? { ...bare, type: domain.type } : bare;
	return { ...bare, ...TEXT };
}

const CATALOG_TEXT = {
	schema: "pg_catalog",
	name: "text",
	kind: "base",
} as const;

const TEXT = { type: "text", base: CATALOG_TEXT, element: null, modifier: -1 };

const TEXT_ARRAY = {
	type: "text[]",
	base: { ...CATALOG_TEXT, name: "_text" },
	element: CATALOG_TEXT,
	modifier: -1,
};
