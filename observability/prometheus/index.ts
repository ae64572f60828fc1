import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Job } from "../metric-names";
import { dnsProbes, httpProbes, type ProbesArgs } from "./blackbox";

/** How long metrics are kept, and how much of the manager's disk they may take. */
export const retention = { time: "30d", size: "8GB" };

/** Where the container has the log-in that Uptime Kuma's metrics are behind. */
export const monitoringPasswordFile = "/run/secrets/monitoring-password";

export interface PrometheusFilesArgs extends ProbesArgs {
	/** Becomes a label of every alert. */
	stack: string;
	/** Of Uptime Kuma. */
	monitoringUser: string;
}

interface Scrape {
	job_name: Exclude<Job, "migration">;
	[setting: string]: unknown;
}

/** What changes fast and is looked at closely during a cutover. */
const often = { scrape_interval: "5s" };

/**
 * Prometheus' configuration files, by the path under /etc/prometheus: its own and
 * every file of rules.
 */
export function prometheusFiles(
	args: PrometheusFilesArgs,
): Record<string, string> {
	const rules = readdirSync(join(__dirname, "rules")).map((file) => [
		`rules/${file}`,
		readFileSync(join(__dirname, "rules", file), "utf8"),
	]);
	return {
		"prometheus.yml": stringify(configuration(args), { lineWidth: 0 }),
		...Object.fromEntries(rules),
	};
}

function configuration(args: PrometheusFilesArgs) {
	return {
		global: {
			scrape_interval: "15s",
			evaluation_interval: "5s",
			external_labels: { stack: args.stack },
		},
		rule_files: ["/etc/prometheus/rules/*.yml"],
		alerting: {
			alertmanagers: [tasksOf("alertmanager", 9093)],
		},
		scrape_configs: scrapes(args),
	};
}

function scrapes(args: PrometheusFilesArgs): Scrape[] {
	return [
		{
			job_name: "prometheus",
			static_configs: [{ targets: ["localhost:9090"] }],
		},
		{ job_name: "alertmanager", ...tasksOf("alertmanager", 9093) },
		{
			job_name: "node",
			...tasksOf("node-exporter", 9100),
			// What the migration's steps leave in files is theirs.
			metric_relabel_configs: [
				{
					source_labels: ["__name__"],
					regex: "cutover_.*",
					target_label: "job",
					replacement: "migration",
				},
			],
		},
		{
			job_name: "cadvisor",
			...tasksOf("cadvisor", 8080),
			metric_relabel_configs: [
				{
					source_labels: ["container_label_com_docker_swarm_service_name"],
					target_label: "service",
				},
				// Long, and another one with every new container.
				{ action: "labeldrop", regex: "container_label_.*|id|image" },
			],
		},
		{ job_name: "postgres", ...tasksOf("postgres-exporter", 9187) },
		{ job_name: "blackbox-http", ...httpProbes(args) },
		{ job_name: "blackbox-dns", ...dnsProbes(args) },
		{ job_name: "caddy", ...often, ...tasksOf("caddy", 2020) },
		{ job_name: "backend", ...often, ...tasksOf("backend", 3000) },
		// Runs from cutover:sync to cutover:freeze only.
		{ job_name: "follower", ...often, ...tasksOf("follower", 9100) },
		// Runs from cutover:freeze on.
		{ job_name: "watch", ...often, ...tasksOf("watch", 9100) },
		{ job_name: "loki", ...tasksOf("loki", 3100) },
		{ job_name: "otel-collector", ...tasksOf("otel-collector", 8888) },
		{ job_name: "grafana", ...tasksOf("grafana", 3000) },
		{
			job_name: "uptime-kuma",
			...tasksOf("uptime-kuma", 3001),
			basic_auth: {
				username: args.monitoringUser,
				password_file: monitoringPasswordFile,
			},
		},
	];
}

/**
 * Services answer their name with one address for each task (endpoint mode dnsrr),
 * so every task is a target of its own; a service that is not there has none.
 */
function tasksOf(service: string, port: number) {
	return {
		dns_sd_configs: [
			{ names: [service], type: "A", port, refresh_interval: "5s" },
		],
	};
}
