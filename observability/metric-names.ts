import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
	FOLLOWER_METRICS,
	STEP_METRICS,
	WATCH_METRICS,
} from "../migration/metrics";

/** What Prometheus itself adds, to every target and of every alert. */
const ofPrometheus = [
	"up",
	"scrape_duration_seconds",
	"scrape_samples_scraped",
	"ALERTS",
	"ALERTS_FOR_STATE",
] as const;

/** What every process tells that uses a client library of Prometheus'. */
const ofProcess = [
	"process_cpu_seconds_total",
	"process_resident_memory_bytes",
	"process_start_time_seconds",
] as const;

/** The series that a histogram is made of. */
const histogram = (name: string) => [
	`${name}_bucket`,
	`${name}_count`,
	`${name}_sum`,
];

const namesOf = (metrics: object) => Object.keys(metrics);

/**
 * The metrics that dashboards and alerts may name, by the job that Prometheus
 * scrapes them under. Tests hold the list against what the programs expose.
 *
 * Labels beside the usual ones: blackbox-http has `host` (site, api, status,
 * monitoring) and `via`: "new" asks this system wherever DNS leads, "old" the old
 * one, "name" whichever DNS leads to. blackbox-dns has `host` and `resolver`;
 * probe_success is 1 where the answer is this system's address, and
 * probe_dns_answer_rrs counts the addresses, whichever. cadvisor has `service`, the
 * Swarm's name of it, and `name`, the container's; neither is on what it tells of
 * the machine, whose network only it knows. migration's files come through job node.
 */
