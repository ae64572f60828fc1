import type { ClientBase } from "pg";
import type { Sequence } from "../catalog/types";
import { ident } from "../sql";
import type { SequenceValue } from "./manifest";

/**
 * The target's sequence that stands for the source's: the one that serves the
 * same column, as identity and serial columns may name theirs differently, else
 * the one of the same name.
 */
export function matchSequence(
	value: SequenceValue,
	target: readonly Sequence[],
): Sequence | undefined {
	const { ownedBy } = value;
	return (
		target.find(
			(sequence) =>
				ownedBy !== null &&
				sequence.schema === value.schema &&
				sequence.ownedBy?.table === ownedBy.table &&
				sequence.ownedBy.column === ownedBy.column,
		) ??
		target.find(
			(sequence) =>
				sequence.schema === value.schema && sequence.name === value.name,
		)
	);
}

/** Puts the target's sequences where the source's stood. */
export async function setSequences(
	client: ClientBase,
	values: readonly SequenceValue[],
	target: readonly Sequence[],
): Promise<void> {
	for (const value of values) {
		const sequence = matchSequence(value, target);
		if (!sequence) continue;
		await client.query("SELECT setval($1::regclass, $2::bigint, $3)", [
			ident(sequence.schema, sequence.name),
			value.lastValue,
			value.isCalled,
		]);
	}
}

/** Reads where sequences stand. No snapshot holds them: these are the values now. */
export async function readSequences(
	client: ClientBase,
	sequences: readonly Sequence[],
): Promise<SequenceValue[]> {
	if (sequences.length === 0) return [];
	const { rows } = await client.query<{
		at: number;
		last: string;
		called: boolean;
	}>(
		sequences
			.map(
				({ schema, name }, at) =>
					`SELECT ${at} AS "at", last_value::text AS "last", is_called AS "called" FROM ${ident(schema, name)}`,
			)
			.join(" UNION ALL "),
	);
	return rows.map(({ at, last, called }) => {
		const { schema, name, ownedBy } = sequences[at] as Sequence;
		return { schema, name, ownedBy, lastValue: last, isCalled: called };
	});
}
