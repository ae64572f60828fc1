import type { Catalog, Table } from "../catalog/types";
import { fromTable, ident, literal } from "../sql";
import type { Hopped } from "./dependents";
import type { Unfit } from "./fit";
import { columnCalled, columnsRead, tableCalled } from "./names";
import type { Dependency, Value } from "./types";
import type { UserIds } from "./users";

/** A value as SQL, before it is fitted to the column that it goes to. */
export interface RawValue {
	/** Over t. */
	readonly sql: string;
	/** What the value itself cannot say, such as an unknown label. */
	readonly unfit: readonly Unfit[];
	readonly nullable: boolean;
	/** Columns of t that it reads. */
	readonly reads: readonly string[];
	readonly dependencies: readonly (Dependency | Hopped)[];
	/** The one column that it is, cast aside. */
	readonly column: string | null;
	/** Whether the type has to be asked of the database; else text or the column's. */
	readonly type: "column" | "text" | "ask";
	/** Different inputs stay different. */
	readonly exact: boolean;
	readonly orphans: "reject" | "null" | "trust";
}

/** What values are made from. */
export interface ValueContext {
	readonly catalog: Pick<Catalog, "tables">;
	readonly table: Table;
	readonly users: UserIds;
}

/** Makes SQL of a value; null for one that is left to the default. */
export function rawValue(value: Value, context: ValueContext): RawValue | null {
	if (typeof value === "string")
		return rawValue({ kind: "column", name: value }, context);
	const { table, users } = context;
	switch (value.kind) {
		case "default":
			return null;
		case "constant":
			return {
				...base,
				sql: value.sql,
				nullable: /^null$/i.test(value.sql.trim()),
				// Whoever names one row knows that it is there.
				orphans: "trust",
			};
		case "column": {
			const column = columnCalled(table, value.name);
			return withoutNull(
				{
					...base,
					sql: users.rewrite(table, value.name, ident("t", value.name)),
					nullable: !column?.notNull,
					reads: [value.name],
					column: value.name,
					type: "column",
					exact: true,
					orphans: value.orphans ?? "reject",
				},
				value.ifNull,
			);
		}
		case "labels":
			return withoutNull(labelled(value, context), value.ifNull);
		case "sql":
			return withoutNull(
				{
					...base,
					sql: value.sql,
					nullable: true,
					reads: columnsRead(value.sql),
					dependencies: value.dependsOn ?? [],
					orphans: value.orphans ?? "reject",
				},
				value.ifNull,
			);
		case "lookup":
			return withoutNull(
				{
					...base,
					sql: lookedUp(value, context),
					nullable: true,
					reads: Object.values(value.path[0]?.on ?? {}),
					dependencies: value.path.map((_, hop) => ({
						path: value.path,
						hop,
						reads: value.path[hop + 1]
							? Object.values(value.path[hop + 1]?.on ?? {})
							: [value.take],
					})),
					orphans: value.orphans ?? "reject",
				},
				value.ifNull,
			);
		case "first of": {
			const values = value.values.flatMap(
				(one) => rawValue(one, context) ?? [],
			);
			return {
				...base,
				sql: `coalesce(${values.map(({ sql }) => sql).join(", ")})`,
				unfit: values.flatMap(({ unfit }) => unfit),
				nullable: values.every(({ nullable }) => nullable),
				reads: [...new Set(values.flatMap(({ reads }) => reads))],
				dependencies: values.flatMap(({ dependencies }) => dependencies),
				orphans: value.orphans ?? "reject",
			};
		}
	}
}

const base: Omit<RawValue, "sql"> = {
	unfit: [],
	nullable: false,
	reads: [],
	dependencies: [],
	column: null,
	type: "ask",
	exact: false,
	orphans: "reject",
};

function withoutNull(raw: RawValue, ifNull: string | undefined): RawValue {
	if (ifNull === undefined) return raw;
	return {
		...raw,
		sql: `coalesce(${raw.sql}, ${ifNull})`,
		nullable: false,
		exact: false,
	};
}

function labelled(
	value: Extract<Value, { kind: "labels" }>,
	{ table }: ValueContext,
): RawValue {
	const text = `${ident("t", value.name)}::text`;
	const entries = Object.entries(value.labels);
	const known: [string, string][] = [];
	const unfit: Unfit[] = [];
	for (const [old, label] of entries)
		if (typeof label === "string") known.push([old, label]);
		else
			unfit.push({
				when: `${text} = ${literal(old)}`,
				what: `${old} has no counterpart`,
			});
	unfit.push({
		when: `${text} <> ALL (ARRAY[${known.map(([old]) => literal(old)).join(", ")}]::text[])`,
		what: "has an unknown label",
	});
	const cases = known.map(
		([old, label]) => `WHEN ${literal(old)} THEN ${literal(label)}`,
	);
	return {
		...base,
		sql:
			cases.length > 0 ? `CASE ${text} ${cases.join(" ")} END` : "NULL::text",
		unfit,
		nullable: !columnCalled(table, value.name)?.notNull,
		reads: [value.name],
		column: value.name,
		type: "text",
		exact: new Set(known.map(([, label]) => label)).size === known.length,
	};
}

/** One scalar subquery; the check holds each hop to at most one row. */
function lookedUp(
	value: Extract<Value, { kind: "lookup" }>,
	{ catalog, users }: ValueContext,
): string {
	const { path, take } = value;
	const last = path.length - 1;
	const from = path.map((hop, index) => {
		const on = Object.entries(hop.on).map(
			([name, other]) =>
				`${ident(`l${index}`, name)} = ${index === 0 ? ident("t", other) : ident(`l${index - 1}`, other)}`,
		);
		const table = tableCalled(catalog, hop.table);
		const name = table ? fromTable(table) : ident(hop.table);
		const rows = hop.first
			? // The alias l is the row's own, as in the mapping.
				`LATERAL (SELECT l.* FROM ${name} l WHERE ${on.map((text) => text.replaceAll(ident(`l${index}`), "l")).join(" AND ")} ORDER BY ${hop.first} LIMIT 1)`
			: name;
		const condition = hop.first ? "true" : on.join(" AND ");
		return { item: `${rows} ${ident(`l${index}`)}`, condition };
	});
	const [start, ...joins] = from;
	const joined = joins.map(
		({ item, condition }) => ` JOIN ${item} ON ${condition}`,
	);
	const table = tableCalled(catalog, path[last]?.table ?? "");
	const taken = ident(`l${last}`, take);
	return `(SELECT ${table ? users.rewrite(table, take, taken) : taken} FROM ${start?.item}${joined.join("")} WHERE ${start?.condition})`;
}
