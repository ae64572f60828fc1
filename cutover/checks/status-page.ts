import { z } from "zod";
import { statusSlug } from "../../observability/uptime-kuma/desired";
import { type Check, expect } from "../check";
import { waitFor } from "../wait";
import type { Place } from "./site";
import { server } from "./stand-in";

/** By a heartbeat's status; a pending one has failed and is tried again. Why is not public. */
const states = ["down", "up", "pending", "maintenance"];
const fine = ["up", "maintenance"];

const heartbeats = z.object({
	heartbeatList: z.record(
		z.string(),
		z.array(z.object({ status: z.number() })),
	),
});

const page = z.object({
	config: z.object({ title: z.string() }),
	publicGroupList: z.array(
		z.object({
			monitorList: z.array(z.object({ id: z.number(), name: z.string() })),
		}),
	),
});

/**
 * The public status page, by name: it answers, and its monitors are up or in a
 * maintenance. Uptime Kuma answers from a cache that is some minutes old at most.
 *
 * @returns what it shows, in words.
 * @throws Error naming monitors that are not up.
 */
export async function statusPage(site: Place): Promise<string> {
	const [shown, beats] = await Promise.all([
		ask(site, statusSlug).then((body) => page.parse(body)),
		ask(site, `heartbeat/${statusSlug}`).then((body) => heartbeats.parse(body)),
	]);
	const monitors = shown.publicGroupList.flatMap(
		({ monitorList }) => monitorList,
	);
	expect(monitors.length > 0, "it shows no monitor");
	const down = monitors.flatMap(({ id, name }) => {
		const last = beats.heartbeatList[id]?.at(-1);
		const state = last
			? (states[last.status] ?? "unknown")
			: "not looked at yet";
		return fine.includes(state) ? [] : [`${name}: ${state}`];
	});
	expect(down.length === 0, `not up: ${down.join("; ")}`);
	return `"${shown.config.title}", ${monitors.length} monitors up`;
}

/** The status page answers at the new address, and every monitor on it is up. */
export function statusPageUp(site: Place): Check {
	return {
		name: "status page up, its monitors green",
		lookAt: "docker service logs uptime-kuma on the Droplet",
		run: () =>
			waitFor(
				"the status page green",
				async () => {
					const shown = await statusPage(site);
					const { status, body } = await site.ask("status", "/");
					expect(status === 200, `/ answered ${status}`);
					const [title = ""] = /<title>.*?<\/title>/.exec(body) ?? [];
					return `${shown}, by ${server("Uptime Kuma", title)}`;
				},
				{ timeoutMs: 120_000, intervalMs: 2_000 },
			),
	};
}

async function ask(site: Place, path: string): Promise<unknown> {
	const answer = await site.ask("status", `/api/status-page/${path}`);
	expect(
		answer.status === 200,
		`/api/status-page/${path} answered ${answer.status}`,
	);
	return JSON.parse(answer.body);
}
