import { setTimeout as pause } from "node:timers/promises";
import { tableName } from "../catalog/types";
import {
	type CycleOptions,
	type CycleResult,
	type FollowPlan,
	runCycle,
} from "./cycle";
import type { Pair } from "./pair";
import { type Persistence, persist } from "./persist";
import type { RoutePlan } from "./plan";

/** A cycle whose oldest entry was younger has caught up: writers never rest. */
const CAUGHT_UP_SECONDS = 2;

/**
 * Rest between two cycles, which bounds their share of the source's time: one takes
 * about 20 ms with 30 tables.
 */
const POLL_MS = 250;

/** How often the tables' shape and the user map are looked at where nothing is written. */
const CHECK_MS = 5000;

/**
 * A table that can only be copied as a whole is copied again after this time at the
 * earliest, and so that it takes no more than a tenth of the time.
 */
const RECOPY_MS = 10_000;
const RECOPY_SHARE = 10;

/** What a follower has done since it began. */
export interface FollowTotals {
	cycles: number;
	entries: number;
	deleted: number;
	written: number;
	bytes: number;
	/** Times that a session was lost and opened again. */
	reconnects: number;
	/** The end of the last cycle, in milliseconds since 1970. */
	lastCycleAt: number | null;
	/** Snapshot that the other side is equal to. */
	snapshotAt: string | null;
	/** Tables that were copied as a whole, by name. */
	readonly whole: Map<
		string,
		{ times: number; rows: number; bytes: number; seconds: number }
	>;
}

/** Runs cycles, one after the other, over lost connections. */
export class Follower {
	readonly totals: FollowTotals = {
		cycles: 0,
		entries: 0,
		deleted: 0,
		written: 0,
		bytes: 0,
		reconnects: 0,
		lastCycleAt: null,
		snapshotAt: null,
		whole: new Map(),
	};
	/** When tables may be copied as a whole again, by route. */
	private readonly recopyAt = new Map<RoutePlan, number>();

	constructor(
		private readonly plan: FollowPlan,
		private readonly pair: Pair,
		private readonly options: Persistence,
	) {}

	/** One cycle, again where a connection was lost or somebody was in the way. */
	async cycle(options: CycleOptions = {}): Promise<CycleResult> {
		const result = await this.persist(async () =>
			runCycle(this.plan, await this.pair.open(), options),
		);
		this.count(result);
		return result;
	}

	/** Cycles until the other side is no more than seconds behind. */
	async catchUp(): Promise<CycleResult> {
		for (;;) {
			const result = await this.cycle();
			if (result.lagSeconds < CAUGHT_UP_SECONDS) return result;
		}
	}

	/** Cycles until the journal is empty: ends only where nobody writes. */
	async drain(): Promise<CycleResult> {
		for (;;) {
			const result = await this.cycle();
			if (result.entries === 0) return result;
		}
	}

	/** Cycles until the signal comes, and ends with the cycle that is under way. */
	async follow(signal: AbortSignal): Promise<void> {
		let checkedAt = 0;
		while (!signal.aborted) {
			const due = Date.now() - checkedAt >= CHECK_MS;
			if (due || (await this.hasEntries())) {
				const result = await this.cycle({
					postpone: (plan) =>
						!plan.refers &&
						!plan.referenced &&
						Date.now() < (this.recopyAt.get(plan) ?? 0),
				});
				checkedAt = Date.now();
				// Who is behind does not rest.
				if (result.lagSeconds >= CAUGHT_UP_SECONDS) continue;
			}
			await pause(POLL_MS, undefined, { signal }).catch(() => {});
		}
	}

	/**
	 * Does `work` while both sides hold the rows of one snapshot: it gets the
	 * snapshot's id, valid on the side that is read, and nothing is written to the
	 * other side until it is done.
	 */
	async atSnapshot(work: (snapshot: string) => Promise<void>): Promise<void> {
		await this.cycle({ always: true, inSnapshot: work });
	}

	/** Makes the reject table say which rows do not fit, of all there are. */
	async noteRejects(): Promise<void> {
		await this.cycle({ always: true, allRejects: true });
	}

	private async hasEntries(): Promise<boolean> {
		return this.persist(async () => {
			const { read } = await this.pair.open();
			const { rows } = await read.query(
				'SELECT EXISTS (SELECT FROM cutover.journal) AS "some"',
			);
			return rows[0]?.some === true;
		});
	}

	private persist<T>(work: () => Promise<T>): Promise<T> {
		const onRetry = () => {
			this.totals.reconnects++;
		};
		return persist(this.pair, { ...this.options, onRetry }, work);
	}

	private count(result: CycleResult): void {
		const { totals } = this;
		totals.cycles++;
		totals.entries += result.entries;
		totals.deleted += result.deleted;
		totals.written += result.written;
		totals.bytes += result.bytes;
		totals.lastCycleAt = Date.now();
		totals.snapshotAt = result.snapshotAt;
		for (const { plan, rows, bytes, seconds } of result.whole) {
			const name = tableName(plan.route.from);
			const before = totals.whole.get(name);
			totals.whole.set(name, {
				times: (before?.times ?? 0) + 1,
				rows,
				bytes,
				seconds,
			});
			this.recopyAt.set(
				plan,
				Date.now() + Math.max(RECOPY_MS, seconds * 1000 * RECOPY_SHARE),
			);
		}
	}
}
