import type { Column, ForeignKey } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { Standing } from "../journal/notes";
import { fromTable, ident } from "../sql";
import { comesAlong } from "./compile";
import type { Compilation, Condition, Draft, DraftColumn } from "./draft";
import { columnsRead } from "./names";
import type { Dependency } from "./types";

/** What the target's foreign keys make of a route. */
export interface ParentConditions {
	/** As they were, but for those that become NULL without their parent. */
	readonly columns: readonly DraftColumn[];
	readonly conditions: readonly Condition[];
	readonly dependencies: readonly ParentDependency[];
	readonly problems: readonly string[];
}

/** A row that others hang on, and how to see whether it comes or goes. */
export interface ParentDependency {
	readonly dependency: Dependency;
	readonly standing: Standing | undefined;
}

/**
 * Holds rows back whose parent does not come along: it would be rejected itself,
 * is left out by a filter, or does not exist on a source without the foreign key.
 * `arrives` gives the condition for a row of another route to arrive; null for
 * the route itself, where a table refers to itself.
 */
export function parentConditions(
	draft: Draft,
	all: readonly Draft[],
	compilation: Compilation,
	{ arrives }: { arrives: (parent: Draft) => string | null },
): ParentConditions {
	const conditions: Condition[] = [];
	const dependencies: ParentDependency[] = [];
	const problems: string[] = [];
	let columns = draft.columns;
	const keys = compilation.to.catalog.foreignKeys.filter(
		({ schema, table }) =>
			schema === draft.to.schema && table === draft.to.name,
	);
	const toItself = ({ refSchema, refTable }: ForeignKey) =>
		refSchema === draft.to.schema && refTable === draft.to.name;
	// References to the table itself come last: its rows fall for all other reasons.
	for (const key of [
		...keys.filter((one) => !toItself(one)),
		...keys.filter(toItself),
	]) {
		const children = key.columns.map((name) =>
			draft.columns.find(({ column }) => column.name === name),
		);
		if (!children.every((child) => child !== undefined)) {
			problems.push(...unwritten(key, draft));
			continue;
		}
		const orphans = strictest(children.map(({ raw }) => raw.orphans));
		if (orphans === "trust") continue;
		const [child] = children;
		if (child && key.refSchema === "auth" && key.refTable === "users") {
			const { unknown, kept } = knownUser(child, draft, compilation);
			columns = columns.map((one) => (one === child ? kept : one));
			conditions.push(...unknown);
			continue;
		}
		const parents = all.filter(
			({ to }) => to.schema === key.refSchema && to.name === key.refTable,
		);
		if (compilation.merging) {
			for (const parent of parents) {
				const refs = refsOf(key, parent);
				// What the other side has keeps its place, fit or not.
				const found =
					refs &&
					parentDependency(
						children,
						parent,
						refs,
						key,
						comesAlong(parent.filter, null),
						compilation,
					);
				if (found) dependencies.push(found);
			}
			continue;
		}
		const found = parents.map((parent) =>
			presence(
				{ ...draft, conditions: [...draft.conditions, ...conditions] },
				children,
				key,
				parent,
				arrives(parent),
				compilation,
			),
		);
		if (
			parents.includes(draft) &&
			Object.values(draft.spec.unique ?? {}).some(
				({ kind }) => kind === "first",
			)
		)
			problems.push(
				`${key.columns.join(", ")} refers to the table itself, whose rows may fall as duplicates: write orphans: "null" or "trust"`,
			);
		const broken = found.filter((one) => typeof one === "string");
		if (parents.length === 0 || broken.length > 0) {
			problems.push(
				broken.join("; ") ||
					`${key.columns.join(", ")} refers to ${key.refTable}, which nothing fills; trust it (orphans: "trust") or leave it NULL`,
			);
			continue;
		}
		const present = found.filter((one) => typeof one !== "string");
		if (present.some(({ always }) => always)) continue;
		const missing = `NOT (${present.map(({ sql }) => sql).join(" OR ")})`;
		// With MATCH SIMPLE a key that is NULL in one column refers to nothing.
		const refers = children
			.filter(({ raw }) => raw.nullable)
			.map(({ sql }) => `(${sql}) IS NOT NULL`);
		dependencies.push(...present.flatMap(({ dependency }) => dependency ?? []));
		if (orphans === "reject") {
			conditions.push({
				when: [...refers, missing].join(" AND "),
				reason: `${key.columns.join(", ")} has no parent`,
				reads: children.flatMap(({ raw }) => raw.reads),
			});
			continue;
		}
		const nullable = children.filter(
			({ column }) => !column.notNull || draft.insertOnly.includes(column.name),
		);
		if (nullable.length === 0)
			problems.push(
				`${key.columns.join(", ")} cannot be NULL, so orphans cannot be`,
			);
		columns = columns.map((one) =>
			nullable.some(({ column }) => column === one.column)
				? {
						...one,
						sql: `CASE WHEN ${missing} THEN NULL ELSE ${one.sql} END`,
						exact: false,
					}
				: one,
		);
	}
	return { columns, conditions, dependencies, problems };
}

