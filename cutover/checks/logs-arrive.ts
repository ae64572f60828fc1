import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Check, expect } from "../check";
import { waitFor } from "../wait";
import type { Site } from "./site";
import { server } from "./stand-in";

/** Caddy writes a line when it has answered, the collector ships it within seconds. */
const patience = { timeoutMs: 60_000, intervalMs: 1_000 };

const stream = z.object({
	stream: z.record(z.string(), z.string()),
	/** Each a time in nanoseconds, and the line. */
	values: z.array(z.tuple([z.string(), z.string()]).rest(z.unknown())).min(1),
});
const streams = z.object({ data: z.object({ result: z.array(stream) }) });
type Stream = z.infer<typeof stream>;

const build = z.object({
	result: z.array(z.object({ metric: z.object({ version: z.string() }) })),
});

/**
 * What a service logs is found in Loki, asked as a dashboard asks it: a request with an
 * id that was never there before, then a search for that.
 */
export function logsArrive(site: Site): Check {
	return {
		name: "logs arrive",
		lookAt:
			"docker service logs otel-collector and docker service logs loki on the Droplet",
		async run() {
			const id = randomUUID();
			const startedAt = Date.now();
			await site.ask("api", `/api/units?log-check=${id}`);
			const services = await waitFor(
				"the line of a request in Loki",
				async () => {
					const found = await search(site, id, startedAt);
					expect(found.length > 0, "no line has its id");
					return found;
				},
				patience,
			);
			const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
			const version = await waitFor(
				"Loki's version in Prometheus",
				async () => {
					const answer = await site.prometheus("query?query=loki_build_info");
					return build.parse(answer).result[0]?.metric.version;
				},
				patience,
			);
			return `a request's line of ${services.join(", ")} in ${server("Loki", version)} after ${seconds} s`;
		},
	};
}

/**
 * Streams of log lines, by Grafana's way to Loki.
 *
 * @param parameters of Loki's query_range.
 */
export async function streamsIn(
	site: Site,
	parameters: URLSearchParams,
): Promise<Stream[]> {
	const { status, body } = await site.monitoring(
		`/api/datasources/proxy/uid/loki/loki/api/v1/query_range?${parameters}`,
	);
	expect(status === 200, `Loki answered ${status} ${body.slice(0, 200)}`);
	return streams.parse(JSON.parse(body)).data.result;
}

/** The services whose lines hold a text, by Grafana's way to Loki. */
async function search(
	site: Site,
	text: string,
	since: number,
): Promise<string[]> {
	const minute = 60_000;
	const parameters = new URLSearchParams({
		query: `{service=~".+"} |= "${text}"`,
		// Nanoseconds; the Droplet's clock may be another.
		start: `${since - minute}000000`,
		end: `${Date.now() + minute}000000`,
		limit: "10",
	});
	const found = await streamsIn(site, parameters);
	// Loki itself may log the query that it is asked.
	return found
		.map(({ stream }) => stream.service ?? "")
		.filter((service) => ["caddy", "backend"].includes(service));
}
