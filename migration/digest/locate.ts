import type { ClientBase } from "pg";
import type { Comparison } from "./comparison";
import { Places } from "./places";
import { SortedDigests } from "./sorted";

/** Rows that only one side holds; a changed row is one of either. */
export interface Located {
	readonly source: Places;
	readonly target: Places;
	/** How many there are, also of those that were not kept. */
	readonly sourceRows: number;
	readonly targetRows: number;
}

/**
 * Finds the rows in which a table differs. Both sides send their rows' digests in
 * order, and what only one of them has is kept, up to `most` places a side: one
 * read of the table, memory that follows the differences, and no key needed.
 */
export async function locate(
	source: ClientBase,
	target: ClientBase,
	comparison: Comparison,
	most: number,
): Promise<Located> {
	const [left, right] = await Promise.all([
		SortedDigests.read(source, comparison.source),
		SortedDigests.read(target, [comparison.target]),
	]);
	const found = { source: new Places(), target: new Places() };
	const counts = { source: 0, target: 0 };
	const keep = (side: "source" | "target", digests: SortedDigests) => {
		if (counts[side]++ < most) found[side].add(digests.place());
	};
	let [leftOn, rightOn] = await Promise.all([left.next(), right.next()]);
	while (leftOn || rightOn) {
		const order = !leftOn ? 1 : !rightOn ? -1 : left.compare(right);
		if (order < 0) keep("source", left);
		if (order > 0) keep("target", right);
		if (order <= 0) {
			const next = left.next();
			leftOn = next === true || (await next);
		}
		if (order >= 0) {
			const next = right.next();
			rightOn = next === true || (await next);
		}
	}
	return { ...found, sourceRows: counts.source, targetRows: counts.target };
}
