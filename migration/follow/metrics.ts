import type { Lag } from "../journal/state";
import { type Metric, metricLines } from "../metrics";
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
	const list: (Omit<Metric, "samples"> & { value: number | null })[] = [
		{
			name: "cutover_sync_lag_rows",
			type: "gauge",
			help: "Journal entries not applied yet.",
			value: lag?.rows ?? null,
		},
		{
			name: "cutover_sync_lag_seconds",
			type: "gauge",
			help: "Age of the oldest journal entry not applied yet.",
			value: lag?.seconds ?? null,
		},
		{
			name: "cutover_sync_up",
			type: "gauge",
			help: "Whether the journal could be asked.",
			value: lag ? 1 : 0,
		},
		{
			name: "cutover_sync_rows_applied_total",
			type: "counter",
			help: "Rows deleted and written on the other side.",
			value: totals.deleted + totals.written,
		},
		{
			name: "cutover_sync_cycles_total",
			type: "counter",
			help: "Cycles ended.",
			value: totals.cycles,
		},
		{
			name: "cutover_sync_reconnects_total",
			type: "counter",
			help: "Times that a session was lost and opened again.",
			value: totals.reconnects,
		},
		{
			name: "cutover_sync_copied_bytes",
			type: "counter",
			help: "Bytes brought over, by the copy and since.",
			value: metrics.copiedBytes,
		},
		{
			name: "cutover_sync_last_cycle_timestamp_seconds",
			type: "gauge",
			help: "When the last cycle ended.",
			value: totals.lastCycleAt === null ? null : totals.lastCycleAt / 1000,
		},
	];
	return metricLines(
		list.map(({ value, ...metric }) => ({
			...metric,
			samples: [{ labels: { direction }, value }],
		})),
	);
}
