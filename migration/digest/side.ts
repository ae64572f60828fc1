import type { Column, Table } from "../catalog/types";
import { type Route, whereClause } from "../route";
import { fromTable, ident } from "../sql";
import type { UserRewrite } from "../users/references";

/** One side of a comparison: the rows of a table as both sides are to hold them. */
export interface Side {
	/** The table that is read, as fromTable and block ranges take it. */
	readonly table: {
		readonly schema: string;
		readonly name: string;
		readonly partitioned: boolean;
	};
	/** What is compared, in this order, on both sides described alike. */
	readonly columns: readonly Column[];
	/**
	 * FROM clause whose alias t has the columns of `reference`; `where` narrows it
	 * by a condition over the table itself, which is called t there too.
	 */
	readonly rows: (where?: string) => string;
	/** SQL of a column's value over `rows`. */
	readonly reference: (column: Column) => string;
	/** SQL over `rows` of the row's table (it may be a partition) and place. */
	readonly place: { readonly table: string; readonly row: string };
}

const PLACE = { table: "t.tableoid", row: "t.ctid" };

/** A table as it stands. */
export function plainSide(table: Side["table"] & Pick<Table, "columns">): Side {
	return {
		table,
		columns: table.columns,
		rows: (where) =>
			`FROM ${fromTable(table)} t ${where ? `WHERE ${where}` : ""}`,
		reference: (column) => ident("t", column.name),
		place: PLACE,
	};
}

/**
 * A table of the target that holds new user ids where the source holds old ones:
 * they are turned back, so that both sides digest the same values.
 */
export function rewrittenSide(
	table: Side["table"] & Pick<Table, "columns">,
	rewrites: readonly UserRewrite[],
): Side {
	const mine = rewrites.filter(
		(rewrite) =>
			rewrite.schema === table.schema && rewrite.table === table.name,
	);
	const alias = (column: string) =>
		ident(`m${mine.findIndex((rewrite) => rewrite.column === column)}`);
	const joins = mine.map(
		({ column }) =>
			`LEFT JOIN cutover.user_map ${alias(column)} ON ${alias(column)}.new_id = ${ident("t", column)}`,
	);
	return {
		...plainSide(table),
		rows: (where) =>
			`FROM ${fromTable(table)} t ${joins.join(" ")} ${where ? `WHERE ${where}` : ""}`,
		reference: (column) =>
			mine.some((rewrite) => rewrite.column === column.name)
				? `coalesce(${alias(column.name)}.old_id, ${ident("t", column.name)})`
				: ident("t", column.name),
	};
}

/** The rows that a route reads, as the other side is to hold them. */
export function readSide(route: Route): Side {
	const { from, columns } = route;
	const sqlOf = new Map(columns.map(({ column, sql }) => [column.name, sql]));
	const side = {
		table: from,
		columns: columns.map(({ column }) => column),
	};
	if (columns.every(({ sql }) => PLAIN_COLUMN.test(sql)))
		return {
			...side,
			rows: (where) => `FROM ${fromTable(from)} t ${whereClause(route, where)}`,
			reference: (column) => sqlOf.get(column.name) ?? "NULL",
			place: PLACE,
		};
	const place = {
		table: unused("read from", side.columns),
		row: unused("read at", side.columns),
	};
	// OFFSET 0 keeps the planner from computing an expression once for each time
	// that the digest names it.
	const list = [
		...columns.map(({ column, sql }) => `${sql} AS ${ident(column.name)}`),
		`${PLACE.table} AS ${ident(place.table)}`,
		`${PLACE.row} AS ${ident(place.row)}`,
	];
	return {
		...side,
		rows: (where) => `
			FROM (
				SELECT ${list.join(", ")}
				FROM ${fromTable(from)} t ${whereClause(route, where)} OFFSET 0
			) t`,
		reference: (column) => ident("t", column.name),
		place: {
			table: ident("t", place.table),
			row: ident("t", place.row),
		},
	};
}

/**
 * The table that a route writes. A table of the same shape is partitioned on both
 * sides or on none; else the target's catalog knows.
 */
export function writtenSide(
	route: Route,
	partitioned: boolean = route.from.partitioned,
): Side {
	return plainSide({
		...route.to,
		partitioned,
		columns: route.columns.map(({ column }) => column),
	});
}

/** SQL that is no more than a column of t. */
const PLAIN_COLUMN = /^"?t"?\."(?:[^"]|"")+"$/;

/** A name that no column has. */
function unused(name: string, columns: readonly Column[]): string {
	return columns.some((column) => column.name === name)
		? unused(`${name}_`, columns)
		: name;
}
