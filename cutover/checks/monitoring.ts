import { parse } from "yaml";
import { z } from "zod";
import { type Check, expect } from "../check";
import { waitFor } from "../wait";
import { logsArrive } from "./logs-arrive";
import type { Site } from "./site";
import { server } from "./stand-in";
import { statusPageUp } from "./status-page";

/** As observability/grafana names them. */
export const dashboards = ["freshtrack-overview", "cutover", "hosts-database"];

/** For what has just been deployed: a scrape comes every 15 s, a name is asked anew every 5. */
const patience = { timeoutMs: 90_000, intervalMs: 1_000 };

/** All that an operator watches with works. */
export function monitoringWorks(site: Site): Check[] {
	return [
		grafanaLogIn(site),
		dashboardsThere(site),
		targetsUp(site),
		alertmanagerReached(site),
		logsArrive(site),
		statusPageUp(site),
	];
}

/** Grafana lets the operator in, and nobody with a wrong password. */
export function grafanaLogIn(site: Site): Check {
	return {
		name: "Grafana log-in",
		lookAt: "docker service logs grafana on the Droplet, and infra/secrets.ts",
		run: () =>
			waitFor(
				"Grafana to let in whom it should",
				async () => {
					const wrong = await site.monitoring("/api/datasources", "wrong");
					expect(
						wrong.status === 401,
						`a wrong password was answered ${wrong.status}`,
					);
					const sources = z
						.array(z.object({ uid: z.string() }))
						.parse(await grafana(site, "/api/datasources"));
					const uids = sources.map(({ uid }) => uid);
					for (const uid of ["prometheus", "loki"])
						expect(uids.includes(uid), `no data source ${uid}`);
					const { version } = z
						.object({ version: z.string() })
						.parse(await grafana(site, "/api/health"));
					return `${server("Grafana", version)}, data sources ${uids.join(", ")}`;
				},
				patience,
			),
	};
}

/** Every dashboard was provisioned. */
export function dashboardsThere(site: Site): Check {
	return {
		name: "dashboards",
		lookAt:
			"docker service logs grafana on the Droplet, and observability/grafana/",
		async run() {
			const titles = await Promise.all(
				dashboards.map(async (uid) => {
					const found = z
						.object({
							dashboard: z.object({
								title: z.string(),
								panels: z.array(z.unknown()).min(1),
							}),
						})
						.parse(await grafana(site, `/api/dashboards/uid/${uid}`));
					return `${found.dashboard.title} (${found.dashboard.panels.length})`;
				}),
			);
			return titles.join(", ");
		},
	};
}

const targets = z.object({
	activeTargets: z.array(
		z.object({
			scrapePool: z.string(),
			scrapeUrl: z.string(),
			health: z.string(),
			lastError: z.string(),
		}),
	),
});

/**
 * Every job that Prometheus is to scrape has a target, and every target answers.
 *
 * @param timeoutMs how long to wait for those that still start.
 */
export function targetsUp(site: Site, timeoutMs = patience.timeoutMs): Check {
	return {
		name: "Prometheus' targets up",
		lookAt: `https://${site.outputs.hostnames.monitoring}/prometheus/targets`,
		run: () =>
			waitFor(
				"every Prometheus target up",
				async () => {
					const [{ yaml }, { activeTargets }] = await Promise.all([
						site.prometheus<{ yaml: string }>("status/config"),
						site
							.prometheus<unknown>("targets?state=active")
							.then((data) => targets.parse(data)),
					]);
					const jobs = expectedJobs(yaml, site);
					const without = jobs.filter(
						(job) =>
							!activeTargets.some(({ scrapePool }) => scrapePool === job),
					);
					expect(without.length === 0, `no target of ${without.join(", ")}`);
					const down = activeTargets.filter(({ health }) => health !== "up");
					expect(
						down.length === 0,
						`not up: ${down.map(({ scrapePool, scrapeUrl, lastError }) => `${scrapePool} ${scrapeUrl} ${lastError}`).join("; ")}`,
					);
					return `${activeTargets.length} targets of ${jobs.length} jobs up`;
				},
				{ ...patience, timeoutMs },
			),
	};
}

const configuration = z.object({
	scrape_configs: z.array(z.object({ job_name: z.string() })),
});

/** The scrape configuration's jobs whose service runs at the stack's rung. */
function expectedJobs(yaml: string, { outputs }: Site): string[] {
	const { sync, freeze } = outputs.flags;
	const idle = [
		...(sync && !freeze ? [] : ["follower"]),
		...(freeze ? [] : ["watch"]),
	];
	return configuration
		.parse(parse(yaml))
		.scrape_configs.map(({ job_name }) => job_name)
		.filter((job) => !idle.includes(job));
}

/** Alertmanager answers, and Prometheus knows where to send alerts. */
export function alertmanagerReached(site: Site): Check {
	return {
		name: "Alertmanager reached",
		lookAt: "docker service logs alertmanager on the Droplet",
		run: () =>
			waitFor(
				"Alertmanager known to Prometheus",
				async () => {
					const answer = await site.monitoring("/alertmanager/api/v2/status");
					expect(answer.status === 200, `it answered ${answer.status}`);
					const { versionInfo } = z
						.object({ versionInfo: z.object({ version: z.string() }) })
						.parse(JSON.parse(answer.body));
					const { activeAlertmanagers: known } = await site.prometheus<{
						activeAlertmanagers: unknown[];
					}>("alertmanagers");
					expect(known.length > 0, "Prometheus sends its alerts nowhere");
					return server("Alertmanager", versionInfo.version);
				},
				patience,
			),
	};
}

const alerts = z.object({
	result: z.array(z.object({ metric: z.record(z.string(), z.string()) })),
});

/**
 * No alert fires that wakes somebody.
 *
 * @param timeoutMs how long to wait for one that is about to end.
 */
export function noCriticalAlert(
	site: Site,
	timeoutMs = patience.timeoutMs,
): Check {
	return {
		name: "no critical alert",
		lookAt: `https://${site.outputs.hostnames.monitoring}/prometheus/alerts, and docs/RUNBOOKS.md`,
		run: () =>
			waitFor(
				"no critical alert to fire",
				async () => {
					const query = 'ALERTS{alertstate="firing"}';
					const { result } = alerts.parse(
						await site.prometheus(`query?query=${encodeURIComponent(query)}`),
					);
					const fire = (severity: string) => [
						...new Set(
							result
								.filter(({ metric }) => metric.severity === severity)
								.map(({ metric }) => metric.alertname),
						),
					];
					const critical = fire("critical");
					expect(critical.length === 0, `fires: ${critical.join(", ")}`);
					// The Watchdog always does: without it, rules are not evaluated.
					expect(result.length > 0, "no rule is evaluated: Watchdog is silent");
					const warnings = fire("warning");
					return `none fires${warnings.length > 0 ? `; warnings: ${warnings.join(", ")}` : ""}`;
				},
				{ ...patience, timeoutMs },
			),
	};
}

async function grafana(site: Site, path: string): Promise<unknown> {
	const answer = await site.monitoring(path);
	expect(answer.status === 200, `Grafana answered ${answer.status} to ${path}`);
	return JSON.parse(answer.body);
}
