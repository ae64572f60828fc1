import { expect } from "../../cutover/check";
import type { Site } from "../../cutover/checks/site";
import { waitFor } from "../../cutover/wait";
import {
	type Job,
	metricNames,
	sometimes,
} from "../../observability/metric-names";
import type { Rehearsal } from "./rehearsal";

interface Target {
	labels: { job: string; instance: string };
	health: "up" | "down" | "unknown";
	lastError: string;
}

const patience = { timeoutMs: 120_000, intervalMs: 2_000 };

/** Have no target once the switch is made: what they exposed before counts. */
const ended: readonly Job[] = ["follower", "migration"];

/**
 * After the switch every job of the scrape configuration has targets and all of them
 * answer, and every name that dashboards and alerts go by has been there.
 */
export async function targetsUp(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const site = rehearsal.site(stack);
	const jobs = Object.keys(metricNames) as Job[];
	const running = jobs.filter((job) => !ended.includes(job));
	const up = await waitFor(
		"every target of Prometheus up",
		async () => {
			const { activeTargets: targets } = await site.prometheus<{
				activeTargets: Target[];
			}>("targets?state=active");
			const down = targets.filter(({ health }) => health !== "up");
			expect(
				down.length === 0,
				`down: ${down.map(({ labels, lastError }) => `${labels.job} ${labels.instance} ${lastError}`).join("; ")}`,
			);
			const without = running.filter(
				(job) => !targets.some(({ labels }) => labels.job === job),
			);
			expect(without.length === 0, `no target of ${without.join(", ")}`);
			return targets.length;
		},
		patience,
	);
	const seen = await waitFor(
		"every metric of observability/metric-names.ts",
		async () => {
			const missing = (
				await Promise.all(jobs.map((job) => missingOf(site, job)))
			).flat();
			expect(missing.length === 0, `not exposed: ${missing.join(", ")}`);
			return Object.values(metricNames).flat().length;
		},
		patience,
	);
	return `${up} targets of ${running.length} jobs up, ${seen} metrics there`;
}

/** Names of the list that Prometheus has never seen of the job. */
async function missingOf(site: Site, job: Job): Promise<string[]> {
	const query = `label/__name__/values?match[]=${encodeURIComponent(`{job="${job}"}`)}`;
	const names = new Set(await site.prometheus<string[]>(query));
	return metricNames[job]
		.filter((name) => !names.has(name) && !sometimes.has(name))
		.map((name) => `${name} of ${job}`);
}
