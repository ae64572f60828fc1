import { tableName } from "../catalog/types";
import { fromTable, ident } from "../sql";
import { comesAlong, rejectOf } from "./compile";
import type { Compilation, Condition, Draft } from "./draft";
import { columnsRead } from "./names";
import type { Dependency } from "./types";

/** What the target's unique indexes make of a route. */
export interface UniqueConditions {
	readonly conditions: readonly Condition[];
	readonly dependencies: readonly Dependency[];
	readonly problems: readonly string[];
}

/**
 * Sees to it that no two rows collide in a unique index of the target: because a
 * unique index of the source says so, because the mapping names the row that comes
 * first, or because a person has said that it cannot happen.
 */
export function uniqueConditions(
	draft: Draft,
	all: readonly Draft[],
	{ from, to }: Compilation,
): UniqueConditions {
	const conditions: Condition[] = [];
	const dependencies: Dependency[] = [];
	const problems: string[] = [];
	const known = new Set<string>();
	for (const index of to.uniques) {
		if (index.schema !== draft.to.schema || index.table !== draft.to.name)
			continue;
		const name = index.columns.join(", ") || index.name;
		known.add(name);
		const rule = draft.spec.unique?.[name];
		const written = index.columns.map((column) =>
			draft.columns.find((one) => one.column.name === column),
		);
		// A default is either NULL, which collides with nothing, or drawn anew.
		if (index.plain && written.some((one) => one === undefined)) continue;
		const columns = written.filter((one) => one !== undefined);
		if (rule?.kind === "trusted") continue;
		if (rule?.kind === "first") {
			if (!index.plain) {
				problems.push(
					`unique index ${index.name} is partial or over an expression: say in reject: […] which rows stay behind`,
				);
				continue;
			}
			const condition = duplicate(
				draft,
				columns.map(({ sql }) => sql),
				rule.order,
				name,
			);
			conditions.push(condition);
			const direct = columns.flatMap(({ raw }) => raw.column ?? []);
			if (direct.length === columns.length)
				dependencies.push({
					table: tableName(draft.from),
					match: Object.fromEntries(
						direct.map((column) => [column, ident("t", column)]),
					),
					reads: condition.reads,
				});
			continue;
		}
		const sources = new Set(
			columns.flatMap(({ raw, exact }) => (exact && raw.column) || []),
		);
		const shared = all.filter(
			({ to: other }) =>
				other.schema === draft.to.schema && other.name === draft.to.name,
		);
		const guaranteed =
			index.plain &&
			sharedSafely(shared, index.columns) &&
			from.uniques.some(
				(one) =>
					one.plain &&
					one.schema === draft.from.schema &&
					one.table === draft.from.name &&
					one.columns.length > 0 &&
					one.columns.every((column) => sources.has(column)),
			);
		if (!guaranteed)
			problems.push(
				`unique index ${index.name} of the target (${name}) is not guaranteed by the source: say unique: { ${JSON.stringify(name)}: first("…") } or trusted("…")`,
			);
	}
	for (const name of Object.keys(draft.spec.unique ?? {}))
		if (!known.has(name))
			problems.push(`the target has no unique index over ${name}`);
	return { conditions, dependencies, problems };
}

/**
 * Where several tables go into one, uniqueness within each is not enough, but for
 * keys that are drawn at random.
 */
function sharedSafely(
	drafts: readonly Draft[],
	columns: readonly string[],
): boolean {
	return (
		drafts.length < 2 ||
		drafts.every(({ columns: written }) =>
			columns.some(
				(name) =>
					written.find(({ column }) => column.name === name)?.column.base
						.name === "uuid",
			),
		)
	);
}

/** Rows that come after another with the same values, among those that come along. */
function duplicate(
	draft: Draft,
	values: readonly string[],
	order: string,
	name: string,
): Condition {
	const key = (draft.from.rowKey ?? []).map((column) => ident("t", column));
	const keys = key.map((column, index) => `${column} AS k${index}`);
	const names = key.map((_, index) => `k${index}`);
	const all = values.map((value) => `(${value}) IS NOT NULL`).join(" AND ");
	return {
		when: `(${key.join(", ")}) IN (SELECT ${names.join(", ")} FROM (
			SELECT ${keys.join(", ")}, row_number() OVER (PARTITION BY ${values.join(", ")} ORDER BY ${order}, ${key.join(", ")}) AS place
			FROM ${fromTable(draft.from)} t
			WHERE ${all} AND ${comesAlong(draft.filter, rejectOf(draft.conditions))}
		) ranked WHERE place > 1)`,
		reason: `${name} is a duplicate`,
		reads: [
			...new Set([
				...columnsRead([...values, order, draft.filter ?? ""].join(" ")),
				...draft.conditions.flatMap(({ reads }) => reads),
			]),
		],
	};
}
