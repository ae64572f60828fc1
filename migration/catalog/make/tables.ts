import { ident, literal } from "../../sql";
import type { Column, Constraint, Partition, Sequence, Table } from "../types";
import { sequenceOptions } from "./types";

/** What of a table stands in its CREATE TABLE; the rest is made by itself, later. */
export interface Inline {
	readonly checks: readonly Constraint[];
	readonly hasDefault: (column: Column) => boolean;
	readonly sequences: readonly Sequence[];
}

/**
 * The statements that make a table without rows: itself, then what CREATE TABLE
 * has no words for. A partition is made whole and joined to its parent, so that its
 * columns keep their own order.
 */
export function createTable(
	table: Table | Partition,
	inline: Inline,
): string[] {
	const name = ident(table.schema, table.name);
	const isPartition = "parent" in table;
	const columns = table.columns.filter(
		(column) => isPartition || !column.inherited,
	);
	const lines = [
		...columns.map((column) =>
			columnDefinition(table, column, inline, isPartition),
		),
		...inline.checks.map(
			(check) => `CONSTRAINT ${ident(check.name)} ${check.definition}`,
		),
	];
	const create = [
		`CREATE ${table.unlogged && !table.partitioned ? "UNLOGGED " : ""}TABLE ${name} (\n${lines.map((line) => `\t${line}`).join(",\n")}\n)`,
		table.inherits.length > 0 && `INHERITS (${table.inherits.join(", ")})`,
		table.partitionKey !== undefined && `PARTITION BY ${table.partitionKey}`,
		table.options && `WITH (${table.options.map(option).join(", ")})`,
	];
	const actions = [
		...table.columns.flatMap((column) =>
			columnActions(column, !isPartition, inline),
		),
		...(typeof table.replicaIdentity === "string"
			? [`REPLICA IDENTITY ${table.replicaIdentity.toUpperCase()}`]
			: []),
	];
	return [
		create.filter(Boolean).join(" "),
		...(actions.length > 0
			? [`ALTER TABLE ONLY ${name} ${actions.join(", ")}`]
			: []),
		...(isPartition
			? [
					`ALTER TABLE ONLY ${ident(table.parent.schema, table.parent.name)} ATTACH PARTITION ${name} ${table.bound}`,
				]
			: []),
	];
}

/** A default that had to wait for what it calls. */
export function setDefault(table: Table, column: Column): string {
	return `ALTER TABLE ONLY ${ident(table.schema, table.name)} ALTER COLUMN ${ident(column.name)} SET DEFAULT ${column.default}`;
}

/** Which index CLUSTER and logical replication go by. */
export function tableSettings(table: Table): string[] {
	const alter = `ALTER TABLE ONLY ${ident(table.schema, table.name)}`;
	const { clusterIndex, replicaIdentity } = table;
	return [
		...(clusterIndex === undefined
			? []
			: [`${alter} CLUSTER ON ${ident(clusterIndex)}`]),
		...(typeof replicaIdentity === "object"
			? [
					`${alter} REPLICA IDENTITY USING INDEX ${ident(replicaIdentity.index)}`,
				]
			: []),
	];
}

function columnDefinition(
	table: Table,
	column: Column,
	inline: Inline,
	isPartition: boolean,
): string {
	return [
		ident(column.name),
		column.type,
		column.compression && `COMPRESSION ${column.compression}`,
		column.collation && `COLLATE ${column.collation}`,
		column.generated !== null &&
			`GENERATED ALWAYS AS (${column.generated}) STORED`,
		column.default !== null &&
			inline.hasDefault(column) &&
			`DEFAULT ${column.default}`,
		// Partitions draw from their parent's sequence, from version 17 on by themselves.
		column.identity !== null &&
			!isPartition &&
			identity(table, column, inline.sequences),
		column.notNull && "NOT NULL",
	]
		.filter(Boolean)
		.join(" ");
}

function identity(
	table: Table,
	column: Column,
	sequences: readonly Sequence[],
): string {
	const sequence = sequences.find(
		({ schema, ownedBy, identity }) =>
			identity &&
			schema === table.schema &&
			ownedBy?.table === table.name &&
			ownedBy.column === column.name,
	);
	const options = sequence
		? ` (SEQUENCE NAME ${ident(sequence.schema, sequence.name)} ${sequenceOptions(sequence)})`
		: "";
	return `GENERATED ${column.identity?.toUpperCase()} AS IDENTITY${options}`;
}

/** What a column has that CREATE TABLE does not say, or says for the parent's column. */
function columnActions(
	column: Column,
	byInheritance: boolean,
	inline: Inline,
): string[] {
	const alter = `ALTER COLUMN ${ident(column.name)}`;
	const actions: string[] = [];
	if (byInheritance && column.inherited) {
		if (column.default === null && column.generated === null)
			actions.push(`${alter} DROP DEFAULT`);
		else if (column.default !== null && inline.hasDefault(column))
			actions.push(`${alter} SET DEFAULT ${column.default}`);
		if (column.notNull) actions.push(`${alter} SET NOT NULL`);
	}
	if (column.storage) actions.push(`${alter} SET STORAGE ${column.storage}`);
	if (column.statistics !== undefined)
		actions.push(`${alter} SET STATISTICS ${column.statistics}`);
	if (column.options)
		actions.push(`${alter} SET (${column.options.map(option).join(", ")})`);
	return actions;
}

/** `fillfactor=70` as SQL; every value may be written as a string. */
export function option(text: string): string {
	const at = text.indexOf("=");
	return `${ident(...text.slice(0, at).split("."))} = ${literal(text.slice(at + 1))}`;
}
