import type { Site } from "../checks/site";
import { statusPage } from "../checks/status-page";
import {
	type Compared,
	earlier,
	farthest,
	fewestLooks,
	type Listed,
	lookQuery,
	type Now,
	nameLabel,
} from "./queries";

/** A number of now and of before the switch; undefined where nothing was measured. */
export interface Measured {
	now: number | undefined;
	before: number | undefined;
}

/** What one look at the new system has shown. */
export interface Look {
	/** ISO 8601, by Prometheus' clock where it answers. */
	at: string;
	/** Why Prometheus could not be asked; all below is unknown then. */
	problem?: string;
	/** Since the names moved; undefined where they lead to the old system. */
	secondsSinceSwitch: number | undefined;
	/** Prometheus has looked long enough to say what has held. */
	seasoned: boolean;
	/** In the last five minutes, of people. */
	requests: number | undefined;
	/** Shares; `held` is the least of its time: see queries.ts. */
	errors: Measured & { held: number | undefined };
	/** `ok` and `failed` are counts of the last ten minutes. */
	logins: Measured & {
		held: number | undefined;
		ok: number | undefined;
		failed: number | undefined;
	};
	/** A minute. */
	readings: Measured & { gapSeconds: number | undefined };
	/** Of the follower; undefined where none runs, as behind the freeze. */
	lagSeconds: number | undefined;
	/** Seconds, the 95th percentile. */
	latency: Measured;
	/** Share of the backend's own looks at its database that failed. */
	database: { now: number | undefined; held: number | undefined };
	/** False where no backend has answered for minutes. */
	backendSeen: boolean;
	targets: { up: number; all: number; down: string[] };
	statusPage: { up: boolean; detail: string };
	alerts: { name: string; severity: string }[];
}

interface Series {
	metric: Record<string, string>;
	value: [time: number, value: string];
}

/**
 * Looks at the new system once, by name at its own address. Never fails: what cannot
 * be asked is in the result.
 *
 * @param switchedAt Unix time in seconds; undefined where the names have not moved.
 */
export async function look(
	site: Site,
	switchedAt: number | undefined,
): Promise<Look> {
	const asked = Date.now() / 1000;
	const query = encodeURIComponent(lookQuery(switchedAt, asked));
	const [answer, page] = await Promise.all([
		site
			.prometheus<{ result: Series[] }>(`query?query=${query}`)
			.then(({ result }) => ({ result, problem: undefined }))
			.catch((error: Error) => ({ result: [], problem: error.message })),
		statusPage(site)
			.then((detail) => ({ up: true, detail }))
			.catch((error: Error) => ({ up: false, detail: error.message })),
	]);
	const { result, problem } = answer;
	const of = (name: string) =>
		result.filter(({ metric }) => metric[nameLabel] === name);
	const number = (name: string) => {
		const value = Number(of(name)[0]?.value[1] ?? Number.NaN);
		return Number.isFinite(value) ? value : undefined;
	};
	const now = (name: Now) => number(name);
	const list = (name: Listed) => of(name).map(({ metric }) => metric);
	const measured = (name: Compared): Measured => ({
		now: now(name),
		before:
			number(`${earlier.dayBefore}${name}`) ??
			number(`${earlier.before}${name}`),
	});
	const time = now("time") ?? asked;
	const since =
		switchedAt === undefined ? undefined : Math.max(0, time - switchedAt);
	const last = now("lastReading");
	return {
		at: new Date(time * 1000).toISOString(),
		...(problem === undefined ? {} : { problem }),
		secondsSinceSwitch: since,
		seasoned: (now("looks") ?? 0) >= fewestLooks,
		requests: now("requests"),
		errors: { ...measured("errors"), held: now("errorsHeld") },
		logins: {
			...measured("logins"),
			held: now("loginsHeld"),
			ok: now("loginsOk"),
			failed: now("loginsFailed"),
		},
		readings: {
			...measured("readings"),
			gapSeconds:
				last === undefined
					? undefined
					: Math.min(time - last, farthest, since ?? farthest),
		},
		lagSeconds: now("lag"),
		latency: measured("latency"),
		database: {
			now: now("databaseErrors"),
			held: now("databaseErrorsHeld"),
		},
		backendSeen: now("backendSeen") !== 0,
		targets: {
			up: now("targetsUp") ?? 0,
			all: now("targets") ?? 0,
			down: list("down").map(({ job, instance }) => `${job} ${instance}`),
		},
		statusPage: page,
		alerts: list("alerts").map(({ alertname = "", severity = "" }) => ({
			name: alertname,
			severity,
		})),
	};
}
