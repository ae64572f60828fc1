import type { Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { Draft, DraftColumn } from "./draft";
import type { Facts } from "./facts";
import { lookupProblems } from "./lookups";
import { columnCalled, tableCalled } from "./names";
import { labelProblems, type Way } from "./resolve";
import type { BackTable, Into, LabelsValue, Mapping, Value } from "./types";

/** One table's way back, in the language of the way there. */
export interface BackWay extends Way {
	/** Columns of the source that are written in new rows only. */
	readonly insertOnly: readonly string[];
	/** The drafts of the way there between the same two tables. */
	readonly forward: Draft | null;
}

/** The way back of a whole mapping. */
export interface Inverted {
	readonly ways: readonly BackWay[];
	/** Tables of the target from which no row goes back, and why. */
	readonly exported: readonly { readonly table: Table; readonly why: string }[];
	readonly problems: readonly string[];
}

/**
 * Turns a mapping round. Renames, casts, one-to-one labels and expressions with a
 * way back of their own are inverted; what is written by hand goes before. A column
 * of the source that has no way back keeps what it has; that has to be said of
 * columns that were mapped, and is meant of those that were not.
 */
export function invert(
	mapping: Mapping,
	forward: readonly Draft[],
	from: Facts,
	to: Facts,
): Inverted {
	const problems: string[] = [];
	const ways: BackWay[] = [];
	const exported = new Map<Table, string>();
	for (const [name, decision] of Object.entries(mapping.tables)) {
		const source = tableCalled(from.catalog, name);
		if (!source || decision.kind !== "into") continue;
		if (decision.back === "export") {
			for (const { table } of decision.targets) {
				const target = tableCalled(to.catalog, table);
				if (target) exported.set(target, `${name} says so`);
			}
			continue;
		}
		const backs: readonly BackTable[] =
			decision.back === "derived" ? [{}] : decision.back;
		for (const back of backs) {
			const way = backWay(name, source, decision, back, forward, from, to);
			if (typeof way === "string") problems.push(`${name}: ${way}`);
			else {
				ways.push(way.way);
				problems.push(...way.problems.map((text) => `${name}: ${text}`));
			}
		}
	}
	const returning = new Set(ways.map((way) => tableName(way.from)));
	for (const table of to.catalog.tables)
		if (!returning.has(tableName(table)) && !exported.has(table))
			exported.set(
				table,
				readElsewhere(table, ways) ?? "nothing of the source went there",
			);
	for (const table of [...exported.keys()])
		if (returning.has(tableName(table))) exported.delete(table);
	return {
		ways,
		exported: [...exported].map(([table, why]) => ({ table, why })),
		problems,
	};
}

/** A table whose rows go back as parts of others' is named with those. */
function readElsewhere(table: Table, ways: readonly BackWay[]): string | null {
	const readers = ways.filter((way) =>
		Object.values(way.spec.columns).some(
			(value) =>
				typeof value === "object" &&
				value.kind === "lookup" &&
				value.path.some((hop) => hop.table === tableName(table)),
		),
	);
	return readers.length === 0
		? null
		: `goes back only as part of ${readers.map((way) => tableName(way.from)).join(", ")}`;
}

function backWay(
	name: string,
	source: Table,
	decision: Into,
	back: BackTable,
	forward: readonly Draft[],
	from: Facts,
	to: Facts,
): { way: BackWay; problems: string[] } | string {
	const only = decision.targets.length === 1 ? decision.targets[0] : undefined;
	const called = back.from ?? only?.table;
	if (called === undefined)
		return "it is split over several tables; say from which each way back reads: back: { from: … }";
	const target = tableCalled(to.catalog, called);
	if (!target) return `back: the target has no table ${called}`;
	const draft =
		forward.find((one) => one.from === source && one.to === target) ?? null;
	const derived =
		back.derive === false || !draft ? new Map<string, Value>() : derive(draft);
	const columns: Record<string, Value> = Object.fromEntries(derived);
	const kept = new Set<string>();
	for (const [column, value] of Object.entries(back.columns ?? {})) {
		delete columns[column];
		if (typeof value === "object" && value.kind === "keep") kept.add(column);
		else columns[column] = value;
	}
	const problems: string[] = [];
	for (const column of Object.keys({ ...back.columns, ...back.onInsert }))
		if (!columnCalled(source, column))
			problems.push(`back: the source has no column ${column}`);
	const insertOnly = Object.keys(back.onInsert ?? {});
	if (!target.rowKey || !source.rowKey)
		problems.push(
			`nothing tells the rows of ${source.rowKey ? called : name} apart, so that none can be found again: say back: "export"`,
		);
	const silent = draft && back.derive !== false ? readBy(draft) : new Map();
	for (const [column, readers] of silent)
		if (!(column in columns) && !kept.has(column))
			problems.push(
				`${column} does not go back by itself from ${readers.join(", ")}: say back: { columns: { ${column}: … } }, with keep where it shall stay as it is`,
			);
	const reached = new Set([...Object.keys(columns), ...insertOnly]);
	for (const column of source.columns)
		if (
			!reached.has(column.name) &&
			column.notNull &&
			column.default === null &&
			column.generated === null &&
			column.identity === null
		)
			problems.push(
				`a new row needs ${column.name}: say back: { onInsert: { ${column.name}: … } }`,
			);
	const spec = { table: name, columns: { ...columns, ...back.onInsert } };
	const labels = labelProblems(called, target, source, spec, to, from);
	problems.push(
		...lookupProblems(target, spec, to),
		...labels.problems,
		...labels.undecided.map(
			({ into, line }) =>
				`a label of the target has none to go back to (${line.replace(/,$/, "")} in ${into}): say back: { … } in its labels, or write the column`,
		),
	);
	return {
		way: {
			from: target,
			to: source,
			spec: {
				...spec,
				...(back.filter === undefined ? {} : { filter: back.filter }),
				...(back.dependsOn === undefined ? {} : { dependsOn: back.dependsOn }),
				// Rows of the source that never came along may collide with new ones.
				unique: Object.fromEntries(
					from.uniques
						.filter(
							(one) =>
								one.schema === source.schema && one.table === source.name,
						)
						.map((one) => [
							one.columns.join(", ") || one.name,
							{
								kind: "trusted" as const,
								why: "a new row that collides is noted, see merge.ts",
							},
						]),
				),
				...(back.trusted === undefined ? {} : { trusted: back.trusted }),
			},
			insertOnly,
			forward: draft,
		},
		problems,
	};
}

/** What can be inverted without a word, by column of the source. */
function derive(draft: Draft): Map<string, Value> {
	const found = new Map<string, Value>();
	// An exact image is better than one that lost something.
	for (const one of [...draft.columns].sort(
		(a, b) => Number(b.exact) - Number(a.exact),
	)) {
		const value = draft.spec.columns[one.column.name];
		for (const [column, inverse] of inverseOf(value, one))
			if (!found.has(column)) found.set(column, inverse);
	}
	return found;
}

function inverseOf(
	value: Value | undefined,
	{ column, raw }: DraftColumn,
): [string, Value][] {
	if (value === undefined) return [];
	if (typeof value === "string" || value.kind === "column")
		return [[raw.column ?? "", { kind: "column", name: column.name }]];
	if (value.kind === "labels") {
		const labels = inverseLabels(value);
		return labels
			? [[value.name, { kind: "labels", name: column.name, labels }]]
			: [];
	}
	if (value.kind === "sql") return Object.entries(value.back ?? {});
	return [];
}

/** New labels to old ones; null where two old labels share a new one and nothing is said. */
export function inverseLabels(
	value: LabelsValue,
): Record<string, string> | null {
	const found: Record<string, string> = { ...value.back };
	for (const [old, label] of Object.entries(value.labels)) {
		if (typeof label !== "string" || value.back?.[label] !== undefined)
			continue;
		if (label in found) return null;
		found[label] = old;
	}
	return found;
}

/** Which columns of the target read each column of the source. */
function readBy({ columns }: Draft): Map<string, string[]> {
	const found = new Map<string, string[]>();
	for (const { column, raw } of columns)
		for (const name of raw.reads)
			found.set(name, [...(found.get(name) ?? []), column.name]);
	return found;
}
