import { findTable } from "../catalog/compare";
import { type Table, tableName } from "../catalog/types";
import { type Route, sameShape } from "../route";
import type { UserRewrite } from "../users/references";
import {
	plainSide,
	readSide,
	rewrittenSide,
	type Side,
	writtenSide,
} from "./side";

/** A table of the target and what it is to equal. */
export interface Comparison {
	/** The target's table, as people write its name. */
	readonly table: string;
	/** Their rows together are the table's: several routes may lead into one table. */
	readonly source: readonly Side[];
	readonly target: Side;
	/** Names of the compared columns that tell rows apart; null where nothing does. */
	readonly key: readonly string[] | null;
	/** How the rows of each side get there; generated columns, which are compared as well, make themselves. */
	readonly routes: readonly Route[];
	/** Columns in which the target holds new user ids for the source's old ones. */
	readonly rewrites: readonly UserRewrite[];
}

/**
 * Compares each table with the target's of the same name. New user ids count as
 * the old ones that they stand for. Tables that the target lacks are left out.
 */
export function compareSameShape(
	tables: readonly Table[],
	target: readonly Table[],
	rewrites: readonly UserRewrite[],
): Comparison[] {
	return tables.flatMap((table) => {
		const twin = findTable(target, table);
		if (!twin) return [];
		return [
			{
				table: tableName(table),
				source: [plainSide(table)],
				target: rewrittenSide({ ...twin, columns: table.columns }, rewrites),
				key: table.rowKey,
				routes: [sameShape(table)],
				rewrites: rewrites.filter(
					(rewrite) =>
						rewrite.schema === table.schema && rewrite.table === table.name,
				),
			},
		];
	});
}

/** Compares what the routes read with what they are to have written. */
export function compareRoutes(
	routes: readonly Route[],
	target: readonly Table[],
): Comparison[] {
	const byTarget = new Map<string, Route[]>();
	for (const route of routes) {
		const name = tableName(route.to);
		byTarget.set(name, [...(byTarget.get(name) ?? []), route]);
	}
	return [...byTarget].map(([table, into]) => {
		const [first] = into as [Route];
		for (const route of into)
			if (columnsOf(route) !== columnsOf(first))
				throw new Error(`routes into ${table} write different columns`);
		return {
			table,
			source: into.map(readSide),
			target: writtenSide(first, findTable(target, first.to)?.partitioned),
			key: first.key?.to ?? null,
			routes: into,
			rewrites: [],
		};
	});
}

function columnsOf({ columns }: Route): string {
	return JSON.stringify(columns.map(({ column }) => column.name));
}
