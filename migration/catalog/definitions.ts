import { ident } from "../sql";
import type { Catalog, Constraint, ForeignKey } from "./types";

/**
 * When a statement may run. A phase is open once the phases before it are done
 * for every table that the statement names; for `index` that means the table's
 * own rows are in, for `attach` its partitions' keys, for `foreign key` the keys
 * of both tables.
 *
 * - `index`: reads one table and takes long; SHARE lock, so that several run
 *   beside each other on one table, in any order, each in its own session
 * - `key`: short, but ACCESS EXCLUSIVE on its table; in the order given
 * - `attach`: joins the indexes of partitions to their parent's; short, in the
 *   order given (the innermost parents come first)
 * - `foreign key`: short where a `validate` follows; locks both tables against
 *   writes; one at a time
 * - `validate`: reads both tables and blocks no reader or writer of theirs; any
 *   order, several at a time
 * - `last`: what must not be there while rows are copied or followed: triggers,
 *   rules, constraints that the source's own rows need not meet; then what is
 *   computed from the rows (materialized views); in the order given
 */
export const PHASES = [
	"index",
	"key",
	"attach",
	"foreign key",
	"validate",
	"last",
] as const;
export type Phase = (typeof PHASES)[number];

export interface Statement {
	readonly phase: Phase;
	/** Without semicolon. */
	readonly sql: string;
}

/** One thing that is made after the rows are in, by itself complete. */
export interface Definition {
	readonly kind:
		| Constraint["kind"]
		| "foreign key"
		| "index"
		| "statistics"
		| "trigger"
		| "rule"
		| "comment"
		| "materialized view";
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	/** To be run in this order, each when its phase is open. */
	readonly statements: readonly Statement[];
}

/**
 * All that `finishSchema` makes, as a list to be built in parallel: keys,
 * constraints, indexes, foreign keys, triggers. The order of the list is a valid
 * order within each phase.
 */
export function definitionsOf(catalog: Catalog): Definition[] {
	const partitioned = new Set(
		catalog.tables
			.filter((table) => table.partitioned)
			.map((table) => ident(table.schema, table.name)),
	);
	const names = new Set(
		catalog.tables
			.filter((table) => !table.partitioned)
			.map((table) => ident(table.schema, table.name)),
	);
	const known = (entry: { schema: string; table: string }) =>
		names.has(ident(entry.schema, entry.table));
	return [
		...catalog.constraints
			.filter(
				(constraint) => known(constraint) && constraint.needs.length === 0,
			)
			.map(constraintDefinition),
		...catalog.indexes
			.filter((index) => known(index) && index.needs.length === 0)
			.map(({ schema, table, name, definition }) => ({
				kind: "index" as const,
				schema,
				table,
				name,
				statements: [{ phase: "index" as const, sql: definition }],
			})),
		...catalog.foreignKeys
			.filter(
				(key) => known(key) && names.has(ident(key.refSchema, key.refTable)),
			)
			.map((key) => foreignKeyDefinition(key, partitioned)),
	];
}

/** The statements of definitions as one list that a single session can run. */
export function inOrder(definitions: readonly Definition[]): string[] {
	return PHASES.flatMap((phase) =>
		definitions.flatMap(({ statements }) =>
			statements
				.filter((statement) => statement.phase === phase)
				.map(({ sql }) => sql),
		),
	);
}

/**
 * A key whose index is plain is built as an index, which takes a SHARE lock and
 * may run beside others, and only then becomes the constraint, which is a matter
 * of the catalog.
 */
function constraintDefinition(constraint: Constraint): Definition {
	const { kind, schema, table, name, definition, index } = constraint;
	const alter = `ALTER TABLE ${ident(schema, table)} ADD CONSTRAINT ${ident(name)}`;
	const statements: Statement[] =
		index === null
			? [
					{
						phase: constraint.validated ? "key" : "last",
						sql: `${alter} ${definition}`,
					},
				]
			: [
					{ phase: "index", sql: index },
					{
						phase: "key",
						sql: `${alter} ${kind.toUpperCase()} USING INDEX ${ident(name)}${deferral(definition)}`,
					},
				];
	return { kind, schema, table, name, statements };
}

/** How pg_get_constraintdef ends for a constraint that may be deferred. */
function deferral(definition: string): string {
	return / DEFERRABLE( INITIALLY DEFERRED)?$/.exec(definition)?.[0] ?? "";
}

/**
 * Added without a look at the rows, then validated beside other work. Not from a
 * partitioned table (PostgreSQL 17 and before refuse it) and not to one: tried on
 * 15 and 17, VALIDATE then leaves the partitions' share unvalidated.
 */
function foreignKeyDefinition(
	key: ForeignKey,
	partitioned: ReadonlySet<string>,
): Definition {
	const { schema, table, name, definition, validated } = key;
	const alter = `ALTER TABLE ${ident(schema, table)}`;
	const add = `${alter} ADD CONSTRAINT ${ident(name)} ${definition}`;
	const split =
		validated &&
		!partitioned.has(ident(schema, table)) &&
		!partitioned.has(ident(key.refSchema, key.refTable));
	const statements: Statement[] = split
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