/**
 * On the way back, a user who is unknown in the old system: nobody stands in his
 * place where the column can be NULL, else the row stays behind.
 */
function knownUser(
	child: DraftColumn,
	{ insertOnly }: Draft,
	{ users }: Compilation,
): { kept: DraftColumn; unknown: Condition[] } {
	const known = users.known(child.sql);
	if (known === null) return { kept: child, unknown: [] };
	if (!child.column.notNull || insertOnly.includes(child.column.name))
		return {
			kept: {
				...child,
				sql: `CASE WHEN ${known} THEN ${child.sql} END`,
				exact: false,
			},
			unknown: [],
		};
	return {
		kept: child,
		unknown: [
			{
				when: `NOT ${known}`,
				reason: `${child.column.name} is unknown in the old system`,
				reads: child.raw.reads,
			},
		],
	};
}

function strictest(
	orphans: readonly ("reject" | "null" | "trust")[],
): "reject" | "null" | "trust" {
	return orphans.includes("null")
		? "null"
		: orphans.includes("trust")
			? "trust"
			: "reject";
}

function unwritten(key: ForeignKey, draft: Draft): string[] {
	const risky = key.columns.filter((name) => {
		const column = draft.to.columns.find((one) => one.name === name);
		const written = draft.columns.some((one) => one.column === column);
		return !written && column?.default !== null;
	});
	return risky.map(
		(name) =>
			`${name} refers to ${key.refTable} and is left to its default: write it`,
	);
}

interface Presence {
	/** SQL over t: the parent is there. */
	readonly sql: string;
	/** The source guarantees it. */
	readonly always: boolean;
	readonly dependency: ParentDependency | null;
}

function presence(
	child: Draft,
	children: readonly DraftColumn[],
	key: ForeignKey,
	parent: Draft,
	condition: string | null,
	compilation: Compilation,
): Presence | string {
	const { from } = compilation;
	const refs = refsOf(key, parent);
	if (!refs)
		return `${key.columns.join(", ")} refers to ${key.refTable} (${key.refColumns.join(", ")}), which is left to its default`;
	const own = condition === null;
	const guaranteed =
		!own &&
		from.catalog.foreignKeys.some((one) =>
			guarantees(one, child, children, parent, refs),
		);
	const values = refs.map(({ sql }, index) => `${sql} AS k${index}`);
	const matches = children.map(({ sql }, index) => `p.k${index} = ${sql}`);
	const rows = (where: string) =>
		`(SELECT ${values.join(", ")} FROM ${fromTable(parent.from)} t WHERE ${where})`;
	const dependency = parentDependency(
		children,
		parent,
		refs,
		key,
		condition,
		compilation,
	);
	if (own)
		return {
			sql: ownPresence(child, children, refs, rows),
			always: false,
			dependency,
		};
	if (guaranteed && condition === "true")
		return { sql: "true", always: true, dependency: null };
	if (guaranteed && children.length === 1)
		// As a rule all parents come along: the few that do not are looked up in.
		return {
			sql: `((${children[0]?.sql}) IS NULL OR (${children[0]?.sql}) NOT IN (SELECT p.k0 FROM ${rows(`NOT (${condition})`)} p WHERE p.k0 IS NOT NULL))`,
			always: false,
			dependency,
		};
	return {
		sql: `EXISTS (SELECT FROM ${rows(condition ?? "true")} p WHERE ${matches.join(" AND ")})`,
		always: false,
		dependency,
	};
}

/** The parent's columns that a key refers to; null where it leaves one to its default. */
function refsOf(key: ForeignKey, parent: Draft): DraftColumn[] | null {
	const refs = key.refColumns.flatMap(
		(name) => parent.columns.find(({ column }) => column.name === name) ?? [],
	);
	return refs.length === key.refColumns.length ? refs : null;
}

