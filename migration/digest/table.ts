import type { ClientBase } from "pg";
import type { Column, Table } from "../catalog/types";
import { fromTable, ident } from "../sql";
import type { UserRewrite } from "../users/references";
import { rowDigest } from "./expression";

/** Count and order-free digest of a table's rows. */
export interface TableDigest {
	readonly rows: number;
	/** Sum of the rows' 64-bit digests, in decimal: exact, as numeric. */
	readonly digest: string;
}

/**
 * How to read one side of a comparison. The target holds new user ids where the
 * source holds old ones; `rewrite` turns them back, so that both sides digest the
 * same values.
 */
export interface Side {
	readonly columns: readonly Column[];
	/** FROM clause whose alias t is the table. */
	readonly from: string;
	/** SQL of a column's value as the source would hold it. */
	readonly reference: (column: Column) => string;
}

/** A table as it stands. */
export function plainSide(table: Table): Side {
	return {
		columns: table.columns,
		from: `${fromTable(table)} t`,
		reference: (column) => ident("t", column.name),
	};
}

/** A table of the target, with new user ids turned back into the old ones. */
export function rewrittenSide(
	table: Table,
	rewrites: readonly UserRewrite[],
): Side {
	const plain = plainSide(table);
	const mine = rewrites.filter(
		(rewrite) =>
			rewrite.schema === table.schema && rewrite.table === table.name,
	);
	const alias = (column: string) =>
		ident(`m${mine.findIndex((rewrite) => rewrite.column === column)}`);
	return {
		columns: table.columns,
		from: [
			plain.from,
			...mine.map(
				({ column }) =>
					`LEFT JOIN cutover.user_map ${alias(column)} ON ${alias(column)}.new_id = ${ident("t", column)}`,
			),
		].join("\n\t\t"),
		reference: (column) =>
			mine.some((rewrite) => rewrite.column === column.name)
				? `coalesce(${alias(column.name)}.old_id, ${ident("t", column.name)})`
				: ident("t", column.name),
	};
}

/** Counts and digests all rows of a side, in the database. */
export async function digestTable(
	client: ClientBase,
	side: Side,
): Promise<TableDigest> {
	const { rows } = await client.query<{ rows: string; digest: string }>(`
		SELECT count(*)::text AS "rows",
			coalesce(sum(${rowDigest(side.columns, side.reference)}), 0)::text AS "digest"
		FROM ${side.from}
	`);
	const [row] = rows;
	return { rows: Number(row?.rows), digest: row?.digest ?? "0" };
}
