import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { describeFailure } from "../follow/failure";
import { Progress } from "../progress";
import { type Route, selectRows } from "../route";
import { ident, idents } from "../sql";
import type { CopyProgress } from "../step-metrics";
import { analyze } from "./analyze";
import { inRange } from "./chunks";
import {
	beginSnapshot,
	callLane,
	endLeftovers,
	exportSnapshot,
	Lane,
	releasingLocks,
	type Snapshot,
} from "./lane";
import { type Chunk, type CopyPlan, emptyTable, layOut } from "./layout";
import { chunkDone, readChunk, readStatements } from "./record";
import { relayCopy } from "./relay";
import { statementTasks } from "./statements";
import { runTasks, type Task } from "./tasks";

/** The two databases of a copy. */
export interface Addresses {
	readonly source: DatabaseAddress;
	readonly target: DatabaseAddress;
}

export interface CopyOptions {
	/** Lanes: so many tables, parts of tables or indexes at a time. */
	readonly jobs: number;
	/** Gets what tells how far the rows have come; gives what ends that. */
	readonly onProgress?: (read: () => CopyProgress) => () => void;
	/**
	 * Makes one state of rows that were read in several snapshots, after a copy was
	 * cut short: applies the journal. Without it such a copy is refused.
	 */
	readonly settle?: () => Promise<void>;
	/**
	 * Sees to it that a crash of the source cannot take back what a snapshot shows.
	 * Without it such a crash ends the copy for good.
	 */
	readonly flush?: () => Promise<void>;
	/** Further work in the same lanes, while the snapshot is held. */
	readonly beside?: (
		snapshot: Snapshot,
		/** The tasks after which a table's rows are on the target. */
		rows: (table: Route["to"]) => readonly Task<Lane>[],
	) => readonly Task<Lane>[];
}

export interface CopyResult {
	/** Of the snapshot of this run. */
	readonly snapshotAt: string;
	readonly rows: number;
	/** On the wire; with those of earlier runs. */
	readonly bytes: number;
	readonly chunks: number;
	/** Chunks that an earlier run had brought. */
	readonly chunksDoneBefore: number;
	readonly counts: ReadonlyMap<Route, number>;
}

/**
 * Copies the rows of all routes, then makes what the definitions say: the indexes
 * of a table as soon as its rows are in, beside the copies of others. All lanes
 * read one snapshot. The target's tables must be there and may hold nothing that is
 * to stay; no trigger may fire on them.
 *
 * How far it has come is noted on the target: called again after whatever
 * interruption, it goes on with what is missing. As the first snapshot is gone
 * then, `settle` has to make one state of all rows before unique indexes are built.
 */
export async function copyRoutes(
	addresses: Addresses,
	plan: CopyPlan,
	options: CopyOptions,
): Promise<CopyResult> {
	return withConnection(addresses.source, { readOnly: true }, (lead) =>
		withConnection(addresses.target, { readOnly: false }, async (target) => {
			await endLeftovers(target);
			await callLane(target);
			const snapshot = await exportSnapshot(lead);
			await options.flush?.();
			// A lock of the session that keeps the snapshot would last as long as that.
			const chunks = await releasingLocks(lead, () =>
				layOut(lead, target, plan, options.jobs),
			);
			const mixed = isMixed(chunks);
			if (mixed && !options.settle) throw cannotGoOn();
			const lanes = Array.from(
				{ length: options.jobs },
				() => new Lane(addresses),
			);
			const run = new ChunkTasks(snapshot, chunks);
			const endProgress = options.onProgress?.(() => run.read());
			try {
				const beside =
					options.beside?.(snapshot, (table) => run.bringing(table)) ?? [];
				const finishing = statementTasks(await readStatements(target), {
					rows: (table) => (mixed ? [] : run.bringing(table)),
					allRows: mixed ? [] : run.tasks,
					bytes: (table) => run.bytesOf(table),
				});
				const last = statistics(plan.routes, [
					...(mixed ? [] : run.tasks),
					...finishing,
				]);
				if (mixed) {
					await runTasks([...run.tasks, ...beside], lanes);
					await options.settle?.();
					await runTasks([...finishing, ...last], lanes);
				} else
					await runTasks(
						[...run.tasks, ...beside, ...finishing, ...last],
						lanes,
					);
				return run.result();
			} finally {
				run.end();
				endProgress?.();
				await Promise.all(lanes.map((lane) => lane.close()));
			}
		}),
	);
}

