import type { Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { Facts } from "./facts";
import { columnCalled, tableCalled } from "./names";
import type { LookupValue, TargetTable, Value } from "./types";

/**
 * Holds the lookups of a table's values to the catalog: tables and columns must be
 * there, and each hop must lead to one row at most, as a scalar subquery that finds
 * two fails a whole COPY.
 */
export function lookupProblems(
	table: Table,
	spec: TargetTable,
	facts: Facts,
): string[] {
	return Object.entries(spec.columns).flatMap(([column, value]) =>
		lookupsIn(value).flatMap((lookup) =>
			problemsOf(lookup, table, facts).map((text) => `${column}: ${text}`),
		),
	);
}

function lookupsIn(value: Value): LookupValue[] {
	if (typeof value === "string") return [];
	if (value.kind === "first of") return value.values.flatMap(lookupsIn);
	return value.kind === "lookup" ? [value] : [];
}

function problemsOf(
	{ path, take }: LookupValue,
	table: Table,
	facts: Facts,
): string[] {
	const problems: string[] = [];
	let before = table;
	for (const hop of path) {
		const here = tableCalled(facts.catalog, hop.table);
		if (!here) return [...problems, `there is no table ${hop.table}`];
		const keys = Object.keys(hop.on);
		problems.push(
			...missing(here, keys),
			...missing(before, Object.values(hop.on)),
		);
		const single = facts.uniques.some(
			(one) =>
				one.plain &&
				one.schema === here.schema &&
				one.table === here.name &&
				one.columns.length > 0 &&
				one.columns.every((name) => keys.includes(name)),
		);
		if (!single && hop.first === undefined)
			problems.push(
				`several rows of ${hop.table} may have the same ${keys.join(", ")}: say which with first: "…"`,
			);
		before = here;
	}
	return [...problems, ...missing(before, [take])];
}

function missing(table: Table, names: readonly string[]): string[] {
	return names
		.filter((name) => !columnCalled(table, name))
		.map((name) => `${tableName(table)} has no column ${name}`);
}
