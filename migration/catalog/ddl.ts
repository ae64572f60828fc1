import { ExitCode, MigrationError } from "../errors";
import { definitionsOf, inOrder } from "./definitions";
import type { LeftOut } from "./left-out";
import type { Offer } from "./offer";
import { planSchema, UNCHECKED } from "./plan/plan";
import type { Catalog } from "./types";

/**
 * SQL that makes all of a catalog that rows do not wait for, in an empty database
 * of the same or a newer version: schemas, extensions, types, sequences, functions,
 * tables, partitions, views. What cannot come along is left out, each with a comment
 * that says why; without `offer` the target is taken to have whatever is asked for.
 * A target that cannot hold a table is refused: its rows would be lost.
 */
export function createSchema(catalog: Catalog, offer?: Offer): string {
	const { create, leftOut } = planSchema(catalog, offer);
	if (offer) refuseBlocked(leftOut);
	return [
		...leftOut.map(
			({ object, why }) =>
				`-- left out: ${`${object}: ${why}`.replaceAll(/\s+/g, " ")}\n`,
		),
		script([UNCHECKED, ...create]),
	].join("");
}

/** SQL that adds keys, checks, indexes, foreign keys, triggers and the like to loaded tables. */
export function finishSchema(catalog: Catalog, offer?: Offer): string {
	return script(inOrder(definitionsOf(catalog, offer)));
}

/** What of a source does not come along, each with why and what to do. */
export function leftOut(catalog: Catalog, offer?: Offer): LeftOut[] {
	return [...planSchema(catalog, offer).leftOut];
}

function refuseBlocked(leftOut: readonly LeftOut[]): void {
	const blocking = leftOut.filter(({ blocks }) => blocks);
	if (blocking.length === 0) return;
	throw new MigrationError(
		{
			expected: "a target that can hold every table",
			found: blocking
				.map(({ object, why }) => `${object}: ${why}`)
				.join("\n         "),
			fix: [
				...new Set(blocking.map(({ todo }) => todo)),
				"or leave the table behind with --exclude",
			].join("\n         "),
		},
		ExitCode.refused,
	);
}

function script(statements: readonly string[]): string {
	return statements.map((statement) => `${statement};\n`).join("");
}
