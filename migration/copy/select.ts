import { type Catalog, type Table, tableName } from "../catalog/types";
import { MigrationError } from "../errors";

/** The tables that travel: all but those excluded by name, which must exist. */
export function selectTables(
	catalog: Pick<Catalog, "tables">,
	exclude: readonly string[],
): Table[] {
	const names = new Set(catalog.tables.map(tableName));
	const unknown = exclude.filter((name) => !names.has(name));
	if (unknown.length > 0)
		throw new MigrationError({
			expected: "--exclude to name tables of the source",
			found: unknown.join(", "),
			fix: "correct the names",
		});
	return catalog.tables.filter((table) => !exclude.includes(tableName(table)));
}
