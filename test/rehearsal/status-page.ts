import { setTimeout as delay } from "node:timers/promises";
import { wordsOf } from "../../cutover/announce";
import { expect } from "../../cutover/check";
import type { Place } from "../../cutover/checks/site";
import { waitFor } from "../../cutover/wait";
import { statusSlug } from "../../observability/uptime-kuma/desired";

/** What a visitor saw, from a moment on. */
interface Sighting {
	at: Date;
	/** Titles of what is pinned, by the public API. */
	incidents: string[];
	maintenance: number;
	/** The page itself, as a browser gets it. */
	html: string;
}

type Visited = Pick<Place, "ask">;

const progress = wordsOf("begin", "").title;
const success = wordsOf("complete", "").title;

/** One look at the status page, by its name at the new address. */
async function visit(site: Visited): Promise<Sighting> {
	const [api, page] = await Promise.all([
		site.ask("status", `/api/status-page/${statusSlug}`),
		site.ask("status", "/"),
	]);
	expect(api.status === 200, `the API answered ${api.status}`);
	expect(page.status === 200, `the page answered ${page.status}`);
	const { incidents, maintenanceList } = JSON.parse(api.body) as {
		incidents: { title: string }[];
		maintenanceList: unknown[];
	};
	return {
		at: new Date(),
		incidents: incidents.map(({ title }) => title),
		maintenance: maintenanceList.length,
		html: page.body,
	};
}

/**
 * Looks at the status page as a visitor while the ladder climbs, which tells of a
 * cutover and of its success within one `pulumi up`.
 *
 * @param onIncident called once for each title, while it is shown: the moment for a
 *   screenshot.
 */
export class StatusPageWatch {
	readonly #seen: Sighting[] = [];
	readonly #stop = new AbortController();
	readonly #running: Promise<void>;

	constructor(
		private readonly site: Visited,
		private readonly onIncident: (
			title: string,
		) => Promise<void> = async () => {},
	) {
		this.#running = this.#run();
	}

	/**
	 * Ends it when the page tells of success.
	 *
	 * @returns what it showed, in words.
	 * @throws Error where a visitor has not seen the cutover begin and succeed, by the
	 *   API and on the page.
	 */
	async succeeded(timeoutMs = 60_000): Promise<string> {
		try {
			await waitFor(
				"the status page to tell of success",
				async () => (this.#find(success) ? true : undefined),
				{ timeoutMs },
			);
		} finally {
			await this.stop();
		}
		const begun = this.#find(progress);
		const ended = this.#find(success);
		if (!begun || !ended)
			throw new Error(
				`visitors never saw "${progress}"; they saw ${JSON.stringify(this.#seen.map(({ incidents }) => incidents))}`,
			);
		expect(begun.at < ended.at, "success was shown before progress");
		expect(
			this.#seen.some(({ maintenance }) => maintenance > 0),
			"no maintenance was shown",
		);
		expect(ended.maintenance === 0, "maintenance goes on after the success");
		expect(
			!ended.incidents.includes(progress),
			`"${progress}" is still shown beside the success`,
		);
		const seconds = (ended.at.getTime() - begun.at.getTime()) / 1000;
		return `"${progress}" for ${seconds.toFixed(1)} s, then "${success}", by API and page`;
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		await this.#running;
	}

	/** The first sighting of this title by the API, where the page had it too. */
	#find(title: string): Sighting | undefined {
		return this.#seen.find(
			({ incidents, html }) =>
				incidents.includes(title) && html.includes(title),
		);
	}

	async #run(): Promise<void> {
		const { signal } = this.#stop;
		const known = new Set<string>();
		while (!signal.aborted) {
			// While Caddy or Uptime Kuma are updated there is nothing to see.
			const seen = await visit(this.site).catch(() => undefined);
			if (seen) {
				this.#seen.push(seen);
				for (const title of seen.incidents.filter((one) => !known.has(one))) {
					known.add(title);
					await this.onIncident(title);
				}
			}
			await delay(300, undefined, { signal }).catch(() => undefined);
		}
	}
}

/**
 * After a return or at the end of the ladder: nothing is announced any more.
 *
 * @param past title that is among the past incidents.
 */
export async function statusPageQuiet(
	site: Visited,
	past?: string,
): Promise<string> {
	return waitFor(
		"a status page without news",
		async () => {
			const { incidents, maintenance } = await visit(site);
			expect(
				incidents.length === 0 && maintenance === 0,
				`it shows ${incidents.join(", ") || "maintenance"}`,
			);
			if (past === undefined) return "nothing announced";
			const { body } = await site.ask(
				"status",
				`/api/status-page/${statusSlug}/incident-history`,
			);
			expect(body.includes(past), `"${past}" is not among the past incidents`);
			return `nothing announced; "${past}" among the past`;
		},
		{ timeoutMs: 30_000, intervalMs: 500 },
	);
}
