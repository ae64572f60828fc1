import type { Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { Facts, MappedCatalog } from "./facts";
import { lookupProblems } from "./lookups";
import { columnCalled, columnsRead, labelsOf, tableCalled } from "./names";
import type { Mapping, TargetTable, Value } from "./types";
import { userIds } from "./users";
import { rawValue } from "./value";

/** A line that a person can paste into the mapping, and where it belongs. */
export interface Paste {
	/** Path within the mapping: `tables`, `tables.units.rest`. */
	readonly into: string;
	/** A property of an object literal, valid TypeScript on one line. */
	readonly line: string;
}

/** What a mapping says about the tables that are there. */
export interface Resolved {
	/** Tables that are mapped, by what becomes of them. */
	readonly ways: readonly Way[];
	readonly archives: readonly {
		readonly from: Table;
		/** Only these columns and the key; all where undefined. */
		readonly only?: readonly string[];
	}[];
	readonly problems: readonly string[];
	/** Decisions that are missing. */
	readonly undecided: readonly Paste[];
}

export interface Way {
	readonly from: Table;
	readonly to: Table;
	readonly spec: TargetTable;
}

/**
 * Holds the names in a mapping to both catalogs: what it names must be there, and
 * what is there on the source must be decided: every table, every column of a
 * mapped table, every label of an enum that is mapped.
 */
export function resolve(mapping: Mapping, from: Facts, to: Facts): Resolved {
	const problems: string[] = [];
	const undecided: Paste[] = [];
	const ways: Way[] = [];
	const archives: { from: Table; only?: readonly string[] }[] = [];
	for (const name of Object.keys(mapping.tables))
		if (!tableCalled(from.catalog, name))
			problems.push(`the source has no table ${name}`);
	for (const name of mapping.userColumns ?? [])
		if (!hasColumn(from.catalog, name))
			problems.push(`userColumns: the source has no column ${name}`);
	for (const table of from.catalog.tables) {
		const name = tableName(table);
		const decision = mapping.tables[name];
		if (!decision) {
			undecided.push({
				into: "tables",
				line: `${property(name)}: archive(), // ${table.columns.length} columns, ${rows(table)}`,
			});
			continue;
		}
		if (decision.kind === "drop") continue;
		if (decision.kind === "archive") {
			const { without = {} } = decision;
			for (const column of Object.keys(without))
				if (!columnCalled(table, column) || table.rowKey?.includes(column))
					problems.push(
						`${name}: there is no column ${column} to archive it without, or it is of the key`,
					);
			archives.push({
				from: table,
				only: table.columns
					.map((column) => column.name)
					.filter((column) => !(column in without)),
			});
			continue;
		}
		const read = new Set<string>();
		for (const spec of decision.targets) {
			const target = tableCalled(to.catalog, spec.table);
			if (!target) {
				problems.push(`${name}: the target has no table ${spec.table}`);
				continue;
			}
			ways.push({ from: table, to: target, spec });
			for (const column of columnsOfSpec(spec, table, from.catalog))
				read.add(column);
			problems.push(
				...lookupProblems(table, spec, from).map((text) => `${name}: ${text}`),
			);
			const labels = labelProblems(name, table, target, spec, from, to);
			problems.push(...labels.problems);
			undecided.push(...labels.undecided);
		}
		const archived: string[] = [];
		for (const [column, fate] of Object.entries(decision.rest)) {
			if (!columnCalled(table, column))
				problems.push(`${name}.rest: the source has no column ${column}`);
			else if (fate.kind === "archive") archived.push(column);
			else if (read.has(column))
				problems.push(`${name}.rest: ${column} is dropped, and yet read`);
		}
		// Parts of rows that nothing tells apart would say nothing: all of them, then.
		if (archived.length > 0)
			archives.push(
				table.rowKey ? { from: table, only: archived } : { from: table },
			);
		for (const column of table.columns)
			if (!read.has(column.name) && !decision.rest[column.name])
				undecided.push({
					into: `tables.${name}.rest`,
					line: `${property(column.name)}: archive(), // ${column.type}`,
				});
	}
	return { ways, archives, problems, undecided };
}

/** The text of a list to paste: comments say where, all else is TypeScript. */
export function pasteText(lines: readonly Paste[]): string {
	const places = [...new Set(lines.map(({ into }) => into))];
	return places
		.flatMap((place) => [
			`// ${place}`,
			...lines.filter(({ into }) => into === place).map(({ line }) => line),
		])
		.join("\n");
}

function columnsOfSpec(
	spec: TargetTable,
	table: Table,
	catalog: MappedCatalog,
): string[] {
	const users = userIds(catalog, new Set(), "none");
	return [
		...Object.values(spec.columns).flatMap(
			(value) => rawValue(value, { catalog, table, users })?.reads ?? [],
		),
		...columnsRead(spec.filter ?? ""),
		...(spec.reject ?? []).flatMap(({ when }) => columnsRead(when)),
	];
}

/** Holds the labels that a table's values name, or pass on, to both sides' enums. */
export function labelProblems(
	name: string,
	table: Table,
	target: Table,
	spec: TargetTable,
	from: Facts,
	to: Facts,
): { problems: string[]; undecided: Paste[] } {
	const problems: string[] = [];
	const undecided: Paste[] = [];
	for (const [columnName, value] of Object.entries(spec.columns)) {
		const source = columnCalled(table, sourceOf(value) ?? "");
		const column = columnCalled(target, columnName);
		if (!source || !column) continue;
		const old = labelsOf(from.catalog, source);
		const allowed = labelsOf(to.catalog, column);
		const where = `tables.${name} into ${spec.table}.${columnName}`;
		if (typeof value === "object" && value.kind === "labels") {
			for (const [label, twin] of Object.entries(value.labels)) {
				if (old && !old.includes(label))
					problems.push(`${where}: the source has no label ${label}`);
				if (typeof twin === "string" && allowed && !allowed.includes(twin))
					problems.push(`${where}: the target has no label ${twin}`);
			}
			for (const label of old ?? [])
				if (!(label in value.labels))
					undecided.push({
						into: `${where}.labels`,
						line: `${property(label)}: ${allowed?.includes(label) ? JSON.stringify(label) : "rejectLabel"},`,
					});
			continue;
		}
		const lost = allowed && old?.filter((label) => !allowed.includes(label));
		if (lost && lost.length > 0)
			undecided.push({
				into: where,
				line: `${property(columnName)}: labels(${JSON.stringify(source.name)}, { ...sameLabels(${old
					?.filter((label) => allowed.includes(label))
					.map((label) => JSON.stringify(label))
					.join(
						", ",
					)}), ${lost.map((label) => `${property(label)}: rejectLabel`).join(", ")} }),`,
			});
	}
	return { problems, undecided };
}

/** The column that a value takes as it is. */
function sourceOf(value: Value): string | undefined {
	if (typeof value === "string") return value;
	return value.kind === "column" || value.kind === "labels"
		? value.name
		: undefined;
}

function hasColumn(catalog: MappedCatalog, name: string): boolean {
	return catalog.tables.some((table) =>
		table.columns.some(
			(column) => `${tableName(table)}.${column.name}` === name,
		),
	);
}

/** A name as a property of an object literal. */
function property(name: string): string {
	return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function rows({ estimatedRows }: Table): string {
	return estimatedRows < 0
		? "rows not counted yet"
		: `about ${estimatedRows} rows`;
}
