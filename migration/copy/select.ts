import type { ClientBase } from "pg";
import { type Catalog, type Table, tableName } from "../catalog/types";
import { MigrationError } from "../errors";
import { fromTable } from "../sql";

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

/** Counts the rows of each table, by the table's name. */
export async function countTables(
	client: ClientBase,
	tables: readonly Table[],
): Promise<Record<string, number>> {
	const counts: Record<string, number> = {};
	for (const table of tables) {
		const { rows } = await client.query<{ rows: number }>(
			`SELECT count(*)::float8 AS "rows" FROM ${fromTable(table)}`,
		);
		counts[tableName(table)] = rows[0]?.rows ?? 0;
	}
	return counts;
}
