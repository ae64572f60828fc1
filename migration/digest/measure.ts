import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { splitBlocks } from "../copy/chunks";
import { releasingLocks } from "../copy/lane";
import { runTasks } from "../copy/tasks";
import type { Progress } from "../progress";
import { ident } from "../sql";
import { isRewritten } from "./sessions";
import type { Side } from "./side";
import { combine, digestChunk, type TableDigest } from "./table";

/** A side's digest and the time it took, as performance.now() has it. */
export interface Measured extends TableDigest {
	readonly startedAt: number;
	readonly endedAt: number;
	/** The table was emptied or written anew meanwhile: the digest says nothing. */
	readonly rewritten: boolean;
}

/** How much there is to read. */
export interface Extent {
	/** With TOAST, without indexes; all partitions together. */
	readonly bytes: number;
	/** Blocks of the largest partition; 0 where a part has no blocks, as foreign tables. */
	readonly blocks: number;
}

/**
 * A whole scan keeps to a ring of buffers; a range of blocks takes a twentieth more
 * time and goes through all of the server's. So one session reads a table as a
 * whole, up to a size whose progress people want to see.
 */
const WHOLE_BYTES = 4_000_000_000;

/**
 * Digests whole sides over sessions that share a snapshot, the largest first,
 * large ones in parts: a range of blocks is a range of every partition's blocks.
 * Memory does not grow with the data.
 */
export async function digestSides(
	sessions: readonly ClientBase[],
	sides: readonly Side[],
	extents: ReadonlyMap<Side, Extent>,
	progress: Progress,
): Promise<Map<Side, Measured>> {
	const parts = new Map<Side, Measured[]>(sides.map((side) => [side, []]));
	const tasks = sides.flatMap((side) => {
		const extent = extents.get(side) ?? { bytes: 0, blocks: 0 };
		const ranges =
			sessions.length > 1 || extent.bytes > WHOLE_BYTES
				? splitBlocks(extent, sessions.length)
				: [{ from: 0, to: null }];
		return ranges.map((range) => ({
			name: `digest of ${tableName(side.table)}`,
			rank: extent.bytes,
			after: [],
			run: async (session: ClientBase) => {
				progress.at(tableName(side.table));
				const startedAt = performance.now();
				const digest = await releasingLocks(session, async () => ({
					...(await digestChunk(session, side, range)),
					rewritten: await isRewritten(session, side.table),
				}));
				parts
					.get(side)
					?.push({ ...digest, startedAt, endedAt: performance.now() });
				progress.add({
					rows: digest.rows,
					bytes: extent.bytes / ranges.length,
				});
			},
		}));
	});
	await runTasks(tasks, sessions);
	return new Map(
		[...parts].map(([side, measured]) => [side, together(measured)]),
	);
}

/** The digest of all, from the first start to the last end. */
export function together(measured: readonly Measured[]): Measured {
	return {
		...combine(measured),
		startedAt: Math.min(...measured.map(({ startedAt }) => startedAt)),
		endedAt: Math.max(...measured.map(({ endedAt }) => endedAt)),
		rewritten: measured.some(({ rewritten }) => rewritten),
	};
}

/** Reads how much there is to read of each side. */
export async function readExtents(
	client: ClientBase,
	sides: readonly Side[],
): Promise<Map<Side, Extent>> {
	const { rows } = await client.query<Extent & { at: number }>(
		`
		WITH RECURSIVE tree (at, oid) AS (
			SELECT n.at, n.name::regclass::oid FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
			UNION ALL
			SELECT tree.at, i.inhrelid
			FROM tree
			JOIN pg_class c ON c.oid = tree.oid AND c.relkind = 'p'
			JOIN pg_inherits i ON i.inhparent = tree.oid
		)
		SELECT tree.at::int4 AS "at",
			coalesce(sum(pg_table_size(tree.oid)), 0)::float8 AS "bytes",
			CASE WHEN bool_and(c.relkind IN ('r', 'p')) THEN
				(max(pg_relation_size(tree.oid)) / current_setting('block_size')::int)::float8
			ELSE 0 END AS "blocks"
		FROM tree JOIN pg_class c ON c.oid = tree.oid
		GROUP BY tree.at
		`,
		[sides.map(({ table }) => ident(table.schema, table.name))],
	);
	return new Map(
		rows.flatMap(({ at, bytes, blocks }) => {
			const side = sides[at - 1];
			return side ? [[side, { bytes, blocks }]] : [];
		}),
	);
}
