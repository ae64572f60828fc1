import type { ClientBase } from "pg";
import {
	type Catalog,
	type Name,
	type Sequence,
	tableName,
} from "../catalog/types";
import type { SequenceValue } from "../copy/manifest";
import {
	furthestRow,
	matchSequence,
	readSequences,
	servedColumns,
} from "../copy/sequences";
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
		const ahead = found && twin && !isBehind(twin, found, value);
		return ahead ? [] : [{ value, found }];
	});
}

/**
 * Sequences of the target that would hand out a number which one of the tables has:
 * with another schema nothing on the source tells where they should stand.
 */
export async function sequencesBehindRows(
	target: ClientBase,
	catalog: Catalog,
	tables: readonly Name[],
): Promise<Difference[]> {
	const served = servedColumns(catalog, tables);
	const stand = await readSequences(
		target,
		served.map(({ sequence }) => sequence),
	);
	const differences: Difference[] = [];
	for (const [at, one] of served.entries()) {
		const found = stand[at];
		const [row] = await furthestRow(target, one);
		if (row && found && isBehind(one.sequence, found, row))
			differences.push({
				table: tableName(one.sequence),
				kind: "sequence",
				detail: `at ${found.lastValue} on the target, where ${tableName(one.table)}.${one.column.name} has come to ${row.lastValue}`,
			});
	}
	return differences;
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

function isBehind(
	{ increment }: Sequence,
	found: SequenceValue,
	wanted: SequenceValue,
): boolean {
	const direction = increment.startsWith("-") ? -1n : 1n;
	return (position(found) - position(wanted)) * direction < 0n;
}

/** Twice the last value, plus one once it has been handed out: orders both parts. */
function position({ lastValue, isCalled }: SequenceValue): bigint {
	return BigInt(lastValue) * 2n + (isCalled ? 1n : 0n);
}