/** Whether the chunks are, or are going to be, of more than one snapshot. */
function isMixed(chunks: readonly Chunk[]): boolean {
	const done = chunks.filter(({ rows }) => rows !== null);
	const snapshots = new Set(done.map(({ snapshotAt }) => snapshotAt));
	return (
		snapshots.size + (0 < done.length && done.length < chunks.length ? 1 : 0) >
		1
	);
}

/** Takes the statistics of all tables that routes fill. */
function statistics(
	routes: readonly Route[],
	after: readonly Task<Lane>[],
): Task<Lane>[] {
	return routes.map(({ from, to }) => ({
		name: `statistics of ${tableName(to)}`,
		rank: from.bytes,
		after,
		run: (lane) =>
			lane.withRetry(async () => {
				await analyze(await lane.target(), to);
			}),
	}));
}

function cannotGoOn(): MigrationError {
	return new MigrationError(
		{
			expected: "an empty target",
			found:
				"a copy that was cut short; what it had read is of an earlier time than what is missing",
			fix: "empty the target's database and copy again; sync goes on where it stood, as it notes the changes in between",
		},
		ExitCode.refused,
	);
}

/** One run's chunks as tasks, with what has come of them. */
class ChunkTasks {
	readonly tasks: readonly Task<Lane>[];
	private readonly ofChunk = new Map<Chunk, Task<Lane>>();
	private readonly copied = new Map<Chunk, { rows: number; bytes: number }>();
	private readonly progress: Progress;

	constructor(
		private readonly snapshot: Snapshot,
		private readonly chunks: readonly Chunk[],
	) {
		const pending = chunks.filter(({ rows }) => rows === null);
		this.progress = new Progress(
			"copy",
			pending.reduce((sum, chunk) => sum + this.share(chunk), 0),
		);
		for (const chunk of pending)
			this.ofChunk.set(chunk, {
				name: `rows of ${tableName(chunk.source.to)}`,
				rank: chunk.source.from.bytes,
				after: [],
				run: (lane) => this.copy(lane, chunk),
			});
		this.tasks = [...this.ofChunk.values()];
	}

	/** The tasks that bring a table's rows; all, for a table that no route names, as a partition may be. */
	bringing(table: { schema: string; name: string }): readonly Task<Lane>[] {
		const into = this.chunks.filter(
			({ source: { to } }) =>
				to.schema === table.schema && to.name === table.name,
		);
		return into.length === 0
			? this.tasks
			: into.flatMap((chunk) => this.ofChunk.get(chunk) ?? []);
	}

	/** Bytes of the largest table that fills this one. */
	bytesOf(table: { schema: string; name: string }): number {
		return this.chunks.reduce(
			(most, { source: { to, from } }) =>
				to.schema === table.schema && to.name === table.name
					? Math.max(most, from.bytes)
					: most,
			0,
		);
	}

	result(): CopyResult {
		const counts = new Map<Route, number>();
		let bytes = 0;
		for (const chunk of this.chunks) {
			const { rows, bytes: size } = this.copied.get(chunk) ?? chunk;
			counts.set(chunk.source, (counts.get(chunk.source) ?? 0) + (rows ?? 0));
			bytes += size ?? 0;
		}
		return {
			snapshotAt: this.snapshot.at,
			rows: [...counts.values()].reduce((sum, rows) => sum + rows, 0),
			bytes,
			chunks: this.chunks.length,
			chunksDoneBefore: this.chunks.length - this.tasks.length,
			counts,
		};
	}

