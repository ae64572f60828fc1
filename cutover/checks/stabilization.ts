import { type Check, expect } from "../check";
import { mostErrors, mostFailedLogins } from "../criteria";
import { sentNotices } from "../notices";
import { waitFor } from "../wait";
import type { Site } from "./site";

/** Share of requests that the backend answered with 5xx. */
export function errorRate(site: Site): Check {
	return {
		name: "error rate",
		lookAt: "http_requests_total in Prometheus",
		run: () =>
			waitFor(
				"requests counted by Prometheus",
				async () => {
					const [all] = await site.query("sum(http_requests_total)");
					expect(all, "no request counted yet");
					const [bad = 0] = await site.query(
						'sum(http_requests_total{status=~"5.."})',
					);
					const share = bad / all;
					expect(
						share <= mostErrors,
						`${(share * 100).toFixed(1)} % of ${all}`,
					);
					return `${bad} of ${all} requests`;
				},
				{ timeoutMs: 60_000, intervalMs: 1_000 },
			),
	};
}

/** Share of log-ins refused although the user was known. */
export function loginSuccess(site: Site): Check {
	return {
		name: "log-in success",
		lookAt: "logins_total in Prometheus",
		run: () =>
			waitFor(
				"log-ins counted by Prometheus",
				async () => {
					const [good] = await site.query(
						'sum(logins_total{result="success"})',
					);
					expect(good, "no successful log-in counted yet");
					const [bad = 0] = await site.query(
						'sum(logins_total{result="failure"})',
					);
					const share = bad / (good + bad);
					expect(
						share <= mostFailedLogins,
						`${(share * 100).toFixed(1)} % failed`,
					);
					return `${good} succeeded, ${bad} failed`;
				},
				{ timeoutMs: 60_000, intervalMs: 1_000 },
			),
	};
}

/**
 * The count of readings taken in grows. Sensors send when they please, by the
 * hour at worst: ten minutes see at least one of a fleet.
 */
export function readingsAccumulate(site: Site): Check {
	return {
		name: "readings accumulate",
		lookAt:
			"readings_ingested_total in Prometheus, the webhooks at TTN, docker service logs backend",
		async run() {
			const count = async () =>
				(await site.query("sum(readings_ingested_total)"))[0] ?? 0;
			const before = await count();
			return waitFor(
				`more readings than ${before}`,
				async () => {
					const after = await count();
					return after > before ? `${before} → ${after}` : undefined;
				},
				{ timeoutMs: 600_000, intervalMs: 1_000 },
			);
		},
	};
}

/** Of a table, what users may well have deleted in a day. */
const mostMissing = 0.01;

/**
 * The target has every table's rows: as many as the frozen source, but for what
 * users have deleted since.
 */
export function rowCounts(site: Pick<Site, "migrate">): Check {
	return {
		name: "row counts",
		lookAt: "npm run migrate -- verify",
		async run() {
			const { result } = await site.migrate("verify");
			const counts = Object.entries(
				result.counts as Record<string, { source: number; target: number }>,
			);
			const fewer = counts.filter(([, { source, target }]) => target < source);
			const named = (tables: typeof fewer) =>
				tables
					.map(
						([table, { source, target }]) => `${table} ${target} of ${source}`,
					)
					.join(", ");
			const lost = fewer.filter(
				([, { source, target }]) => target < source * (1 - mostMissing),
			);
			expect(lost.length === 0, `too few rows: ${named(lost)}`);
			return `${counts.length} tables${fewer.length > 0 ? `; fewer rows than the source: ${named(fewer)}` : ", none shorter than the source"}`;
		},
	};
}

/** The scheduled job has succeeded within its last few periods. */
export function scheduledJobs(site: Site): Check {
	return {
		name: "scheduled jobs",
		lookAt: "scheduled_job_last_success_timestamp_seconds in Prometheus",
		run: () =>
			waitFor(
				"a recent run of every scheduled job",
				async () => {
					const ages = await site.query(
						"time() - scheduled_job_last_success_timestamp_seconds",
					);
					expect(ages.length > 0, "no job has reported yet");
					const oldest = Math.max(...ages);
					expect(oldest < 180, `last success ${oldest.toFixed(0)} s ago`);
					return `last success ${oldest.toFixed(0)} s ago`;
				},
				{ timeoutMs: 120_000, intervalMs: 1_000 },
			),
	};
}

/** The mail server took the confirmation to users; that it arrived a person answers for. */
export function confirmationSent(site: Site): Check {
	return {
		name: "confirmation mail sent",
		lookAt: `npm run notice -- complete -s ${site.stack}, and evidence/${site.stack}/notices.json`,
		async run() {
			const notice = (await sentNotices(site.stack)).findLast(
				({ kind }) => kind === "complete",
			);
			expect(notice, "no confirmation was sent");
			return `${notice.messageId} at ${notice.at}`;
		},
	};
}
