import { BARRIER_TRIGGER } from "../freeze/barrier";
import { ident, idents, literal } from "../sql";
import { definitionsOf, inOrder } from "./definitions";
import type { Catalog, Column, Domain, Sequence, Table } from "./types";

/**
 * SQL that makes the schemas, types, sequences and bare tables of a catalog in an
 * empty database, so that data can be loaded; `finishSchema` follows the load.
 * What calls a function that the copy does not bring along is left out with a
 * comment: it is the new application's to define.
 */
export function createSchema(catalog: Catalog): string {
	const statements = [
		...schemas(catalog).map(
			(name) => `CREATE SCHEMA IF NOT EXISTS ${ident(name)}`,
		),
		...catalog.enums.map(
			({ schema, name, labels }) =>
				`CREATE TYPE ${ident(schema, name)} AS ENUM (${labels.map(literal).join(", ")})`,
		),
		...catalog.domains.map(createDomain),
		...catalog.composites.map(
			({ schema, name, fields }) =>
				`CREATE TYPE ${ident(schema, name)} AS (${fields.map((field) => `${ident(field.name)} ${field.type}`).join(", ")})`,
		),
		...catalog.sequences
			.filter(({ identity }) => !identity)
			.map(
				(sequence) =>
					`CREATE SEQUENCE ${ident(sequence.schema, sequence.name)} AS ${sequence.type} ${sequenceOptions(sequence)}`,
			),
		...catalog.tables
			.filter(({ partitioned }) => !partitioned)
			.map((table) => createTable(table, catalog.sequences)),
		...catalog.sequences
			.filter(({ identity, ownedBy }) => !identity && ownedBy !== null)
			.map(
				({ schema, name, ownedBy }) =>
					`ALTER SEQUENCE ${ident(schema, name)} OWNED BY ${ident(schema, ownedBy?.table ?? "", ownedBy?.column ?? "")}`,
			),
	];
	return script(statements, leftOut(catalog));
}

/** SQL that adds keys, checks, indexes and foreign keys to loaded tables. */
export function finishSchema(catalog: Catalog): string {
	return script(inOrder(definitionsOf(catalog)));
}

/** What `createSchema` and `finishSchema` do not make, one line each, with why. */
export function leftOut(catalog: Catalog): string[] {
	const names = new Set(catalog.tables.map((t) => ident(t.schema, t.name)));
	return [
		...catalog.tables
			.filter(({ partitioned }) => partitioned)
			.map(({ schema, name }) => `table ${ident(schema, name)}: partitioned`),
		...catalog.tables
			.filter(({ inherits }) => inherits.length > 0)
			.map(
				({ schema, name, inherits }) =>
					`inheritance of ${ident(schema, name)} from ${inherits.join(", ")}: the table stands alone`,
			),
		...catalog.tables.flatMap((table) =>
			table.columns
				.filter(({ needs }) => needs.length > 0)
				.map(
					({ name, needs, generated }) =>
						`${generated === null ? "default" : "generation"} of ${ident(table.schema, table.name, name)}: calls ${needs.join(", ")}`,
				),
		),
		...[...catalog.constraints, ...catalog.indexes]
			.filter(({ needs }) => needs.length > 0)
			.map(
				({ schema, table, name, needs }) =>
					`${ident(name)} on ${ident(schema, table)}: calls ${needs.join(", ")}`,
			),
		...catalog.foreignKeys
			.filter((key) => !names.has(ident(key.refSchema, key.refTable)))
			.map(
				({ schema, table, columns, refSchema, refTable }) =>
					`foreign key of ${ident(schema, table)} (${idents(columns)}): refers to ${ident(refSchema, refTable)}`,
			),
		...catalog.triggers
			.filter(({ name }) => name !== BARRIER_TRIGGER)
			.map(
				({ schema, table, name }) =>
					`trigger ${ident(name)} on ${ident(schema, table)}: belongs to the old application`,
			),
	];
}

function schemas(catalog: Catalog): string[] {
	return [...new Set(catalog.tables.map(({ schema }) => schema))].filter(
		(name) => name !== "public",
	);
}

function createDomain({
	schema,
	name,
	type,
	notNull,
	default: value,
	checks,
}: Domain): string {
	return [
		`CREATE DOMAIN ${ident(schema, name)} AS ${type}`,
		value === null ? "" : `DEFAULT ${value}`,
		notNull ? "NOT NULL" : "",
		...checks,
	]
		.filter(Boolean)
		.join(" ");
}

function createTable(table: Table, sequences: readonly Sequence[]): string {
	const lines = table.columns.map(
		(column) => `\t${columnDefinition(table, column, sequences)}`,
	);
	return `CREATE TABLE ${ident(table.schema, table.name)} (\n${lines.join(",\n")}\n)`;
}

function columnDefinition(
	table: Table,
	column: Column,
	sequences: readonly Sequence[],
): string {
	const parts = [ident(column.name), column.type];
	const makeable = column.needs.length === 0;
	if (column.generated !== null && makeable)
		parts.push(`GENERATED ALWAYS AS (${column.generated}) STORED`);
	if (column.default !== null && makeable)
		parts.push(`DEFAULT ${column.default}`);
	if (column.identity) {
		const sequence = sequences.find(
			({ schema, ownedBy }) =>
				schema === table.schema &&
				ownedBy?.table === table.name &&
				ownedBy.column === column.name,
		);
		const options = sequence
			? ` (SEQUENCE NAME ${ident(sequence.schema, sequence.name)} ${sequenceOptions(sequence)})`
			: "";
		parts.push(
			`GENERATED ${column.identity.toUpperCase()} AS IDENTITY${options}`,
		);
	}
	if (column.notNull) parts.push("NOT NULL");
	return parts.join(" ");
}

function sequenceOptions({
	start,
	increment,
	min,
	max,
	cache,
	cycle,
}: Sequence): string {
	return `INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max} START WITH ${start} CACHE ${cache} ${cycle ? "CYCLE" : "NO CYCLE"}`;
}

function script(
	statements: readonly string[],
	notes: readonly string[] = [],
): string {
	return [
		...notes.map((note) => `-- left out: ${note.replaceAll(/\s+/g, " ")}\n`),
		...statements.map((statement) => `${statement};\n`),
	].join("");
}
