import { ident } from "../../sql";
import type { Definition, Statement } from "../definitions";
import type { Constraint, ForeignKey, Index, Name } from "../types";

/** The indexes of partitions that an index is put together from. */
export type Parts = readonly Name[];

/**
 * A key whose index is plain is built as an index, which takes a SHARE lock and
 * may run beside others, and only then becomes the constraint, which is a matter
 * of the catalog. A partitioned table's key is put together from its partitions'.
 */
export function constraintDefinition(
	constraint: Constraint,
	partitioned: boolean,
	parts: Parts,
): Definition {
	const { kind, schema, table, name } = constraint;
	return {
		kind,
		schema,
		table,
		name,
		statements:
			kind === "check"
				? checkStatements(constraint)
				: partitioned
					? [
							{
								phase: "attach",
								sql: `ALTER TABLE ONLY ${ident(schema, table)} ADD CONSTRAINT ${ident(name)} ${constraint.definition}`,
							},
							...attach(ident(schema, name), parts),
						]
					: keyStatements(constraint),
	};
}

/** An index; a partitioned table's is put together from its partitions'. */
export function indexDefinition(
	{ schema, table, name, definition }: Index,
	phase: "index" | "attach" | "last",
	parts: Parts,
): Definition {
	return {
		kind: "index",
		schema,
		table,
		name,
		statements: [
			{ phase, sql: definition },
			...attach(ident(schema, name), parts),
		],
	};
}

/**
 * Added without a look at the rows, then validated beside other work. Not from a
 * partitioned table (PostgreSQL 17 and before refuse it) and not to one: tried on
 * 15 and 17, VALIDATE then leaves the partitions' share unvalidated.
 */
export function foreignKeyDefinition(
	key: ForeignKey,
	ofPartitioned: boolean,
): Definition {
	const { schema, table, name, definition, validated } = key;
	const alter = `ALTER TABLE ${ident(schema, table)}`;
	const add = `${alter} ADD CONSTRAINT ${ident(name)} ${definition}`;
	const statements: Statement[] =
		validated && !ofPartitioned
			? [
					{ phase: "foreign key", sql: `${add} NOT VALID` },
					{
						phase: "validate",
						sql: `${alter} VALIDATE CONSTRAINT ${ident(name)}`,
					},
				]
			: [{ phase: validated ? "foreign key" : "last", sql: add }];
	return { kind: "foreign key", schema, table, name, statements };
}

function checkStatements(check: Constraint): Statement[] {
	const { schema, table, name, definition, validated } = check;
	const alter = `ALTER TABLE ${ident(schema, table)}`;
	const add = `${alter} ADD CONSTRAINT ${ident(name)} ${definition}`;
	return validated
		? [
				{ phase: "key", sql: `${add} NOT VALID` },
				{
					phase: "validate",
					sql: `${alter} VALIDATE CONSTRAINT ${ident(name)}`,
				},
			]
		: [{ phase: "last", sql: add }];
}

function keyStatements(constraint: Constraint): Statement[] {
	const { kind, schema, table, name, definition, index } = constraint;
	const add = `ALTER TABLE ${ident(schema, table)} ADD CONSTRAINT ${ident(name)}`;
	return index === null
		? [{ phase: "key", sql: `${add} ${definition}` }]
		: [
				{ phase: "index", sql: index },
				{
					phase: "key",
					sql: `${add} ${kind.toUpperCase()} USING INDEX ${ident(name)}${deferral(definition)}`,
				},
			];
}

/** How pg_get_constraintdef ends for a constraint that may be deferred. */
function deferral(definition: string): string {
	return / DEFERRABLE( INITIALLY DEFERRED)?$/.exec(definition)?.[0] ?? "";
}

function attach(index: string, parts: Parts): Statement[] {
	return parts.map((part) => ({
		phase: "attach",
		sql: `ALTER INDEX ${index} ATTACH PARTITION ${ident(part.schema, part.name)}`,
	}));
}
