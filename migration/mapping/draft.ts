import type { Column, Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { RouteKey } from "../route";
import { ident } from "../sql";
import type { Hopped } from "./dependents";
import type { Described, Facts } from "./facts";
import { fit, unfitNull, type ValueType, wireType } from "./fit";
import { columnCalled, columnsRead, labelsOf } from "./names";
import type { Dependency, TargetTable } from "./types";
import type { UserIds } from "./users";
import { type RawValue, rawValue } from "./value";

/** One side's tables going to the other's. */
export interface Compilation {
	readonly from: Facts;
	readonly to: Facts;
	readonly described: Described;
	readonly users: UserIds;
	/**
	 * Rows are merged into those of the other side, which then sees to their parents
	 * itself: a row that it has keeps its place though its new version does not fit.
	 */
	readonly merging: boolean;
}

/** A condition under which a row is rejected. */
export interface Condition {
	/** SQL over t. */
	readonly when: string;
	/** For instance `temperature is null`. */
	readonly reason: string;
	/** Columns of t that it reads. */
	readonly reads: readonly string[];
}

/** A route in the making: what it needs of no other route. */
export interface Draft {
	readonly from: Table;
	readonly to: Table;
	readonly spec: TargetTable;
	readonly columns: readonly DraftColumn[];
	readonly key: RouteKey | null;
	readonly filter: string | null;
	/** Columns that only new rows get. */
	readonly insertOnly: readonly string[];
	readonly conditions: readonly Condition[];
	readonly dependencies: readonly (Dependency | Hopped)[];
	readonly problems: readonly string[];
}

export interface DraftColumn {
	readonly column: Column;
	/** In the column's wire form. */
	readonly sql: string;
	readonly raw: RawValue;
	/** Of the value before the cast. */
	readonly type: ValueType;
	/** The way back finds the same value from it. */
	readonly exact: boolean;
}

/** What is written for one table of the source into one of the target, and what stands in the way. */
export function draft(
	{
		from,
		to,
		spec,
		insertOnly = [],
	}: {
		from: Table;
		to: Table;
		spec: TargetTable;
		insertOnly?: readonly string[];
	},
	compilation: Compilation,
): Draft {
	const problems: string[] = [];
	const columns: DraftColumn[] = [];
	const conditions: Condition[] = [];
	const dependencies: (Dependency | Hopped)[] = [...(spec.dependsOn ?? [])];
	for (const name of Object.keys(spec.columns))
		if (!columnCalled(to, name))
			problems.push(`${tableName(to)} has no column ${name}`);
	for (const column of to.columns) {
		const value = spec.columns[column.name];
		const raw =
			value === undefined
				? null
				: rawValue(value, {
						catalog: compilation.from.catalog,
						table: from,
						users: compilation.users,
					});
		if (!raw) {
			if (
				column.notNull &&
				column.default === null &&
				column.generated === null &&
				column.identity === null
			)
				problems.push(`${column.name} is NOT NULL and nothing fills it`);
			continue;
		}
		if (column.generated !== null) {
			problems.push(`${column.name} is generated: it cannot be written`);
			continue;
		}
		const missing = raw.reads.filter((name) => !columnCalled(from, name));
		if (missing.length > 0) {
			problems.push(
				`${column.name} reads ${missing.map((name) => `${tableName(from)}.${name}`).join(", ")}, which there is not`,
			);
			continue;
		}
		const type = typeOf(raw, from, compilation.described);
		// Refused expressions are reported where they were tried.
		if (!type) continue;
		const fitted = fit(raw.sql, type, column, {
			fromLabels: labelsOf(compilation.from.catalog, type),
			toLabels: labelsOf(compilation.to.catalog, column),
			version: compilation.from.catalog.server.version,
			toVersion: compilation.to.catalog.server.version,
		});
		if (!fitted) {
			problems.push(
				`${column.name}: ${type.type} does not fit ${column.type} without more being said; write it as an expression`,
			);
			continue;
		}
		problems.push(...domainProblems(column, compilation.to));
		const unfit = [...raw.unfit, ...fitted.unfit];
		dependencies.push(...raw.dependencies);
		if (insertOnly.includes(column.name)) {
			columns.push({
				column,
				sql:
					unfit.length === 0
						? fitted.sql
						: `CASE ${unfit.map(({ when }) => `WHEN ${when} THEN NULL`).join(" ")} ELSE ${fitted.sql} END`,
				raw: raw.orphans === "trust" ? raw : { ...raw, orphans: "null" },
				type,
				exact: false,
			});
			continue;
		}
		if (column.notNull && raw.nullable)
			unfit.splice(raw.unfit.length, 0, unfitNull(raw.sql));
		for (const { when, what } of unfit)
			conditions.push({
				when,
				reason: `${column.name} ${what}`,
				reads: raw.reads,
			});
		columns.push({
			column,
			sql: fitted.sql,
			raw,
			type,
			exact: raw.exact && fitted.exact,
		});
	}
	for (const { when, reason, dependsOn } of spec.reject ?? []) {
		conditions.push({ when: `(${when})`, reason, reads: columnsRead(when) });
		dependencies.push(...(dependsOn ?? []));
	}
	const rules = constraintConditions(to, spec, columns, compilation);
	conditions.push(...rules.conditions);
	problems.push(...rules.problems);
	const key = keyOf(from, spec, columns, compilation.users, problems);
	return {
		from,
		to,
		spec,
		columns,
		key,
		filter: spec.filter ?? null,
		insertOnly,
		conditions,
		dependencies,
		problems,
	};
}

function typeOf(
	raw: RawValue,
	table: Table,
	described: Described,
): ValueType | undefined {
	if (raw.type === "text") return TEXT;
	if (raw.type === "column" && raw.column)
		return columnCalled(table, raw.column);
	return described.typeOf(table, raw.sql);
}

const TEXT: ValueType = {
	type: "text",
	base: { schema: "pg_catalog", name: "text", kind: "base" },
	element: null,
	modifier: -1,
};

/** A domain's own rules cannot be tried on the other side. */
function domainProblems(column: Column, to: Facts): string[] {
	const domain = to.catalog.domains.find(
		({ schema, name }) =>
			`${schema}.${name}` === column.type || name === column.type,
	);
	return domain && (domain.notNull || domain.checks.length > 0)
		? [
				`${column.name} is of domain ${domain.name}, whose checks cannot be tried beforehand; map into its base type`,
			]
		: [];
}

/**
 * CHECK constraints of the target, tried on the side that is read: the expression
 * over a row made of the values as they would arrive. What no expression over one
 * row can tell (exclusion constraints) a person has to trust.
 */
function constraintConditions(
	to: Table,
	spec: TargetTable,
	columns: readonly DraftColumn[],
	{ to: facts }: Compilation,
): { conditions: Condition[]; problems: string[] } {
	const mine = facts.catalog.constraints.filter(
		(one) =>
			(one.kind === "check" || one.kind === "exclusion") &&
			one.schema === to.schema &&
			one.table === to.name &&
			!spec.trusted?.[one.name],
	);
	return {
		conditions: mine
			.filter(({ kind }) => kind === "check")
			.map(({ name, definition }) => ({
				// A check that gives NULL holds.
				when: `NOT coalesce((SELECT ${checkExpression(definition, facts)} FROM (SELECT ${arriving(to, columns)}) v), true)`,
				reason: `${name} does not hold`,
				reads: columns.flatMap(({ raw }) => raw.reads),
			})),
		problems: mine
			.filter(({ kind }) => kind === "exclusion")
			.map(
				({ name }) =>
					`exclusion constraint ${name} cannot be tried beforehand: say trusted: { ${JSON.stringify(name)}: "why" }`,
			),
	};
}

/** The whole row as it would arrive; what is left to a default counts as NULL. */
function arriving(to: Table, columns: readonly DraftColumn[]): string {
	return to.columns
		.map((column) => {
			const written = columns.find((one) => one.column === column);
			return `${written ? written.sql : `NULL::${wireType(column)}`} AS ${ident(column.name)}`;
		})
		.join(", ");
}

function checkExpression(definition: string, facts: Facts): string {
	return untyped(
		definition
			.replace(/^CHECK\s*/, "")
			.replace(/\s+NOT VALID$|\s+NO INHERIT$/g, ""),
		facts,
	);
}

/** Casts to enums of the target, which the side that is read does not have, become casts to text. */
function untyped(expression: string, { catalog }: Facts): string {
	const names = new Set(
		catalog.enums.flatMap(({ schema, name }) => [
			`${schema}.${name}`,
			ident(schema, name),
		]),
	);
	return expression.replace(
		/::((?:"(?:[^"]|"")+"|\w+)\.(?:"(?:[^"]|"")+"|\w+))/g,
		(cast, name) => (names.has(name) ? "::text" : cast),
	);
}

function keyOf(
	from: Table,
	spec: TargetTable,
	columns: readonly DraftColumn[],
	users: UserIds,
	problems: string[],
): RouteKey | null {
	if (!from.rowKey) return null;
	const fromColumns = from.rowKey.flatMap(
		(name) => columnCalled(from, name) ?? [],
	);
	const rewritten = from.rowKey.filter((name) => users.has(from, name));
	if (rewritten.length > 0) {
		problems.push(
			`its key ${rewritten.join(", ")} is a user id: a row would change its key with the user map`,
		);
		return null;
	}
	const to =
		spec.key ??
		from.rowKey.flatMap(
			(name) =>
				columns.find((one) => one.exact && one.raw.column === name)?.column
					.name ?? [],
		);
	if (to.length < (spec.key ? 1 : from.rowKey.length)) {
		problems.push(
			`no column of the target carries the key ${from.rowKey.join(", ")}; name those that do with key: […]`,
		);
		return null;
	}
	for (const name of to) {
		const written = columns.find((one) => one.column.name === name);
		const others = written?.raw.reads.filter(
			(read) => !from.rowKey?.includes(read),
		);
		if (!written || (others && others.length > 0))
			problems.push(
				`the key column ${name} ${written ? `reads ${others?.join(", ")}, which the key of ${tableName(from)} does not hold` : "is not written"}`,
			);
	}
	return { from: fromColumns, to };
}
