import { ident, literal } from "../../sql";
import type {
	Composite,
	Domain,
	EnumType,
	Extension,
	Range,
	Sequence,
} from "../types";

/** CREATE EXTENSION where its functions are called on the source; its version is the target's own. */
export function createExtension({ name, schema }: Extension): string {
	return `CREATE EXTENSION IF NOT EXISTS ${ident(name)} WITH SCHEMA ${ident(schema)}`;
}

export function createEnum({ schema, name, labels }: EnumType): string {
	return `CREATE TYPE ${ident(schema, name)} AS ENUM (${labels.map(literal).join(", ")})`;
}

/** CREATE DOMAIN without the checks that are added by themselves. */
export function createDomain(
	{ schema, name, type, collation, notNull, default: value, checks }: Domain,
	isInline: (check: Domain["checks"][number]) => boolean,
): string {
	return [
		`CREATE DOMAIN ${ident(schema, name)} AS ${type}`,
		collation && `COLLATE ${collation}`,
		value !== null && `DEFAULT ${value}`,
		notNull && "NOT NULL",
		...checks
			.filter((check) => isInline(check) && !isNotValid(check.definition))
			.map((check) => `CONSTRAINT ${ident(check.name)} ${check.definition}`),
	]
		.filter(Boolean)
		.join(" ");
}

/** A domain's check that cannot stand in its CREATE DOMAIN. */
export function addDomainCheck(
	{ schema, name }: Domain,
	check: Domain["checks"][number],
): string {
	return `ALTER DOMAIN ${ident(schema, name)} ADD CONSTRAINT ${ident(check.name)} ${check.definition}`;
}

/** Only ALTER takes a check that existing values need not meet. */
export function isNotValid(definition: string): boolean {
	return definition.endsWith(" NOT VALID");
}

export function createComposite({ schema, name, fields }: Composite): string {
	const list = fields.map(
		(field) =>
			`${ident(field.name)} ${field.type}${field.collation ? ` COLLATE ${field.collation}` : ""}`,
	);
	return `CREATE TYPE ${ident(schema, name)} AS (${list.join(", ")})`;
}

export function createRange(range: Range): string {
	const parameters = [
		`SUBTYPE = ${range.subtype}`,
		`SUBTYPE_OPCLASS = ${range.operatorClass}`,
		range.collation && `COLLATION = ${range.collation}`,
		range.canonical && `CANONICAL = ${range.canonical}`,
		range.difference && `SUBTYPE_DIFF = ${range.difference}`,
		`MULTIRANGE_TYPE_NAME = ${range.multirange}`,
	].filter(Boolean);
	return `CREATE TYPE ${ident(range.schema, range.name)} AS RANGE (${parameters.join(", ")})`;
}

export function createSequence(sequence: Sequence): string {
	return `CREATE SEQUENCE ${ident(sequence.schema, sequence.name)} AS ${sequence.type} ${sequenceOptions(sequence)}`;
}

/** What stands after CREATE SEQUENCE … or in the parentheses of an identity column. */
export function sequenceOptions({
	start,
	increment,
	min,
	max,
	cache,
	cycle,
}: Sequence): string {
	return `INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max} START WITH ${start} CACHE ${cache} ${cycle ? "CYCLE" : "NO CYCLE"}`;
}
