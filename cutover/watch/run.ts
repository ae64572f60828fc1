import { setTimeout as delay } from "node:timers/promises";
import { ExitCode } from "../errors";
import type { Look } from "./look";
import { intervalSeconds } from "./queries";
import { type Verdict, verdict } from "./verdict";

export interface WatchRun {
	look(): Promise<Look>;
	/** Told of every look. */
	show(look: Look, verdict: Verdict): void;
	/** Ends it, between two looks. */
	signal: AbortSignal;
	/** Milliseconds; for as long as nobody ends it where it is undefined. */
	forMs: number | undefined;
	/** Between the beginnings of two looks; the default is queries.ts' own. */
	intervalMs?: number;
}

/**
 * Looks until it is told to stop.
 *
 * @returns the exit code, by the last look: 0 go, 4 roll back, 5 wait, and 1 where
 *   Prometheus has not answered even once.
 */
export async function watch(run: WatchRun): Promise<number> {
	const { look, show, signal, forMs = Number.POSITIVE_INFINITY } = run;
	const interval = run.intervalMs ?? intervalSeconds * 1000;
	const startedAt = performance.now();
	let answered = false;
	for (let looks = 1; ; looks++) {
		const seen = await look();
		const said = verdict(seen);
		show(seen, said);
		answered ||= seen.problem === undefined;
		const next = looks * interval;
		if (next <= forMs) {
			const left = Math.max(0, startedAt + next - performance.now());
			await delay(left, undefined, { signal }).catch(() => {});
		}
		if (next > forMs || signal.aborted)
			return answered ? codes[said.decision] : ExitCode.failure;
	}
}

const codes = {
	go: 0,
	wait: ExitCode.undecided,
	"roll back": ExitCode.refused,
} as const;
