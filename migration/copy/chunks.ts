import type { Route } from "../route";
import { ident } from "../sql";

/** A range of a table's blocks; the last one is open, as tables grow. */
export interface BlockRange {
	readonly from: number;
	/** The first block after it; null for the open end. */
	readonly to: number | null;
}

/**
 * Chunks smaller than this cost more in round trips than their balance over the
 * lanes gains; larger than this, a run that was cut short repeats too much.
 */
const SMALLEST_CHUNK = 16_000_000;
const LARGEST_CHUNK = 512_000_000;

/** So many chunks a lane let the lanes end within a fraction of each other. */
const CHUNKS_PER_LANE = 4;

/**
 * Divides a table's blocks into chunks of about equal size: several for each of
 * `jobs` lanes where the table is large, else a single open one. A partitioned
 * table has no blocks of its own and is one chunk.
 */
export function splitBlocks(
	table: { readonly bytes: number; readonly blocks: number },
	jobs: number,
): BlockRange[] {
	const wished = table.bytes / (jobs * CHUNKS_PER_LANE);
	const size = Math.min(Math.max(wished, SMALLEST_CHUNK), LARGEST_CHUNK);
	const count = Math.max(
		1,
		Math.min(Math.floor(table.bytes / size), table.blocks),
	);
	return Array.from({ length: count }, (_, index) => ({
		from: Math.floor((index * table.blocks) / count),
		to:
			index === count - 1
				? null
				: Math.floor(((index + 1) * table.blocks) / count),
	}));
}

/** SQL condition over t for the rows of a range; undefined for a whole table. */
export function inRange({ from, to }: BlockRange): string | undefined {
	// ctid ranges are read by a TID range scan from PostgreSQL 14 on.
	const lower = from > 0 ? [`t.ctid >= '(${from},0)'::tid`] : [];
	const upper = to === null ? [] : [`t.ctid < '(${to},0)'::tid`];
	return [...lower, ...upper].join(" AND ") || undefined;
}

/** What a route is called in records: unlike any other of one target. */
export function routeName({ from, to }: Pick<Route, "from" | "to">): string {
	const source = ident(from.schema, from.name);
	const target = ident(to.schema, to.name);
	return source === target ? source : `${source} to ${target}`;
}
