import { createServer, type Server } from "node:http";
import type { Lag } from "../journal/state";
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

interface Metric {
	readonly name: string;
	readonly type: "gauge" | "counter";
	readonly help: string;
	readonly value: number | null;
}

/** The metrics in Prometheus' text format, version 0.0.4. */
export function metricsText(metrics: SyncMetrics): string {
	const { totals, lag, direction } = metrics;
	const list: Metric[] = [
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
	return list
		.filter(({ value }) => value !== null)
		.map(
			({ name, type, help, value }) =>
				`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}{direction="${direction}"} ${value}\n`,
		)
		.join("");
}

/**
 * Serves the metrics at /metrics of the given port (0: any free one) on the
 * addresses that `host` names; resolves once it listens.
 */
export async function serveMetrics(
	port: number,
	host: string,
	read: () => Promise<SyncMetrics>,
): Promise<{ readonly port: number; readonly close: () => void }> {
	const server: Server = createServer((request, response) => {
		if (request.url !== "/metrics") {
			response.writeHead(404).end();
			return;
		}
		read().then(
			(metrics) =>
				response
					.writeHead(200, {
						"content-type": "text/plain; version=0.0.4; charset=utf-8",
					})
					.end(metricsText(metrics)),
			() => response.writeHead(500).end(),
		);
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
	const address = server.address();
	return {
		port: typeof address === "object" && address ? address.port : port,
		close: () => {
			server.close();
			server.closeAllConnections();
		},
	};
}
