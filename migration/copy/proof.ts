import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import type { Difference } from "../digest/difference";
import {
	combine,
	digestChunk,
	readSide,
	sameDigest,
	type TableDigest,
	writtenSide,
} from "../digest/table";
import type { Route } from "../route";
import { type BlockRange, splitBlocks } from "./chunks";
import { type Lane, readSnapshot, type Snapshot } from "./lane";
import type { Task } from "./tasks";

/** About what PostgreSQL's pages hold; only the balance of the parts hangs on it. */
const BLOCK_BYTES = 8192;

/**
 * The proof of a copy, taken while it runs: both sides digest what they hold, the
 * source in the snapshot that is copied, the target once a table's rows are in.
 * The digests fill the time in which the lanes would wait for each other.
 */
export class CopyProof {
	private readonly found = new Map<
		Route,
		{ readonly source: TableDigest[]; readonly target: TableDigest[] }
	>();

	constructor(
		private readonly routes: readonly Route[],
		private readonly jobs: number,
	) {}

	/** The digests as tasks of the copy; see CopyOptions.beside. */
	tasks(
		snapshot: Snapshot,
		rows: (table: Route["to"]) => readonly Task<Lane>[],
	): Task<Lane>[] {
		return this.routes.flatMap((route) => {
			const found = { source: [], target: [] };
			this.found.set(route, found);
			const { from } = route;
			// The target's blocks are not known yet; a copy has about as many.
			return splitBlocks(
				{ bytes: from.bytes, blocks: Math.ceil(from.bytes / BLOCK_BYTES) },
				this.jobs,
			).flatMap((range) => [
				this.task(route, [], found.source, async (lane) => {
					const source = await lane.source();
					return readSnapshot(source, snapshot, () =>
						digestChunk(source, readSide(route), range),
					);
				}),
				this.task(route, rows(route.to), found.target, async (lane) =>
					digestTarget(await lane.target(), route, range),
				),
			]);
		});
	}

	/** The tables whose digests differ; call it when all tasks are done. */
	differences(): Difference[] {
		return [...this.found].flatMap(([route, parts]) => {
			const source = combine(parts.source);
			const target = combine(parts.target);
			if (sameDigest(source, target)) return [];
			return [
				{
					table: tableName(route.to),
					kind: "content" as const,
					detail: `${source.rows} rows read, ${target.rows} on the target, digests ${source.digest === target.digest ? "equal" : "differ"}`,
				},
			];
		});
	}

	private task(
		route: Route,
		after: readonly Task<Lane>[],
		into: TableDigest[],
		digest: (lane: Lane) => Promise<TableDigest>,
	): Task<Lane> {
		return {
			name: `digest of ${tableName(route.to)}`,
			// After all else that could run: nothing waits for a digest.
			rank: -1,
			after,
			run: async (lane) => {
				into.push(await lane.withRetry(() => digest(lane)));
			},
		};
	}
}

async function digestTarget(
	target: ClientBase,
	route: Route,
	range: BlockRange,
): Promise<TableDigest> {
	return digestChunk(target, writtenSide(route), range);
}
