import type { Catalog, Column, Table } from "../catalog/types";
import { tableName } from "../catalog/types";

/** The table that a mapping calls so: `units`, or `schema.units`. */
export function tableCalled(
	catalog: Pick<Catalog, "tables">,
	name: string,
): Table | undefined {
	return catalog.tables.find((table) => tableName(table) === name);
}

/** The table's column of that name. */
export function columnCalled(
	table: Pick<Table, "columns">,
	name: string,
): Column | undefined {
	return table.columns.find((column) => column.name === name);
}

/** Labels of the column's enum, or of its elements'; none where it is no enum. */
export function labelsOf(
	catalog: Pick<Catalog, "enums">,
	column: Pick<Column, "base" | "element">,
): readonly string[] | undefined {
	const type = column.element ?? column.base;
	return catalog.enums.find(
		({ schema, name }) => schema === type.schema && name === type.name,
	)?.labels;
}

/**
 * The columns of t that an expression names. Texts and comments are taken out
 * first; a name is `t.plain` or `t."quoted"`. What only looks like a column is
 * found out when the expression is tried on the database.
 */
export function columnsRead(sql: string): string[] {
	const bare = sql
		.replace(/--[^\n]*/g, " ")
		.replace(/\/\*[\s\S]*?\*\//g, " ")
		.replace(/'(?:[^']|'')*'/g, "''");
	const found = new Set<string>();
	for (const [, quoted, plain] of bare.matchAll(
		/(?<![\w.$"])t\.(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))/gi,
	))
		found.add(quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? "");
	return [...found];
}
