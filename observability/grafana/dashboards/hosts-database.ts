import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard } from "../dashboard";
import { lines, numbers, upOrDown } from "../panels";

const every = "[$__rate_interval]";
/** As the alerts have it: what Docker and the kernel mount besides is none of the disk's. */
const disk = '{job="node",fstype=~"ext[34]|xfs|btrfs"}';
const database = '{job="postgres",datname!~"template.*|postgres|_dodb|"}';

/** Whether the machines and the managed database have room left. */
export const hostsDatabase = () =>
	dashboard({
		uid: "hosts-database",
		title: "Hosts and database",
		description: "Droplets, the services' containers, managed PostgreSQL.",
		from: "now-3h",
		sections: {
			Hosts: [
				{
					height: 8,
					panels: [
						lines(
							"Processors busy",
							{
								"{{instance}}": `1 - avg by (instance) (rate(node_cpu_seconds_total{job="node",mode="idle"}${every}))`,
							},
							{ unit: units.PercentUnit, max: 1 },
						),
						lines(
							"Memory used",
							{
								"{{instance}}":
									'1 - node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes{job="node"}',
							},
							{ unit: units.PercentUnit, max: 1, limit: 0.9 },
						),
						lines(
							"Disk used",
							{
								"{{instance}}": `1 - min by (instance) (node_filesystem_avail_bytes${disk} / node_filesystem_size_bytes${disk})`,
							},
							{ unit: units.PercentUnit, max: 1, limit: 0.85 },
						),
						lines(
							"Load of one minute, for each processor",
							{
								"{{instance}}":
									'node_load1{job="node"} / on (instance) count by (instance) (node_cpu_seconds_total{job="node",mode="idle"})',
							},
							{ decimals: 2 },
						),
					],
				},
				{
					height: 8,
					panels: [
						lines(
							"Disk read and written",
							{
								"{{instance}} read": `sum by (instance) (rate(node_disk_read_bytes_total{job="node"}${every}))`,
								"{{instance}} written": `sum by (instance) (rate(node_disk_written_bytes_total{job="node"}${every}))`,
							},
							{ unit: units.BytesPerSecondIEC },
						),
						lines(
							"Processes killed for want of memory",
							{
								"{{instance}}":
									'increase(node_vmstat_oom_kill{job="node"}[1h])',
							},
							{ limit: 1, description: "In the hour before each point." },
						),
					],
				},
			],
			"Services' containers": [
				{
					height: 9,
					panels: [
						lines(
							"Memory by service",
							{
								"{{service}}":
									'sum by (service) (container_memory_working_set_bytes{job="cadvisor",service!=""})',
							},
							{ unit: units.BytesIEC },
						),
						lines(
							"Processors by service",
							{
								"{{service}}": `sum by (service) (rate(container_cpu_usage_seconds_total{job="cadvisor",service!=""}${every}))`,
							},
							{ decimals: 2 },
						),
					],
				},
				{
					height: 8,
					panels: [
						lines(
							"Memory used of what is allowed",
							{
								"{{service}}":
									'max by (service) (container_memory_working_set_bytes{job="cadvisor",service!=""} / (container_spec_memory_limit_bytes{job="cadvisor",service!=""} > 0))',
							},
							{ unit: units.PercentUnit, limit: 0.9 },
						),
						lines(
							"Starts in an hour",
							{
								"{{service}}":
									'sum by (service) (changes(container_start_time_seconds{job="cadvisor",service!=""}[1h]))',
							},
							{ description: "Of containers that go on under one name." },
						),
					],
				},
			],
			Database: [
				{
					height: 4,
					panels: [
						numbers(
							"Database",
							{ answers: 'min(pg_up{job="postgres"})' },
							{ words: upOrDown },
						),
						numbers(
							"Connections used",
							{
								used: `sum(pg_stat_database_numbackends{job="postgres"}) / scalar(max(pg_settings_max_connections{job="postgres"}))`,
							},
							{ unit: units.PercentUnit, limit: 0.8 },
						),
						numbers(
							"Longest transaction",
							{
								longest:
									'max(pg_stat_activity_max_tx_duration{job="postgres"})',
							},
							{ unit: units.Seconds, limit: 300 },
						),
						numbers(
							"Size",
							{ size: `sum(pg_database_size_bytes${database})` },
							{ unit: units.BytesIEC },
						),
					],
				},
				{
					height: 8,
					panels: [
						lines("Connections by state", {
							"{{state}}":
								'sum by (state) (pg_stat_activity_count{job="postgres"})',
						}),
						lines("Transactions a second", {
							committed: `sum(rate(pg_stat_database_xact_commit${database}${every}))`,
							"rolled back": `sum(rate(pg_stat_database_xact_rollback${database}${every}))`,
						}),
						lines("Rows written a second", {
							inserted: `sum(rate(pg_stat_database_tup_inserted${database}${every}))`,
							updated: `sum(rate(pg_stat_database_tup_updated${database}${every}))`,
							deleted: `sum(rate(pg_stat_database_tup_deleted${database}${every}))`,
						}),
					],
				},
				{
					height: 8,
					panels: [
						lines(
							"Read from memory, not from disk",
							{
								share: `sum(rate(pg_stat_database_blks_hit${database}${every})) / (sum(rate(pg_stat_database_blks_hit${database}${every})) + sum(rate(pg_stat_database_blks_read${database}${every})))`,
							},
							{ unit: units.PercentUnit, max: 1 },
						),
						lines("Deadlocks and conflicts in an hour", {
							deadlocks: `sum(increase(pg_stat_database_deadlocks${database}[1h]))`,
							conflicts: `sum(increase(pg_stat_database_conflicts${database}[1h]))`,
						}),
						lines("The API's connections", {
							open: 'sum(db_pool_connections{job="backend"})',
							idle: 'sum(db_pool_idle_connections{job="backend"})',
							"requests that wait":
								'sum(db_pool_waiting_requests{job="backend"})',
							"may open": 'sum(db_pool_max_connections{job="backend"})',
						}),
					],
				},
			],
		},
	});
