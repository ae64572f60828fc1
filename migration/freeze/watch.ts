import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { connect, type DatabaseAddress } from "../connection";
import { metricLines, type Sample, type WATCH_METRICS } from "../metrics";
import { type FreezeState, readFreezeState, type Written } from "./state";

const POLL_MS = 2000;

/** A look that takes longer is given up: the source hangs. */
const PATIENCE_MS = 5000;

/** Who else uses the source. */
interface Residual {
	readonly sessions: number;
	/** Transactions of the database since its counters began, ours too. */
	readonly transactions: number;
}

/**
 * Looks at a frozen source every two seconds: whether the barrier stands, what was
 * written even so, and who still uses the database. Goes on over lost connections.
 */
export class FreezeWatch {
	/** null before the first look, and while the source cannot be asked. */
	private seen: { state: FreezeState | null; sessions: number } | null = null;
	private readonly writes = new Map<string, Written>();
	private session: Client | undefined;
	private first: number | undefined;
	private looks = 0;
	private transactions = 0;

	constructor(
		private readonly source: DatabaseAddress,
		/** Gets a line for people: the first write to each table, what changes. */
		private readonly onNotice: (line: string) => void,
	) {}

	/** Looks until the signal comes; fails where the source lets us in not even once. */
	async run(signal: AbortSignal): Promise<void> {
		this.session = await connect(this.source, { readOnly: true });
		while (!signal.aborted) {
			await this.look();
			await pause(POLL_MS, undefined, { signal }).catch(() => {});
		}
		await this.session?.end().catch(() => {});
	}

	/** The metrics in Prometheus' text format. */
	metrics(): string {
		const { seen } = this;
		const one = (value: number | null): Sample[] => [{ labels: {}, value }];
		const samples: Record<keyof typeof WATCH_METRICS, readonly Sample[]> = {
			cutover_watch_up: one(seen ? 1 : 0),
			cutover_barrier_up: one(seen && Number(stands(seen.state))),
			cutover_freeze_seconds_left: one(seen?.state?.secondsLeft ?? null),
			cutover_writes_after_freeze_total: [...this.writes.values()].map(
				({ table, owned, count }) => ({
					labels: { table, owned: String(owned) },
					value: count,
				}),
			),
			cutover_residual_transactions_total: one(this.transactions),
			cutover_residual_sessions: one(seen?.sessions ?? null),
		};
		return metricLines(
			Object.entries(samples) as [keyof typeof samples, Sample[]][],
		);
	}

	private async look(): Promise<void> {
		const patience = setTimeout(
			() => this.session?.end().catch(() => {}),
			PATIENCE_MS,
		);
		try {
			this.session ??= await connect(this.source, { readOnly: true });
			await this.session.query("BEGIN");
			const state = await readFreezeState(this.session);
			const { sessions, transactions } = await readResidual(this.session);
			await this.session.query("COMMIT");
			this.note(state);
			this.first ??= transactions;
			// Our own, one a look, may be counted seconds later.
			const others = transactions - this.first - this.looks++;
			this.transactions = Math.max(this.transactions, others);
			this.seen = { state, sessions };
		} catch (error) {
			if (this.seen)
				this.onNotice(
					`the source cannot be asked: ${(error as Error).message}`,
				);
			this.seen = null;
			await this.session?.end().catch(() => {});
			this.session = undefined;
		} finally {
			clearTimeout(patience);
		}
	}

	/** A count never falls: it is what it was when a freeze is taken back. */
	private note(state: FreezeState | null): void {
		const before = this.seen;
		if (before && stands(before.state) !== stands(state))
			this.onNotice(
				stands(state) ? "the barrier stands" : "the barrier does not stand",
			);
		for (const written of state?.writes ?? []) {
			const { table, count, owned } = written;
			const known = this.writes.get(table);
			if (!known)
				this.onNotice(
					`written since the freeze: ${table}, ${count} rows${owned ? "" : " (another role's table)"}`,
				);
			if (!known || known.count < count) this.writes.set(table, written);
		}
	}
}

function stands(state: FreezeState | null): boolean {
	return state !== null && !state.lapsed && state.missing.length === 0;
}

async function readResidual(session: Client): Promise<Residual> {
	const { rows } = await session.query<Residual>(`
		SELECT
			(
				SELECT count(*) FROM pg_stat_activity a
				WHERE a.datname = current_database() AND a.usename IS NOT NULL
					AND a.application_name NOT LIKE 'cutover-migration%'
			)::float8 AS "sessions",
			(
				SELECT xact_commit + xact_rollback FROM pg_stat_database
				WHERE datname = current_database()
			)::float8 AS "transactions"
	`);
	return rows[0] as Residual;
}
