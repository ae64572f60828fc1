import { createServer, type Server } from "node:http";

/** What a metric is, apart from its values. */
interface Definition {
	readonly type: "gauge" | "counter";
	readonly help: string;
}

const gauge = (help: string): Definition => ({ type: "gauge", help });
const counter = (help: string): Definition => ({ type: "counter", help });

/** Of `sync --follow`, by HTTP; label direction: forward, back. */
export const FOLLOWER_METRICS = {
	cutover_sync_lag_rows: gauge("Journal entries not applied yet."),
	cutover_sync_lag_seconds: gauge(
		"Age of the oldest journal entry not applied yet.",
	),
	cutover_sync_up: gauge("Whether the journal could be asked."),
	cutover_sync_rows_applied_total: counter(
		"Rows deleted and written on the other side.",
	),
	cutover_sync_cycles_total: counter("Cycles ended."),
	cutover_sync_reconnects_total: counter(
		"Times that a session was lost and opened again.",
	),
	cutover_sync_copied_bytes: counter(
		"Bytes brought over, by the copy and since.",
	),
	cutover_sync_last_cycle_timestamp_seconds: gauge(
		"When the last cycle ended.",
	),
};

/** Of `watch`, by HTTP. */
export const WATCH_METRICS = {
	cutover_watch_up: gauge("Whether the source could be asked."),
	cutover_barrier_up: gauge("Whether the barrier closes every table of ours."),
	cutover_freeze_seconds_left: gauge(
		"Seconds until the barrier opens by itself; none where it stays.",
	),
	cutover_writes_after_freeze_total: counter(
		"Rows written since the freeze; owned: the barrier is to close the table.",
	),
	cutover_residual_transactions_total: counter(
		"Transactions of others on the source since the watch began.",
	),
	cutover_residual_sessions: gauge("Sessions of others on the source."),
};

/**
 * Of the commands that end, in files of their own; label step: users, copy, sync,
 * drain, freeze, verify, export, and return-users, return-rows, return-proof. What a
 * step has not come to, or does not do, is not there.
 */
export const STEP_METRICS = {
	cutover_phase: gauge(
		"1 for the phase that a step is in (label phase), 0 for those it has left.",
	),
	cutover_step_started_timestamp_seconds: gauge("When the step began last."),
	cutover_step_ended_timestamp_seconds: gauge(
		"When it ended; none while it runs.",
	),
	cutover_step_exit_code: gauge(
		"How it ended: 0 done, 3 differences, 4 refused; none while it runs.",
	),
	cutover_copy_rows: gauge(
		"Rows brought over by the copy, with those of an earlier run.",
	),
	cutover_copy_bytes: gauge("Bytes brought over by the copy."),
	cutover_copy_expected_bytes: gauge(
		"Bytes that the copy will have brought at its end, an estimate until then.",
	),
	cutover_copy_tables: gauge("Tables to be copied."),
	cutover_copy_tables_done: gauge("Tables whose rows are all there."),
	cutover_users: gauge(
		"Users by result: total, moved, updated, already_moved, shut_out, skipped, conflicts; made for those of a return.",
	),
	cutover_journal_entries: gauge(
		"Entries left in the journal when the step ended.",
	),
	cutover_freeze_started_timestamp_seconds: gauge("When the barrier stood."),
	cutover_freeze_deadline_timestamp_seconds: gauge(
		"When it opens by itself, unless it is made to stay.",
	),
	cutover_freeze_seconds: gauge(
		"Of each part of a freeze (label phase): barrier, users, drain, proof.",
	),
	cutover_freeze_lifted: gauge(
		"1 where the freeze failed and the source was opened again.",
	),
	cutover_proof_rows: gauge("Rows proven by the step."),
	cutover_proof_tables: gauge("Tables proven by the step."),
	cutover_proof_differences: gauge(
		"Differences named; step verify tells only where --metrics-dir is given.",
	),
	cutover_proof_seconds: gauge("How long the proof took."),
	cutover_proof_timestamp_seconds: gauge("When the proof ended."),
};

/** All that the migration exposes. */
const METRICS = { ...FOLLOWER_METRICS, ...WATCH_METRICS, ...STEP_METRICS };
export type MetricName = keyof typeof METRICS;

/** A value of a metric; null where it is not known now, which is left out. */
export interface Sample {
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number | null;
}

/**
 * Metrics in Prometheus' text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
export function metricLines(
	metrics: Iterable<readonly [MetricName, readonly Sample[]]>,
): string {
	return [...metrics]
		.flatMap(([name, samples]) => {
			const { type, help } = METRICS[name];
			const lines = samples
				.filter(({ value }) => value !== null)
				.map(({ labels, value }) => `${name}${labelsOf(labels)} ${value}\n`);
			return lines.length === 0
				? []
				: [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...lines];
		})
		.join("");
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
	const list = Object.entries(labels).map(
		([name, value]) =>
			`${name}="${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`,
	);
	return list.length === 0 ? "" : `{${list.join(",")}}`;
}

/**
 * Serves the metrics at /metrics of the given port (0: any free one) on the
 * addresses that `host` names; resolves once it listens.
 */
export async function serveMetrics(
	port: number,
	host: string,
	read: () => Promise<string>,
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
					.end(metrics),
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
