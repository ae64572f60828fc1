import type { Offer } from "./offer";
import { planSchema } from "./plan/plan";
import type { Catalog, Constraint } from "./types";

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
		/** The rows of a materialized view. */
		| "materialized view"
		/** What could stand before the rows but needs a key, as a view that groups by one. */
		| "late";
	readonly schema: string;
	/** The table or view that it belongs to. */
	readonly table: string;
	readonly name: string;
	/** To be run in this order, each when its phase is open; none opens before the one before it. */
	readonly statements: readonly Statement[];
}

/**
 * All that is made once the rows are in, as a list to be built in parallel: keys,
 * constraints, indexes, foreign keys, triggers and more. The order of the list is
 * a valid order within each phase. Without `offer` the target is taken to have
 * whatever is asked for.
 */
export function definitionsOf(catalog: Catalog, offer?: Offer): Definition[] {
	return [...planSchema(catalog, offer).definitions];
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
