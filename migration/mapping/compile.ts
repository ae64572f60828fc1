import type { Column, Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import { copyFormat } from "../copy/format";
import type { Dependent } from "../journal/notes";
import type { Route } from "../route";
import { literal } from "../sql";
import { declaredDependents, dependentsOf, joined } from "./dependents";
import {
	type Compilation,
	type Condition,
	type Draft,
	type DraftColumn,
	draft,
} from "./draft";
import type { Facts } from "./facts";
import { wireType } from "./fit";
import { parentConditions } from "./parents";
import type { TargetTable } from "./types";
import { uniqueConditions } from "./unique";
import type { UserIds } from "./users";
import { rawValue } from "./value";

/** A route that a mapping made. */
export interface MappedRoute extends Route {
	/** How reports and the reject table call it: `units`, or `lora_sensors > devices`. */
	readonly label: string;
	/** What it was made from. */
	readonly spec: TargetTable;
}

/** What a mapping comes to. */
export interface CompiledRoutes {
	readonly routes: readonly MappedRoute[];
	readonly drafts: readonly Draft[];
	readonly dependents: readonly Dependent[];
	/** One line each; with any, the routes must not be used. */
	readonly problems: readonly string[];
}

/** The expressions whose types have to be asked of the side that is read. */
export function expressionsOf(
	tables: readonly { readonly from: Table; readonly spec: TargetTable }[],
	context: { readonly catalog: Facts["catalog"]; readonly users: UserIds },
): { table: Table; sql: string }[] {
	const list: { table: Table; sql: string }[] = [];
	for (const { from, spec } of tables) {
		for (const value of Object.values(spec.columns)) {
			const raw = rawValue(value, { ...context, table: from });
			if (raw && raw.type === "ask") list.push({ table: from, sql: raw.sql });
			if (typeof value === "object" && "ifNull" in value && raw)
				list.push({ table: from, sql: raw.sql });
		}
		if (spec.filter !== undefined)
			list.push({ table: from, sql: `(${spec.filter})::bool` });
		for (const { when } of spec.reject ?? [])
			list.push({ table: from, sql: `(${when})::bool` });
	}
	return list;
}

/**
 * Makes routes of what a mapping says, for tables that all go the same way. A row
 * that would make the other side refuse it is rejected by the route itself, so
 * that no COPY can fail on a value: NULL into NOT NULL, an unknown label, a number
 * out of range, a text too long or of the wrong form, a parent that does not come
 * along, a duplicate in a unique index.
 */
export function compileRoutes(
	tables: readonly {
		readonly from: Table;
		readonly to: Table;
		readonly spec: TargetTable;
		/** Columns that only new rows get: where one does not fit, it is NULL instead. */
		readonly insertOnly?: readonly string[];
	}[],
	compilation: Compilation,
): CompiledRoutes {
	const drafts = alike(tables.map((table) => draft(table, compilation)));
	const problems = drafts.flatMap((one) =>
		one.problems.map((text) => `${labelOf(one)}: ${text}`),
	);
	const dependents: Dependent[] = [];
	const finished = new Map<Draft, { draft: Draft; reject: string | null }>();
	const finish = (one: Draft, above: readonly Draft[]) => {
		const done = finished.get(one);
		if (done) return done;
		const parents = parentConditions(one, drafts, compilation, {
			arrives: (parent) => {
				if (parent === one) return null;
				if (above.includes(parent)) {
					problems.push(
						`${labelOf(one)}: foreign keys of the target form a circle through ${labelOf(parent)}; give the column that closes it orphans: "null"`,
					);
					return "true";
				}
				const { draft: other, reject } = finish(parent, [...above, one]);
				return comesAlong(other.filter, reject);
			},
		});
		problems.push(
			...parents.problems.map((text) => `${labelOf(one)}: ${text}`),
		);
		const withParents: Draft = {
			...one,
			columns: parents.columns,
			conditions: [...one.conditions, ...parents.conditions],
		};
		const unique = uniqueConditions(withParents, drafts, compilation);
		problems.push(...unique.problems.map((text) => `${labelOf(one)}: ${text}`));
		const whole: Draft = {
			...withParents,
			conditions: [...withParents.conditions, ...unique.conditions],
		};
		for (const dependency of one.dependencies) {
			const found = dependentsOf(
				dependency,
				one.from,
				compilation.from.catalog,
			);
			if (found) dependents.push(found);
		}
		const declared = [
			...parents.dependencies.map(({ dependency, standing }) =>
				declaredDependents(
					"presence",
					dependency,
					one.from,
					compilation.from.catalog,
					standing,
				),
			),
			...unique.dependencies.map((dependency) =>
				declaredDependents(
					"value",
					dependency,
					one.from,
					compilation.from.catalog,
				),
			),
		];
		dependents.push(...declared.filter((found) => found !== null));
		const result = { draft: whole, reject: rejectOf(whole.conditions) };
		finished.set(one, result);
		return result;
	};
	const routes = drafts.map((one) => {
		const { draft: whole, reject } = finish(one, []);
		const columns = whole.columns.map(({ column, sql }) => ({ column, sql }));
		return {
			label: labelOf(one),
			spec: one.spec,
			from: one.from,
			to: { schema: one.to.schema, name: one.to.name },
			columns,
			key: one.key,
			filter: one.filter,
			reject,
			format: copyFormat(columns.map(({ column }) => column)),
		};
	});
	return {
		routes,
		drafts: drafts.map((one) => finish(one, []).draft),
		dependents: joined(dependents),
		problems: [...new Set(problems)],
	};
}

/**
 * Tables that go into the same one write the same columns, so that their digests
 * add up to its own; what one of them says nothing of is NULL.
 */
function alike(drafts: readonly Draft[]): Draft[] {
	return drafts.map((one) => {
		const others = drafts.filter(
			(other) => other.to === one.to && other !== one,
		);
		const missing = one.to.columns.filter(
			(column) =>
				!one.columns.some((mine) => mine.column === column) &&
				others.some((other) =>
					other.columns.some((theirs) => theirs.column === column),
				),
		);
		if (missing.length === 0) return one;
		const empty = (column: Column): DraftColumn => ({
			column,
			sql: `NULL::${wireType(column)}`,
			raw: {
				sql: "NULL",
				unfit: [],
				nullable: true,
				reads: [],
				dependencies: [],
				column: null,
				type: "ask",
				exact: false,
				orphans: "trust",
			},
			type: column,
			exact: false,
		});
		return {
			...one,
			columns: one.to.columns.flatMap(
				(column) =>
					one.columns.find((mine) => mine.column === column) ??
					(missing.includes(column) ? empty(column) : []),
			),
			problems: [
				...one.problems,
				...missing
					.filter((column) => column.notNull || column.default !== null)
					.map(
						({ name }) =>
							`${name} is written by another table that goes into ${tableName(one.to)}: write it here, too`,
					),
			],
		};
	});
}

/** How reports call the way from one table to another. */
export function labelOf(way: {
	readonly from: { readonly schema: string; readonly name: string };
	readonly to: { readonly schema: string; readonly name: string };
}): string {
	const [from, to] = [tableName(way.from), tableName(way.to)];
	return from === to ? from : `${from} > ${to}`;
}

/** SQL condition for a row of the table that is read to arrive on the other side. */
export function comesAlong(
	filter: string | null,
	reject: string | null,
): string {
	const conditions = [
		filter && `(${filter}) IS TRUE`,
		reject && `(${reject}) IS NULL`,
	].filter(Boolean);
	return conditions.length === 0 ? "true" : conditions.join(" AND ");
}

/** SQL text over t: the first reason that holds; null where none ever can. */
export function rejectOf(conditions: readonly Condition[]): string | null {
	if (conditions.length === 0) return null;
	const cases = conditions.map(
		({ when, reason }) => `WHEN ${when} THEN ${literal(reason)}`,
	);
	return `CASE ${cases.join(" ")} END`;
}
