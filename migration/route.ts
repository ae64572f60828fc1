import type { Column, Table } from "./catalog/types";
import { type CopyFormat, copiedColumns, copyFormat } from "./copy/format";
import { fromTable, ident } from "./sql";

/**
 * One table's way from one database into another: what is read there, row by row,
 * and where it goes here. Copy, follower and proof know nothing but routes; whether
 * both sides have one schema or a mapping lies between, and which of the two is
 * the old system, is no matter to them.
 */
export interface Route {
	readonly from: RouteSource;
	readonly to: { readonly schema: string; readonly name: string };
	/** What is written, in this order. */
	readonly columns: readonly RouteColumn[];
	/**
	 * How a row is known on both sides; null where nothing tells two rows apart:
	 * such a table is copied anew as a whole when it changes.
	 */
	readonly key: RouteKey | null;
	/** SQL condition over t: rows that do not meet it stay behind. */
	readonly filter: string | null;
	/** SQL text over t: why a row does not fit the other side, NULL where it does. */
	readonly reject: string | null;
	/** Binary where every value's binary form means the same on both sides. */
	readonly format: CopyFormat;
}

/** The table that is read. */
export type RouteSource = Pick<
	Table,
	"schema" | "name" | "partitioned" | "bytes" | "estimatedRows"
>;

export interface RouteColumn {
	/** The column as the receiving side's catalog describes it: decides wire form and digest. */
	readonly column: Column;
	/** SQL of the value over the alias t of the table that is read. */
	readonly sql: string;
}

export interface RouteKey {
	/** Columns that make the key where rows are read. */
	readonly from: readonly Column[];
	/** Names, among the written columns, of the key here; their SQL uses key columns only. */
	readonly to: readonly string[];
}

/** The route of a table into one of the same shape; generated columns make themselves. */
export function sameShape(table: Table): Route {
	const columns = copiedColumns(table.columns);
	const key = table.rowKey;
	return {
		from: table,
		to: { schema: table.schema, name: table.name },
		columns: columns.map((column) => ({
			column,
			sql: ident("t", column.name),
		})),
		key: key && {
			from: key.flatMap(
				(name) => table.columns.find((c) => c.name === name) ?? [],
			),
			to: key,
		},
		filter: null,
		reject: null,
		format: copyFormat(columns),
	};
}

/**
 * SQL of the rows that go this way, as the other side is to hold them. `where`
 * narrows them further, over the alias t, for instance to a range of blocks; `part`
 * is the one partition to read, as SQL.
 */
export function selectRows(
	route: Route,
	where?: string,
	part: string | null = null,
): string {
	const list = route.columns.map(
		({ column, sql }) => `${sql} AS ${ident(column.name)}`,
	);
	return `SELECT ${list.join(", ")} FROM ${part ?? fromTable(route.from)} t ${whereClause(route, where)}`;
}

/** The condition for a row to go this way, as a WHERE clause over t; empty where all do. */
export function whereClause(route: Route, where?: string): string {
	const conditions = [
		route.filter,
		route.reject && `(${route.reject}) IS NULL`,
		where,
	].filter((condition) => condition !== null && condition !== undefined);
	return conditions.length === 0
		? ""
		: `WHERE ${conditions.map((condition) => `(${condition})`).join(" AND ")}`;
}
