import type { Catalog, Column, Table } from "../catalog/types";
import type { Dependent, Standing } from "../journal/notes";
import { fromTable, ident } from "../sql";
import { columnCalled, tableCalled } from "./names";
import type { Dependency, Hop } from "./types";

/** One hop of a lookup: the tables before it lie between the row and it. */
export interface Hopped {
	readonly path: readonly Hop[];
	/** Index of the hop in the path. */
	readonly hop: number;
	/** Columns of the hop's table that the lookup goes on with. */
	readonly reads: readonly string[];
}

/** The dependents that a declared dependency or a hop of a lookup makes. */
export function dependentsOf(
	dependency: Dependency | Hopped,
	table: Table,
	catalog: Pick<Catalog, "tables">,
): Dependent | null {
	return "path" in dependency
		? hopDependents(dependency, table, catalog)
		: declaredDependents("value", dependency, table, catalog);
}

/** The dependents that a condition on rows of another table makes. */
export function declaredDependents(
	kind: Dependent["kind"],
	{ table: name, match, reads }: Dependency,
	table: Table,
	catalog: Pick<Catalog, "tables">,
	standing?: Standing,
): Dependent | null {
	const looked = tableCalled(catalog, name);
	const columns = looked && columnsOf(looked, Object.keys(match));
	if (!looked || !columns || !table.rowKey) return null;
	const conditions = columns.map(
		(column, index) =>
			`(${match[column.name]}) = ${matched(column, index + 1)}`,
	);
	return {
		kind,
		lookup: looked,
		match: columns,
		reads,
		table,
		standing,
		keys: (changed) =>
			`SELECT DISTINCT ${keyOf(table)} AS key FROM ${changed} changed JOIN ${fromTable(table)} t ON ${conditions.join(" AND ")}`,
	};
}

/**
 * One entry for all that are found by the same columns of the same table, as the
 * journal notes those once: a row may name another in several columns.
 */
export function joined(dependents: readonly Dependent[]): Dependent[] {
	const groups = new Map<string, Dependent[]>();
	for (const one of dependents) {
		const id = JSON.stringify([
			one.kind,
			ident(one.lookup.schema, one.lookup.name),
			ident(one.table.schema, one.table.name),
			one.match.map(({ name }) => name),
		]);
		groups.set(id, [...(groups.get(id) ?? []), one]);
	}
	return [...groups.values()].flatMap((group) => {
		const [first] = group;
		if (!first) return [];
		const standings = new Set(
			group.map(
				({ standing }) =>
					standing && standing.arrives("x") + standing.stands("x"),
			),
		);
		return {
			...first,
			reads: [...new Set(group.flatMap(({ reads }) => reads))],
			// Several rows of the other side hang on it: none can speak for all.
			standing: standings.size === 1 ? first.standing : undefined,
			keys: (changed: string) =>
				[...new Set(group.map(({ keys }) => keys(changed)))].join(" UNION "),
		};
	});
}

function hopDependents(
	{ path, hop, reads }: Hopped,
	table: Table,
	catalog: Pick<Catalog, "tables">,
): Dependent | null {
	const here = path[hop];
	const looked = here && tableCalled(catalog, here.table);
	const columns = looked && columnsOf(looked, Object.keys(here.on));
	if (!here || !looked || !columns || !table.rowKey) return null;
	const joins: string[] = [];
	for (const [index, before] of path.slice(0, hop).entries()) {
		const between = tableCalled(catalog, before.table);
		if (!between) return null;
		const on = Object.entries(before.on).map(
			([name, other]) => `${ident(`l${index}`, name)} = ${start(index, other)}`,
		);
		joins.push(
			`JOIN ${fromTable(between)} ${ident(`l${index}`)} ON ${on.join(" AND ")}`,
		);
	}
	const conditions = columns.map(
		(column, index) =>
			`${start(hop, here.on[column.name] ?? "")} = ${matched(column, index + 1)}`,
	);
	return {
		kind: "value",
		lookup: looked,
		match: columns,
		// Which of several rows comes first may hang on any column.
		reads: here.first ? looked.columns.map(({ name }) => name) : reads,
		table,
		keys: (changed) =>
			`SELECT DISTINCT ${keyOf(table)} AS key FROM ${fromTable(table)} t ${joins.join(" ")} JOIN ${changed} changed ON ${conditions.join(" AND ")}`,
	};
}

/** A column of what the hop at this index starts from: t, or the hop before. */
function start(index: number, column: string): string {
	return index === 0 ? ident("t", column) : ident(`l${index - 1}`, column);
}

function matched(column: Column, position: number): string {
	return `changed.match[${position}]::${column.type}`;
}

function keyOf(table: Table): string {
	return `ARRAY[${(table.rowKey ?? []).map((name) => `${ident("t", name)}::text`).join(", ")}]`;
}

function columnsOf(table: Table, names: readonly string[]): Column[] | null {
	const columns = names.flatMap((name) => columnCalled(table, name) ?? []);
	return columns.length === names.length && columns.length > 0 ? columns : null;
}
