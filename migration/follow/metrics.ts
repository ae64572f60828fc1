import type { Lag } from "../journal/state";
import { type FOLLOWER_METRICS, metricLines } from "../metrics";
import type { FollowTotals } from "./follower";

/** What the metrics tell, at one moment. */
export interface SyncMetrics {
	readonly totals: Readonly<FollowTotals>;
	/** null while the side that is read cannot be asked. */
	readonly lag: Lag | null;
	/** Bytes of the initial copy, and of the following. */
	readonly copiedBytes: number;
	readonly direction: "forward" | "back";
}

/** The metrics in Prometheus' text format. */
export function metricsText(metrics: SyncMetrics): string {
	const { totals, lag, direction } = metrics;
	const values: Record<keyof typeof FOLLOWER_METRICS, number | null> = {
		cutover_sync_lag_rows: lag?.rows ?? null,
		cutover_sync_lag_seconds: lag?.seconds ?? null,
		cutover_sync_up: lag ? 1 : 0,
		cutover_sync_rows_applied_total: totals.deleted + totals.written,
		cutover_sync_cycles_total: totals.cycles,
		cutover_sync_reconnects_total: totals.reconnects,
		cutover_sync_copied_bytes: metrics.copiedBytes,
		cutover_sync_last_cycle_timestamp_seconds:
			totals.lastCycleAt === null ? null : totals.lastCycleAt / 1000,
	};
	return metricLines(
		Object.entries(values).map(([name, value]) => [
			name as keyof typeof values,
			[{ labels: { direction }, value }],
		]),
	);
}
