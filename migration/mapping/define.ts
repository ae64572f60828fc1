import type {
	AcceptedReject,
	Archive,
	BackTable,
	ColumnValue,
	ConstantValue,
	DefaultValue,
	Drop,
	FirstOfValue,
	Hop,
	Into,
	Keep,
	LabelsValue,
	LookupValue,
	Mapping,
	RejectLabel,
	SqlValue,
	TargetTable,
	UniqueRule,
	Value,
} from "./types";

/** Names a mapping; the compiler sees that it is one. */
export function defineMapping(mapping: Mapping): Mapping {
	return mapping;
}

/**
 * Keeps a table, or a column of a mapped table, in schema `legacy`; of a table
 * `without` the columns named, each with the reason.
 */
export function archive(without?: Archive["without"]): Archive {
	return without ? { kind: "archive", without } : { kind: "archive" };
}

/** Leaves a table or a column behind; `why` is for whoever asks later. */
export function drop(why: string): Drop {
	return { kind: "drop", why };
}

/** Archives several columns: `rest: { ...archived("make", "model") }`. */
export function archived(...names: string[]): Record<string, Archive> {
	return Object.fromEntries(names.map((name) => [name, archive()]));
}

/** Drops several columns for the same reason. */
export function dropped(why: string, ...names: string[]): Record<string, Drop> {
	return Object.fromEntries(names.map((name) => [name, drop(why)]));
}

/** Maps a table to one table of the target, or splits it over several. */
export function into(
	targets: TargetTable | readonly TargetTable[],
	more: {
		readonly rest?: Into["rest"];
		readonly back?: "derived" | "export" | BackTable | readonly BackTable[];
	} = {},
): Into {
	const back = more.back ?? "derived";
	return {
		kind: "into",
		targets: isList(targets) ? targets : [targets],
		rest: more.rest ?? {},
		back: typeof back === "string" || isList(back) ? back : [back],
	};
}

/** Columns that have the same name on both sides. */
export function same(...names: string[]): Record<string, ColumnValue> {
	return Object.fromEntries(names.map((name) => [name, column(name)]));
}

/** A column of the source under another name, or with more to say about it. */
export function column(
	name: string,
	more: Omit<ColumnValue, "kind" | "name"> = {},
): ColumnValue {
	return { kind: "column", name, ...more };
}

/** An enum's counterparts, label by label: `labels("status", { fault: "error" })`. */
export function labels(
	name: string,
	table: LabelsValue["labels"],
	more: Omit<LabelsValue, "kind" | "name" | "labels"> = {},
): LabelsValue {
	return { kind: "labels", name, labels: table, ...more };
}

/** Labels that stay as they are, to be spread into a table of labels. */
export function sameLabels(...names: string[]): Record<string, string> {
	return Object.fromEntries(names.map((name) => [name, name]));
}

/** A label without counterpart: rows that have it are rejected. */
export const rejectLabel: RejectLabel = { kind: "reject label" };

/** Any SQL expression over t. */
export function sql(
	text: string,
	more: Omit<SqlValue, "kind" | "sql"> = {},
): SqlValue {
	return { kind: "sql", sql: text, ...more };
}

/** The same value in every row, as an SQL literal: `constant("'F'")`. */
export function constant(text: string): ConstantValue {
	return { kind: "constant", sql: text };
}

/** A column of another table's row, found hop by hop. */
export function lookup(
	take: string,
	path: Hop | readonly Hop[],
	more: Omit<LookupValue, "kind" | "take" | "path"> = {},
): LookupValue {
	return {
		kind: "lookup",
		take,
		path: isList(path) ? path : [path],
		...more,
	};
}

/** The first of several values that is not NULL. */
export function firstOf(...values: Value[]): FirstOfValue {
	return { kind: "first of", values };
}

/** Left to the target's default, said aloud. */
export const byDefault: DefaultValue = { kind: "default" };

/** On the way back: the source's column stays as it stands. */
export const keep: Keep = { kind: "keep" };

/** Of rows alike in a unique index of the target, the first by this ORDER BY comes along. */
export function first(order: string): UniqueRule {
	return { kind: "first", order };
}

/** A unique index of the target that no two rows can violate, and why. */
export function trusted(why: string): UniqueRule {
	return { kind: "trusted", why };
}

/** A person's agreement to leave rows behind. */
export function accept(
	table: string,
	reason: string,
	note: string,
): AcceptedReject {
	return { table, reason, note };
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
	return Array.isArray(value);
}
