import type { ClientBase } from "pg";
import { type Sequence, tableName } from "../catalog/types";
import { matchSequence, readSequences } from "../copy/sequences";
import type { Difference } from "./difference";

/**
 * A sequence on the target must stand at least where the source's does, else it
 * hands out numbers that are taken. It may stand further: new rows draw from it.
 */
export async function verifySequences(
	source: ClientBase,
	target: ClientBase,
	sequences: {
		readonly source: readonly Sequence[];
		readonly target: readonly Sequence[];
	},
): Promise<Difference[]> {
	const differences: Difference[] = [];
	const values = await readSequences(source, sequences.source);
	const others = await readSequences(target, sequences.target);
	for (const value of values) {
		const twin = matchSequence(value, sequences.target);
		const found = others.find(
			({ schema, name }) => schema === twin?.schema && name === twin.name,
		);
		const increment = BigInt(twin?.increment ?? 1);
		const ahead =
			found && (position(found) - position(value)) * (increment < 0 ? -1n : 1n);
		if (ahead === undefined || ahead < 0n)
			differences.push({
				table: tableName(value),
				kind: "sequence",
				detail: found
					? `at ${found.lastValue} on the target, at ${value.lastValue} on the source`
					: "missing on the target",
			});
	}
	return differences;
}

/** Twice the last value, plus one once it has been handed out: orders both parts. */
function position({
	lastValue,
	isCalled,
}: {
	lastValue: string;
	isCalled: boolean;
}): bigint {
	return BigInt(lastValue) * 2n + (isCalled ? 1n : 0n);
}
