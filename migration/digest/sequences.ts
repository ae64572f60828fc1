import type { ClientBase } from "pg";
import { type Sequence, tableName } from "../catalog/types";
import type { SequenceValue } from "../copy/manifest";
import { matchSequence, readSequences } from "../copy/sequences";
import type { Difference } from "./difference";

/** Sequences of both sides, as the catalogs list them. */
export interface SequencePair {
	readonly source: readonly Sequence[];
	readonly target: readonly Sequence[];
}

/** A sequence of the source whose twin on the target has not come as far. */
export interface LaggingSequence {
	readonly value: SequenceValue;
	/** Where its twin stands; undefined where there is none. */
	readonly found: SequenceValue | undefined;
}

/**
 * A sequence on the target must stand at least where the source's does, else it
 * hands out numbers that are taken. It may stand further: new rows draw from it.
 */
export async function laggingSequences(
	source: ClientBase,
	target: ClientBase,
	sequences: SequencePair,
): Promise<LaggingSequence[]> {
	const [values, others] = await Promise.all([
		readSequences(source, sequences.source),
		readSequences(target, sequences.target),
	]);
	return values.flatMap((value) => {
		const twin = matchSequence(value, sequences.target);
		const found = others.find(
			({ schema, name }) => schema === twin?.schema && name === twin.name,
		);
		const direction = BigInt(twin?.increment ?? 1) < 0n ? -1n : 1n;
		const ahead =
			found && (position(found) - position(value)) * direction >= 0n;
		return ahead ? [] : [{ value, found }];
	});
}

/** A sequence that lags, as a difference. */
export function sequenceDifference({
	value,
	found,
}: LaggingSequence): Difference {
	return {
		table: tableName(value),
		kind: "sequence",
		detail: found
			? `at ${found.lastValue} on the target, at ${value.lastValue} on the source`
			: "missing on the target",
	};
}

/** Twice the last value, plus one once it has been handed out: orders both parts. */
function position({ lastValue, isCalled }: SequenceValue): bigint {
	return BigInt(lastValue) * 2n + (isCalled ? 1n : 0n);
}
