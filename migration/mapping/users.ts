import type { Catalog, Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import { literal } from "../sql";
import { columnCalled } from "./names";

/**
 * How user ids are rewritten while rows are read. The map is the target's; a
 * mirror of it stands on the source, so that the same SQL works on both sides.
 * - `forward`: old ids become new ones
 * - `back`: new ids become old ones
 * - `none`: ids stay, for a trial of the SQL where there is no map yet
 */
export type UserDirection = "forward" | "back" | "none";

/** Knows the columns that hold user ids, and rewrites them. */
export interface UserIds {
	/** The SQL of a column's value with user ids rewritten; unchanged for others. */
	rewrite(
		table: { readonly schema: string; readonly name: string },
		column: string,
		sql: string,
	): string;
	/**
	 * SQL condition for a rewritten id to be one of the old system's, on the way back
	 * to it; null on the way there, where every user is known.
	 */
	known(sql: string): string | null;
	/** Whether the column holds user ids. */
	has(
		table: { readonly schema: string; readonly name: string },
		column: string,
	): boolean;
}

const UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/**
 * Rewrites the given columns (`table.column`, as people write them). An id that
 * the map lacks, or that has no twin, stays. A text column is rewritten where it
 * holds an id, and left alone where it holds something else.
 */
export function userIds(
	catalog: Pick<Catalog, "tables">,
	columns: ReadonlySet<string>,
	direction: UserDirection,
): UserIds {
	const [by, get] =
		direction === "forward" ? ["old_id", "new_id"] : ["new_id", "old_id"];
	const has: UserIds["has"] = (table, column) =>
		columns.has(`${tableName(table)}.${column}`);
	return {
		has,
		// The map names all users of the old system, but none who signed up after the
		// switch. Where it is empty, nobody was moved and all ids are the old ones.
		known: (sql) =>
			direction === "back"
				? `(EXISTS (SELECT FROM cutover.user_map m WHERE m.old_id = ${sql}) OR NOT EXISTS (SELECT FROM cutover.user_map))`
				: null,
		rewrite(table, column, sql) {
			if (direction === "none" || !has(table, column)) return sql;
			const found = catalog.tables.find(
				(one): one is Table =>
					one.schema === table.schema && one.name === table.name,
			);
			const type = found && columnCalled(found, column)?.base.name;
			if (type === "uuid")
				return `coalesce((SELECT m.${get} FROM cutover.user_map m WHERE m.${by} = ${sql}), ${sql})`;
			return `CASE WHEN ${sql} ~ ${literal(UUID)} THEN coalesce((SELECT m.${get}::text FROM cutover.user_map m WHERE m.${by} = ${sql}::uuid), ${sql}) ELSE ${sql} END`;
		},
	};
}
