import { expect } from "../../cutover/check";
import type { Site } from "../../cutover/checks/site";
import { waitFor } from "../../cutover/wait";
import {
	type Job,
	metricNames,
	sometimes,
} from "../../observability/metric-names";
import type { Rehearsal } from "./rehearsal";

/**
 * Prometheus has seen every metric that dashboards and alerts go by, of the very
 * programs: also those of services that ran on the rungs before.
 */
export async function everyMetricSeen(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const site = rehearsal.site(stack);
	const jobs = Object.keys(metricNames) as Job[];
	return waitFor(
		"every metric of observability/metric-names.ts",
		async () => {
			const missing = (
				await Promise.all(jobs.map((job) => missingOf(site, job)))
			).flat();
			expect(missing.length === 0, `not seen: ${missing.join(", ")}`);
			const names = new Set(Object.values(metricNames).flat());
			return `${names.size} names of ${jobs.length} jobs`;
		},
		{ timeoutMs: 120_000, intervalMs: 2_000 },
	);
}

/** Names of the list that Prometheus has never seen of the job. */
async function missingOf(site: Site, job: Job): Promise<string[]> {
	const query = `label/__name__/values?match[]=${encodeURIComponent(`{job="${job}"}`)}`;
	const seen = new Set(await site.prometheus<string[]>(query));
	return metricNames[job]
		.filter((name) => !seen.has(name) && !sometimes.has(name))
		.map((name) => `${name} of ${job}`);
}