	/** How far it has come, with what an earlier run had brought. */
	read(): CopyProgress {
		const before = this.chunks.filter(({ rows }) => rows !== null);
		const bytes = before.reduce((sum, chunk) => sum + (chunk.bytes ?? 0), 0);
		const missing = new Set(
			this.chunks
				.filter((chunk) => chunk.rows === null && !this.copied.has(chunk))
				.map(({ route }) => route),
		);
		const tables = new Set(this.chunks.map(({ route }) => route)).size;
		const { rows, bytes: now, totalBytes } = this.progress.amount();
		return {
			rows: rows + before.reduce((sum, chunk) => sum + (chunk.rows ?? 0), 0),
			bytes: bytes + now,
			expectedBytes: bytes + totalBytes,
			tables,
			tablesDone: tables - missing.size,
		};
	}

	end(): void {
		this.progress.end();
	}

	/** What a chunk is expected to weigh, for the progress. */
	private share({ source, route }: Chunk): number {
		return (
			source.from.bytes /
			this.chunks.filter((chunk) => chunk.route === route).length
		);
	}

	private async copy(lane: Lane, chunk: Chunk): Promise<void> {
		this.progress.at(tableName(chunk.source.to));
		let seen = 0;
		const copied = await lane.withRetry(async (again) => {
			const target = await lane.target();
			if (again) {
				const done = await readChunk(target, chunk);
				if (done) return done;
			}
			this.progress.add({ bytes: -seen });
			seen = 0;
			return copyChunk(lane, chunk, this.snapshot, (bytes) => {
				seen += bytes;
				this.progress.add({ bytes });
			});
		});
		this.copied.set(chunk, copied);
		this.progress.add({ rows: copied.rows });
		this.progress.settle(this.share(chunk), copied.bytes);
	}
}

/**
 * Only a table that its transaction has emptied takes rows as frozen ones, and no
 * partitioned one does.
 */
function isFrozen({ whole, intoPartitioned }: Chunk): boolean {
	return whole && !intoPartitioned;
}

/** Brings a chunk's rows and notes them, in one transaction of the target. */
async function copyChunk(
	lane: Lane,
	chunk: Chunk,
	snapshot: Snapshot,
	onBytes: (bytes: number) => void,
): Promise<{ rows: number; bytes: number }> {
	const { source: route, whole, intoPartitioned } = chunk;
	const [source, target] = [await lane.source(), await lane.target()];
	const into = ident(route.to.schema, route.to.name);
	const columns = idents(route.columns.map(({ column }) => column.name));
	const format = `FORMAT ${route.format}`;
	const copied = await relayCopy(
		source,
		target,
		{
			out: `
				${beginSnapshot(snapshot)};
				COPY (${selectRows(route, inRange(chunk), chunk.part)}) TO STDOUT (${format})`,
			into: `
				BEGIN;
				${whole ? `${emptyTable(route, intoPartitioned)};` : ""}
				COPY ${into} (${columns}) FROM STDIN (${format}${isFrozen(chunk) ? ", FREEZE" : ""})`,
		},
		onBytes,
	).catch((error) => {
		throw describeFailure(error);
	});
	if (!whole) await refuseRewritten(source, chunk);
	await Promise.all([
		source.query("COMMIT"),
		target.query(
			`${chunkDone(chunk, { ...copied, snapshotAt: snapshot.at })}; COMMIT`,
		),
	]);
	return copied;
}

/**
 * VACUUM FULL, CLUSTER and some ALTER TABLE move all rows to other blocks. While
 * the transaction that has read the chunk is open, none of them can begin.
 */
export async function refuseRewritten(
	source: ClientBase,
	{
		source: { from },
		part,
		filenode,
	}: Pick<Chunk, "source" | "part" | "filenode">,
): Promise<void> {
	const { rows } = await source.query<{ filenode: number | null }>(
		`SELECT pg_relation_filenode($1::regclass)::int8::float8 AS "filenode"`,
		[part ?? ident(from.schema, from.name)],
	);
	if (rows[0]?.filenode === filenode) return;
	throw new MigrationError(
		{
			expected: `${tableName(from)} to keep its place on disk while it is copied in parts`,
			found:
				"it was rewritten in the meantime (VACUUM FULL, CLUSTER, ALTER TABLE or TRUNCATE)",
			fix: "run again, when nobody rewrites tables: this table begins anew",
		},
		ExitCode.refused,
	);
}
