import { type Catalog, type Column, type Table, tableName } from "./types";

/**
 * What makes a copy of `tables` into `target` impossible or lossy, one line each;
 * an empty list means that the copy can go on. More tables and columns on the
 * target are fine, as long as a row can do without them.
 */
export function obstacles(
	source: Pick<Catalog, "server" | "enums">,
	tables: readonly Table[],
	target: Pick<Catalog, "server" | "tables" | "enums">,
): string[] {
	const found: string[] = [];
	if (source.server.encoding !== target.server.encoding)
		found.push(
			`the target's encoding is ${target.server.encoding}, the source's ${source.server.encoding}`,
		);
	for (const table of tables) {
		const twin = findTable(target.tables, table);
		if (!twin) found.push(`${tableName(table)}: the target has no such table`);
		else found.push(...tableObstacles(table, twin));
	}
	const used = new Set(
		tables.flatMap(({ columns }) =>
			columns.flatMap(({ base, element }) => [
				`${base.schema}.${base.name}`,
				element ? `${element.schema}.${element.name}` : "",
			]),
		),
	);
	for (const type of source.enums) {
		if (!used.has(`${type.schema}.${type.name}`)) continue;
		const twin = target.enums.find(
			({ schema, name }) => schema === type.schema && name === type.name,
		);
		const missing = type.labels.filter(
			(label) => !twin?.labels.includes(label),
		);
		if (twin && missing.length > 0)
			found.push(
				`enum ${tableName(type)}: the target lacks ${missing.join(", ")}`,
			);
	}
	return found;
}

/** The table of the same schema and name. */
export function findTable(
	tables: readonly Table[],
	{ schema, name }: { readonly schema: string; readonly name: string },
): Table | undefined {
	return tables.find((table) => table.schema === schema && table.name === name);
}

function tableObstacles(source: Table, target: Table): string[] {
	const found: string[] = [];
	const name = (column: Column) => `${tableName(source)}.${column.name}`;
	if (!target.owned)
		found.push(`${tableName(source)}: the target's role does not own it`);
	for (const column of source.columns) {
		const twin = target.columns.find((other) => other.name === column.name);
		if (!twin) found.push(`${name(column)}: the target has no such column`);
		else if (plainType(twin) !== plainType(column))
			found.push(
				`${name(column)}: ${column.type} on the source, ${twin.type} on the target`,
			);
		else if ((twin.generated === null) !== (column.generated === null))
			found.push(
				`${name(column)}: generated on the ${twin.generated === null ? "source" : "target"} only`,
			);
	}
	for (const column of target.columns)
		if (
			!source.columns.some((other) => other.name === column.name) &&
			column.notNull &&
			column.default === null &&
			column.generated === null &&
			column.identity === null
		)
			found.push(
				`${name(column)}: only on the target, and NOT NULL without default`,
			);
	return found;
}

/** varchar without limit is text by another name. */
function plainType(column: Column): string {
	return column.type === "character varying" ? "text" : column.type;
}