export const metricNames = {
	prometheus: [
		...ofProcess,
		"prometheus_build_info",
		"prometheus_config_last_reload_successful",
		"prometheus_notifications_alertmanagers_discovered",
		"prometheus_notifications_dropped_total",
		"prometheus_notifications_errors_total",
		"prometheus_notifications_sent_total",
		"prometheus_rule_evaluation_failures_total",
		"prometheus_rule_group_iterations_missed_total",
		"prometheus_tsdb_compactions_failed_total",
		"prometheus_tsdb_head_samples_appended_total",
		"prometheus_tsdb_head_series",
		"prometheus_tsdb_retention_limit_bytes",
		"prometheus_tsdb_storage_blocks_bytes",
		"prometheus_tsdb_wal_corruptions_total",
	],
	alertmanager: [
		...ofProcess,
		"alertmanager_alerts",
		"alertmanager_alerts_received_total",
		"alertmanager_build_info",
		"alertmanager_config_last_reload_successful",
		"alertmanager_notifications_failed_total",
		"alertmanager_notifications_total",
		"alertmanager_silences",
	],
	node: [
		...ofProcess,
		"node_boot_time_seconds",
		"node_context_switches_total",
		"node_cpu_seconds_total",
		"node_disk_io_time_seconds_total",
		"node_disk_read_bytes_total",
		"node_disk_written_bytes_total",
		"node_filefd_allocated",
		"node_filefd_maximum",
		"node_filesystem_avail_bytes",
		"node_filesystem_files",
		"node_filesystem_files_free",
		"node_filesystem_free_bytes",
		"node_filesystem_readonly",
		"node_filesystem_size_bytes",
		"node_load1",
		"node_load5",
		"node_load15",
		"node_memory_Buffers_bytes",
		"node_memory_Cached_bytes",
		"node_memory_MemAvailable_bytes",
		"node_memory_MemFree_bytes",
		"node_memory_MemTotal_bytes",
		"node_memory_SwapFree_bytes",
		"node_memory_SwapTotal_bytes",
		"node_scrape_collector_success",
		"node_textfile_mtime_seconds",
		"node_textfile_scrape_error",
		"node_time_seconds",
		"node_uname_info",
		"node_vmstat_oom_kill",
	],
	/** Of the steps that end: files that node-exporter reads. */
	migration: namesOf(STEP_METRICS),
	/** From the copy to the freeze. */
	follower: namesOf(FOLLOWER_METRICS),
	/** From the freeze on; those of writes from the first write on. */
	watch: namesOf(WATCH_METRICS),
	cadvisor: [
		...ofProcess,
		"container_cpu_cfs_periods_total",
		"container_cpu_cfs_throttled_periods_total",
		"container_cpu_usage_seconds_total",
		"container_last_seen",
		"container_memory_usage_bytes",
		"container_memory_working_set_bytes",
		"container_network_receive_bytes_total",
		"container_network_transmit_bytes_total",
		"container_spec_cpu_period",
		"container_spec_cpu_quota",
		"container_spec_memory_limit_bytes",
		"container_start_time_seconds",
		"machine_cpu_cores",
		"machine_memory_bytes",
	],
	postgres: [
		...ofProcess,
		"pg_database_size_bytes",
		"pg_exporter_last_scrape_error",
		"pg_locks_count",
		"pg_settings_max_connections",
		"pg_settings_superuser_reserved_connections",
		"pg_stat_activity_count",
		"pg_stat_activity_max_tx_duration",
		"pg_stat_database_blks_hit",
		"pg_stat_database_blks_read",
		"pg_stat_database_conflicts",
		"pg_stat_database_deadlocks",
		"pg_stat_database_numbackends",
		"pg_stat_database_temp_bytes",
		"pg_stat_database_tup_deleted",
		"pg_stat_database_tup_fetched",
		"pg_stat_database_tup_inserted",
		"pg_stat_database_tup_returned",
		"pg_stat_database_tup_updated",
		"pg_stat_database_xact_commit",
		"pg_stat_database_xact_rollback",
		"pg_static",
		"pg_up",
	],
	"blackbox-http": [
		"probe_duration_seconds",
		"probe_http_duration_seconds",
		"probe_http_ssl",
		"probe_http_status_code",
		"probe_ssl_earliest_cert_expiry",
		"probe_success",
	],
	"blackbox-dns": [
		"probe_dns_answer_rrs",
		"probe_dns_duration_seconds",
		"probe_dns_query_succeeded",
		"probe_duration_seconds",
		"probe_success",
	],
	caddy: [
		...ofProcess,
		...histogram("caddy_http_request_duration_seconds"),
		...histogram("caddy_http_response_duration_seconds"),
		...histogram("caddy_http_response_size_bytes"),
		"caddy_config_last_reload_successful",
		"caddy_http_requests_in_flight",
		"caddy_http_requests_total",
	],
	backend: [
		...ofProcess,
		...histogram("http_request_duration_seconds"),
		"alerts_triggered_total",
		"db_pool_connections",
		"db_pool_idle_connections",
		"db_pool_max_connections",
		"db_pool_waiting_requests",
		"http_requests_total",
		"logins_total",
		"nodejs_eventloop_lag_p99_seconds",
		"nodejs_eventloop_lag_seconds",
		"nodejs_heap_size_total_bytes",
		"nodejs_heap_size_used_bytes",
		"readings_ingested_total",
		"scheduled_job_last_success_timestamp_seconds",
		"sensor_newest_reading_timestamp_seconds",
	],
	loki: [
		...ofProcess,
		...histogram("loki_request_duration_seconds"),
		"loki_build_info",
		"loki_discarded_samples_total",
		"loki_distributor_bytes_received_total",
		"loki_distributor_lines_received_total",
		"loki_ingester_memory_streams",
	],
	"otel-collector": [
		"otelcol_exporter_queue_capacity",
		"otelcol_exporter_queue_size",
		"otelcol_exporter_send_failed_log_records_total",
		"otelcol_exporter_sent_log_records_total",
		"otelcol_process_memory_rss_bytes",
		"otelcol_process_uptime_seconds_total",
		"otelcol_receiver_accepted_log_records_total",
		"otelcol_receiver_refused_log_records_total",
	],
	grafana: [
		...ofProcess,
		...histogram("grafana_http_request_duration_seconds"),
		"grafana_build_info",
	],
	"uptime-kuma": ["monitor_response_time", "monitor_status"],
} as const satisfies Record<string, readonly string[]>;

/** Those that are there only after something has happened that need not happen. */
export const sometimes: ReadonlySet<string> = new Set([
	"cutover_freeze_lifted",
	"cutover_freeze_seconds_left",
	"cutover_writes_after_freeze_total",
	"loki_discarded_samples_total",
	"otelcol_exporter_send_failed_log_records_total",
	"otelcol_receiver_refused_log_records_total",
]);

/** A job of the scrape configuration, or `migration`, whose files job node reads. */
export type Job = keyof typeof metricNames;

/**
 * Every name that a query may use: those above, what Prometheus adds, and what the
 * recording rules make.
 */
export function knownMetrics(): ReadonlySet<string> {
	return new Set([
		...ofPrometheus,
		...Object.values<readonly string[]>(metricNames).flat(),
		...recorded(),
	]);
}

/** Names that rules/*.yml record. */
function recorded(): string[] {
	const folder = join(__dirname, "prometheus/rules");
	return readdirSync(folder).flatMap((file) => {
		const { groups } = parse(readFileSync(join(folder, file), "utf8")) as {
			groups: { rules: { record?: string }[] }[];
		};
		return groups.flatMap(({ rules }) =>
			rules.flatMap(({ record }) => record ?? []),
		);
	});
}
