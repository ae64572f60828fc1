import { mostErrors, mostFailedLogins } from "../criteria";
import type { Look } from "./look";
import { margin, windows } from "./queries";

export type Decision = "go" | "wait" | "roll back";

/** What a look comes to, with the reasons: all for a wait or a roll back, what was good for a go. */
export interface Verdict {
	decision: Decision;
	reasons: string[];
}

/** The plans' criterion: no reading came in for longer, in seconds. */
export const longestGap = 15 * 60;

/** Fewer in five minutes, and in ten, are no share: one is 5 % of 20. */
const fewestRequests = 20;
const fewestLogins = 10;

/** Of a share of the backend's looks at its database; a lost one is no error of it. */
const mostDatabaseErrors = 0.05;

/** A fleet that sent fewer readings in the longest gap before may well be silent for it. */
const fewestInGap = 3;

/** Times the latency, and share of the readings, of before the switch. */
const mostLatency = 2;
const fewestReadings = 0.5;

/** Below it nobody notices, whatever it was before; seconds. */
const goodLatency = 0.25;

/** Seconds: more is a follower that does not keep up. */
const mostLag = 60;

/**
 * Says go, wait or roll back by one look. Rolls back by the plans' criteria alone: more
 * than 5 % errors, more than 10 % failed log-ins, database errors, no reading for 15
 * minutes; and only where that has held without a break for its window and half a
 * minute, so that no single moment can call for it. Whatever is worse than before the
 * switch, or not known, is a reason to wait, never to go.
 */
export function verdict(look: Look): Verdict {
	if (look.problem !== undefined)
		return wait([`Prometheus does not answer: ${look.problem}`]);
	if (!look.seasoned)
		return wait(["Prometheus has looked for too short a time to compare"]);
	const since = look.secondsSinceSwitch;
	if (since === undefined)
		return wait(["the names lead to the old system", ...concerns(look)]);
	const calls = [...criteria(look)];
	const met = calls.filter(({ met }) => met);
	if (met.length > 0)
		return { decision: "roll back", reasons: met.map(({ reason }) => reason) };
	const reasons = [
		...calls.map(({ reason }) => reason),
		...lacking(look, since),
		...concerns(look),
	];
	return reasons.length > 0 ? wait(reasons) : go(look);
}

interface Criterion {
	/** It has held; otherwise it is near: so now, but not for long enough. */
	met: boolean;
	reason: string;
}

function* criteria(look: Look): Generator<Criterion> {
	const { errors, logins, readings, database } = look;
	if (!look.backendSeen)
		yield {
			met: true,
			reason: `no backend has answered for ${minutes(windows.errors + margin)}`,
		};
	yield* shareAbove("of requests fail", errors, mostErrors, {
		enough: (look.requests ?? 0) >= fewestRequests,
		seconds: windows.errors + margin,
	});
	yield* shareAbove("of log-ins fail", logins, mostFailedLogins, {
		enough: tried(look) >= fewestLogins,
		seconds: windows.logins + margin,
	});
	yield* shareAbove(
		"of looks at the database fail",
		database,
		mostDatabaseErrors,
		{
			enough: true,
			seconds: windows.errors + margin,
		},
	);
	const { gapSeconds = 0, before } = readings;
	if (gapSeconds >= longestGap) {
		const usual = before
			? before * (longestGap / 60)
			: Number.POSITIVE_INFINITY;
		const quiet = usual < fewestInGap;
		yield {
			met: !quiet,
			reason: `no reading came in for ${minutes(gapSeconds)}${quiet ? `, but only ${usual.toFixed(1)} are usual in that time` : ""}`,
		};
	}
}

