/**
 * What is asked of Prometheus. Shares are of what users do: probes and scrapes would
 * drown a night's few requests.
 */
const people = 'route!~"/health.*|/metrics"';
const health = 'route=~"/health.*"';
const failed = 'result=~"failure|error"';
const tried = 'result=~"success|failure|error"';

/** Seconds between two looks, also of Prometheus at what has held. */
export const intervalSeconds = 15;

/** Seconds over which shares are taken: log-ins are fewer than requests. */
export const windows = { errors: 120, logins: 300 } as const;

/** Seconds beyond its window for which a criterion has to hold. */
export const margin = 30;

/** Samples of itself that a Prometheus has which scrapes every 15 s, but for two. */
export const fewestLooks = (windows.errors + margin) / 15 - 2;

/** Farther back no reading is looked for, in seconds. */
export const farthest = 20 * 60;

/** A query, of a time: " offset 1d", " @ 1700000000", or nothing for now. */
type Query = (window: string, at: string) => string;

const share =
	(metric: string, bad: string, all: string): Query =>
	(window, at) =>
		`(sum(rate(${metric}{${bad}}[${window}]${at})) or vector(0)) / (sum(rate(${metric}{${all}}[${window}]${at})) > 0)`;

const requests = "http_requests_total";
const errors = share(requests, `${people},status=~"5.."`, people);
const logins = share("logins_total", failed, tried);
const databaseErrors = share(requests, `${health},status="503"`, health);
const readings: Query = (window, at) =>
	`60 * sum(rate(readings_ingested_total[${window}]${at}))`;
const latency: Query = (window, at) =>
	`histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${people}}[${window}]${at})))`;

const [forErrors, forLogins] = [`${windows.errors}s`, `${windows.logins}s`];

/** What is compared with the time before the switch. */
const compared = { errors, logins, readings, latency };
export type Compared = keyof typeof compared;

/**
 * The least value since `window` and a margin ago, so that one bad moment, which is
 * in the shares for as long as their window, does not count. Empty where something
 * is missing in between.
 */
function held(query: Query, seconds: number): string {
	const all = `(${query(`${seconds}s`, "")})[${seconds + margin}s:${intervalSeconds}s]`;
	const most = Math.floor((seconds + margin) / intervalSeconds);
	return `min_over_time(${all}) and (count_over_time(${all}) >= ${most - 1})`;
}

/** 1 where it was so at least once in that time, 0 where never. */
function ever(metric: string): string {
	return `max_over_time((max(${metric}) or vector(0))[${windows.errors + margin}s:${intervalSeconds}s])`;
}

const now = {
	time: "vector(time())",
	/** Samples that Prometheus has of itself: whether it has looked for long enough. */
	looks: `max(count_over_time(up{job="prometheus"}[${windows.errors + margin}s]))`,
	requests: `sum(increase(${requests}{${people}}[5m]))`,
	errors: errors(forErrors, ""),
	errorsHeld: held(errors, windows.errors),
	loginsOk: 'sum(increase(logins_total{result="success"}[10m]))',
	loginsFailed: `sum(increase(logins_total{${failed}}[10m]))`,
	logins: logins(forLogins, ""),
	loginsHeld: held(logins, windows.logins),
	readings: readings("5m", ""),
	/** When the last reading came, in the last minutes; 0 where none did. */
	lastReading: `max_over_time((time() * (sum(increase(readings_ingested_total[1m])) > bool 0))[${farthest}s:${intervalSeconds}s])`,
	lag: "max(cutover_sync_lag_seconds)",
	latency: latency("5m", ""),
	databaseErrors: databaseErrors(forErrors, ""),
	databaseErrorsHeld: held(databaseErrors, windows.errors),
	backendSeen: ever('up{job="backend"}'),
	targets: "count(up)",
	targetsUp: "sum(up)",
};
export type Now = keyof typeof now;

/** One instant vector each; labels tell them apart, as below. */
const lists = {
	down: "up == 0",
	alerts: 'ALERTS{alertstate="firing",severity!="none"}',
};
export type Listed = keyof typeof lists;

/** The label that holds a query's name in the answer to all of them. */
export const nameLabel = "watch";

/** The label's prefix for the same hour of the day before, and the hour before. */
export const earlier = { dayBefore: "day_before_", before: "before_" } as const;

/**
 * All that one look asks for, as one query: what it answers is of one moment.
 *
 * @param switchedAt Unix time in seconds; the comparison is with the same hour of the
 *   last day before it, and with the hour just before it.
 */
export function lookQuery(switchedAt: number | undefined, at: number): string {
	const days =
		switchedAt === undefined
			? 0
			: Math.max(1, Math.ceil((at - switchedAt) / 86_400));
	const past = Object.entries(compared).flatMap(([name, query]) =>
		switchedAt === undefined
			? []
			: [
					[`${earlier.dayBefore}${name}`, query("1h", ` offset ${days}d`)],
					[`${earlier.before}${name}`, query("1h", ` @ ${switchedAt}`)],
				],
	);
	return [...Object.entries({ ...now, ...lists }), ...past]
		.map(
			([name, query]) =>
				`label_replace(${query}, "${nameLabel}", "${name}", "", "")`,
		)
		.join(" or ");
}
