import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { monitorId } from "../observability/uptime-kuma/apply";
import type { Kuma } from "../observability/uptime-kuma/client";
import { statusSlug } from "../observability/uptime-kuma/desired";
import {
	endMaintenance,
	resolveIncident,
	setMaintenance,
	showIncident,
	type Words,
} from "../observability/uptime-kuma/incidents";
import { now } from "./clock";
import { UserError } from "./errors";
import { annotate } from "./grafana";
import { kumaPlace, withKuma } from "./kuma";
import { main } from "./main";
import { liftSilence, silence } from "./silence";
import { settingsFromStdin } from "./stdin";

/**
 * What the ladder tells the world, phase by phase:
 *
 *   begin     the freeze begins: incident and maintenance on the status page, expected
 *             alerts silent, all with an end
 *   complete  the names lead to the new system: the same over, and an incident says so
 *   put-off   the freeze is taken back, and nothing was switched
 *   returned  the switch is taken back
 *   final     the switch is final: the page is as on any day
 */
export const phases = [
	"begin",
	"complete",
	"put-off",
	"returned",
	"final",
] as const;
export type Phase = (typeof phases)[number];

export const announceSettings = z.strictObject({
	domain: z.string(),
	/** The status page's, and the one log-in. */
	kuma: kumaPlace,
	/** Host name of Grafana and Alertmanager; address and log-in are the same. */
	monitoring: z.string(),
	/** Seconds that a freeze may last. */
	maxFreeze: z.int().positive(),
});

export type AnnounceSettings = z.output<typeof announceSettings>;

/** What comes after the longest freeze: names at every resolver, and a look at all. */
const afterFreezeMs = 30 * 60_000;

/** Longest that an announcement may take; the ladder does not wait, but ends with it. */
const patienceMs = 45_000;

/** Longest wait for an Uptime Kuma that should have been up for days. */
const answerMs = 10_000;

type Announcer = (phase: Phase, settings: AnnounceSettings) => Promise<void>;

const announcers: Record<string, Announcer> = {
	"the status page": (phase, { domain, kuma, maxFreeze }) =>
		withKuma(
			kuma,
			(session) => tellStatusPage(session, phase, domain, lastingMs(maxFreeze)),
			answerMs,
		),
	Alertmanager: async (phase, { kuma, monitoring, maxFreeze }) => {
		const access = accessOf({ kuma, monitoring });
		if (phase === "begin")
			await silence(access, new Date(now().getTime() + lastingMs(maxFreeze)));
		else await liftSilence(access);
	},
	Grafana: async (phase, { domain, kuma, monitoring }) => {
		await annotate(accessOf({ kuma, monitoring }), {
			tags: ["cutover", phase],
			text: wordsOf(phase, domain).title,
			time: Date.now(),
		});
	},
};

function accessOf({
	kuma: { address, user, password },
	monitoring,
}: Pick<AnnounceSettings, "kuma" | "monitoring">) {
	return { url: `https://${monitoring}`, address, user, password };
}

function lastingMs(maxFreeze: number): number {
	return maxFreeze * 1000 + afterFreezeMs;
}

/**
 * Tells all of them at once. None of them can fail the ladder: who could not be told
 * is named.
 *
 * @returns a line each.
 */
export async function announce(
	phase: Phase,
	settings: AnnounceSettings,
	to: Record<string, Announcer> = announcers,
	timeoutMs = patienceMs,
): Promise<string[]> {
	const told = Object.entries(to).map(async ([who, tell]) => {
		const timer = new AbortController();
		try {
			await Promise.race([
				tell(phase, settings),
				delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
					throw new Error(`no answer within ${timeoutMs / 1000} s`);
				}),
			]);
			return `${who}: told of ${phase}`;
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			return `warning: ${who} was not told of ${phase}, and the ladder goes on: ${reason}`;
		} finally {
			timer.abort();
		}
	});
	return Promise.all(told);
}

/**
 * What the status page shows from a phase on. By the wall clock, as the page's own
 * times, which a rehearsal's ladder runs ahead of.
 *
 * @param lasting milliseconds until a maintenance that begins ends by itself.
 */
export async function tellStatusPage(
	kuma: Kuma,
	phase: Phase,
	domain: string,
	lasting: number,
): Promise<void> {
	const words = wordsOf(phase, domain);
	const resolve = (key: "begin" | "complete") =>
		resolveIncident(kuma, statusSlug, key, words);
	if (phase === "begin") {
		await showIncident(kuma, statusSlug, "begin", words);
		const product = await monitorId(kuma, "group-product");
		const title = "Maintenance";
		const description = "What moves counts as neither up nor down meanwhile.";
		const from = new Date();
		const until = new Date(from.getTime() + lasting);
		await setMaintenance(
			kuma,
			statusSlug,
			"cutover",
			{ title, description, from, until },
			product === undefined ? [] : [product],
		);
		return;
	}
	await endMaintenance(kuma, "cutover");
	await resolve("begin");
	if (phase === "complete")
		await showIncident(kuma, statusSlug, "complete", words);
	else await resolve("complete");
}

/** In the users' language: they read it on the status page. */
export function wordsOf(phase: Phase, domain: string): Words {
	switch (phase) {
		case "begin":
			return {
				title: "Cutover in progress",
				content: `${domain} moves to new servers. For a few minutes nothing can be changed; sensors go on recording. You do not have to do anything.`,
				style: "warning",
			};
		case "complete":
			return {
				title: "Cutover successful",
				content: `${domain} runs on its new servers since ${at(new Date())}. If your log-in asks for a new password, use the link that it offers.`,
				style: "info",
			};
		case "put-off":
			return {
				title: "Cutover put off",
				content: `The move of ${domain} was put off at ${at(new Date())}. Everything works as before, and nothing is lost.`,
				style: "info",
			};
		case "returned":
			return {
				title: "Cutover taken back",
				content: `${domain} runs on its former servers again since ${at(new Date())}. What was changed meanwhile was brought back.`,
				style: "info",
			};
		case "final":
			return {
				title: "Cutover successful",
				content: `${domain} runs on its new servers for good.`,
				style: "info",
			};
	}
}

function at(time: Date): string {
	return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

if (require.main === module) {
	main(async () => {
		const phase = phases.find((name) => name === process.argv[2]);
		if (!phase)
			throw new UserError({
				expected: `one of ${phases.join(", ")}`,
				found: process.argv[2] ?? "nothing",
				fix: "run it through pulumi",
			});
		const lines = await announce(
			phase,
			await settingsFromStdin(announceSettings),
		);
		for (const line of lines) process.stderr.write(`announce: ${line}\n`);
		// Who did not answer in time is not waited for.
		process.exit(0);
	});
}