/**
 * A table that refers to itself: a row falls with its parent, and so do the rows
 * that refer to it in turn, however deep.
 */
function ownPresence(
	child: Draft,
	children: readonly DraftColumn[],
	refs: readonly DraftColumn[],
	rows: (where: string) => string,
): string {
	const table = fromTable(child.from);
	const names = refs.map((_, index) => `k${index}`).join(", ");
	const fallen = child.conditions.map(({ when }) => `coalesce(${when}, false)`);
	const local = [
		child.filter ? `NOT coalesce((${child.filter}), false)` : "",
		...fallen,
	].filter(Boolean);
	const parentOf = (alias: string) =>
		children
			.map(({ sql }, index) => `${alias}.k${index} = ${sql}`)
			.join(" AND ");
	const bad = `WITH RECURSIVE bad (${names}) AS (
		SELECT ${refs.map(({ sql }) => sql).join(", ")} FROM ${table} t WHERE ${local.length > 0 ? local.join(" OR ") : "false"}
			OR (${children.map(({ sql }) => `(${sql}) IS NOT NULL`).join(" AND ")} AND NOT EXISTS (SELECT FROM ${rows("true")} p WHERE ${parentOf("p")}))
		UNION
		SELECT ${refs.map(({ sql }) => sql).join(", ")} FROM bad JOIN ${table} t ON ${parentOf("bad")}
	)`;
	const value = children.map(({ sql }) => sql).join(", ");
	return `EXISTS (SELECT FROM ${rows("true")} p WHERE ${parentOf("p")}) AND (${value}) NOT IN (${bad} SELECT ${names} FROM bad)`;
}

/** Whether a foreign key of the source says that the parent's row exists. */
function guarantees(
	key: ForeignKey,
	child: Draft,
	children: readonly DraftColumn[],
	parent: Draft,
	refs: readonly DraftColumn[],
): boolean {
	return (
		key.validated &&
		key.schema === child.from.schema &&
		key.table === child.from.name &&
		key.refSchema === parent.from.schema &&
		key.refTable === parent.from.name &&
		children.every(({ raw, exact }, index) => {
			const at = key.columns.indexOf(raw.column ?? "");
			return (
				exact &&
				at >= 0 &&
				refs[index]?.exact === true &&
				key.refColumns[at] === refs[index]?.raw.column
			);
		})
	);
}

/**
 * The parent is found by the columns of its own that make the key referred to;
 * only where each is one plain column can changes be followed by them.
 */
function parentDependency(
	children: readonly DraftColumn[],
	parent: Draft,
	refs: readonly DraftColumn[],
	key: ForeignKey,
	condition: string | null,
	{ users }: Compilation,
): ParentDependency | null {
	const columns: (Column | undefined)[] = refs.map(({ raw }) =>
		parent.from.columns.find(({ name }) => name === raw.column),
	);
	if (!columns.every((column) => column !== undefined)) return null;
	const plain =
		condition !== null &&
		refs.every(({ exact }) => exact) &&
		!columns.some(({ name }) => users.has(parent.from, name));
	const here = columns.map(
		({ name, type }, index) =>
			`${ident("t", name)} = changed.match[${index + 1}]::${type}`,
	);
	const there = refs.map(
		({ column }, index) =>
			`p.${ident(key.refColumns[index] ?? "")} = changed.match[${index + 1}]::${column.type}`,
	);
	return {
		dependency: {
			table: tableName(parent.from),
			match: Object.fromEntries(
				columns.map((column, index) => [
					column.name,
					children[index]?.raw.sql ?? "NULL",
				]),
			),
			reads: readsOf(parent),
		},
		standing: plain
			? {
					arrives: (changed) =>
						`SELECT changed.match FROM ${changed} changed JOIN ${fromTable(parent.from)} t ON ${here.join(" AND ")} WHERE ${condition}`,
					stands: (changed) =>
						`SELECT changed.match FROM ${changed} changed JOIN ${ident(key.refSchema, key.refTable)} p ON ${there.join(" AND ")}`,
				}
			: undefined,
	};
}

/** Columns that decide whether a row of the parent comes along. */
function readsOf({ conditions, filter }: Draft): string[] {
	return [
		...new Set([
			...conditions.flatMap(({ reads }) => reads),
			...columnsRead(filter ?? ""),
		]),
	];
}
