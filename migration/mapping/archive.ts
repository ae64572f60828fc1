import type { Column, Table } from "../catalog/types";
import { copyFormat } from "../copy/format";
import type { Route } from "../route";
import { ident, idents } from "../sql";
import type { MappedCatalog } from "./facts";
import type { UserIds } from "./users";

/** The schema of the target that holds what has no place in the new one. */
export const LEGACY = "legacy";

/** A table of the archive. */
export interface ArchiveTable {
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
	only?: readonly string[],
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
		label: `${table.schema === "public" ? "" : `${table.schema}.`}${table.name} > ${LEGACY}.${table.name}`,
		from: table,
		to: { schema: LEGACY, name: table.name },
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
			`CREATE SCHEMA IF NOT EXISTS ${ident(LEGACY)}`,
			...tables.map(
				({ name, columns, key }) =>
					`CREATE TABLE IF NOT EXISTS ${ident(LEGACY, name)} (${columns.map((column) => `${ident(column.name)} ${column.type}${key?.includes(column.name) ? " NOT NULL" : ""}`).join(", ")})`,
			),
		],
		finish: tables.flatMap(({ name, key }) =>
			key
				? `CREATE UNIQUE INDEX IF NOT EXISTS ${ident(`${name}_key`)} ON ${ident(LEGACY, name)} (${idents(key)})`
				: [],
		),
	};
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