function* shareAbove(
	what: string,
	share: { now: number | undefined; held: number | undefined },
	most: number,
	{ enough, seconds }: { enough: boolean; seconds: number },
): Generator<Criterion> {
	const { now, held } = share;
	if (held !== undefined && held > most && enough)
		yield {
			met: true,
			reason: `${percent(held)} and more ${what}, more than ${percent(most)}, for ${minutes(seconds)}`,
		};
	else if (now !== undefined && now > most)
		yield {
			met: false,
			reason: `${percent(now)} ${what}: a roll back where that ${enough ? `lasts ${minutes(seconds)}` : "is so of more of them"}`,
		};
}

/** What would have to be known for a go. */
function* lacking(look: Look, since: number): Generator<string> {
	const { requests, readings, database } = look;
	if (since < longestGap)
		yield `the names moved ${minutes(since)} ago: a go needs ${minutes(longestGap)}`;
	if ((requests ?? 0) < fewestRequests)
		yield `${Math.round(requests ?? 0)} requests in 5 minutes: ${fewestRequests} say something`;
	if (tried(look) < fewestLogins)
		yield `${Math.round(tried(look))} log-ins in 10 minutes: ${fewestLogins} say something`;
	if (!readings.now) yield "no reading in 5 minutes";
	if (database.now === undefined)
		yield "the backend does not tell of its database";
}

/** What is not as it should be, or was better before, and calls for no return by itself. */
function* concerns(look: Look): Generator<string> {
	const { readings, latency, targets, alerts, statusPage, lagSeconds } = look;
	if (targets.down.length > 0) yield `down: ${targets.down.join(", ")}`;
	if (targets.all === 0) yield "Prometheus has no target";
	const critical = alerts.filter(({ severity }) => severity === "critical");
	if (critical.length > 0)
		yield `alerts fire: ${[...new Set(critical.map(({ name }) => name))].join(", ")}`;
	if (!statusPage.up) yield `status page: ${statusPage.detail}`;
	if (lagSeconds !== undefined && lagSeconds > mostLag)
		yield `the new system is ${minutes(lagSeconds)} behind the old one`;
	if (
		latency.now !== undefined &&
		latency.before !== undefined &&
		latency.now > Math.max(goodLatency, mostLatency * latency.before)
	)
		yield `95 % of answers take up to ${milliseconds(latency.now)}, before the switch ${milliseconds(latency.before)}`;
	if (
		readings.now &&
		readings.before &&
		readings.now < fewestReadings * readings.before
	)
		yield `${readings.now.toFixed(1)} readings a minute, before the switch ${readings.before.toFixed(1)}`;
}

function go({ errors, logins, readings }: Look): Verdict {
	return {
		decision: "go",
		reasons: [
			`${percent(errors.now ?? 0)} errors, ${percent(logins.now ?? 0)} failed log-ins, ${(readings.now ?? 0).toFixed(1)} readings a minute, every target up`,
		],
	};
}

function wait(reasons: string[]): Verdict {
	return { decision: "wait", reasons };
}

function tried({ logins }: Look): number {
	return (logins.ok ?? 0) + (logins.failed ?? 0);
}

export function percent(share: number): string {
	return `${(share * 100).toFixed(1)} %`;
}

export function milliseconds(seconds: number): string {
	return `${Math.round(seconds * 1000)} ms`;
}

/** A time for people: 45 s, 15 min, 2.5 min. */
export function minutes(seconds: number): string {
	return seconds < 60
		? `${Math.round(seconds)} s`
		: `${Number((seconds / 60).toFixed(1))} min`;
}

/**
 * The commands of a return, for a person to give.
 *
 * @param finalized nothing is noted for a way back any more.
 */
export function returnCommands(stack: string, finalized: boolean): string[] {
	if (finalized)
		return [
			`cutover:finalize is on: a return is a restore of an export (see cutover/README.md), or a release that mends it`,
		];
	return [
		`pulumi config set cutover:dnsSwitch false -s ${stack}`,
		`pulumi config set cutover:freeze false -s ${stack}`,
		`pulumi up -s ${stack}`,
	];
}
