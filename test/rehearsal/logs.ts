import { randomUUID } from "node:crypto";
import { expect } from "../../cutover/check";
import { streamsIn } from "../../cutover/checks/logs-arrive";
import type { Site } from "../../cutover/checks/site";
import { waitFor } from "../../cutover/wait";
import { hidden } from "../../observability/otel/masks";
import type { Rehearsal } from "./rehearsal";

/** A line as Loki has it. */
interface Line {
	labels: Record<string, string>;
	text: string;
}

/**
 * A request's lines of the front door and of the backend are found by the id that its
 * answer has, as an operator finds them: in Loki, through Grafana, by name. An e-mail
 * address and a token in the request are not in them.
 */
export async function logsArrive(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const site = rehearsal.site(stack);
	const planted = randomUUID();
	const query = `mail=${planted}@example.com&access_token=${planted}`;
	const { headers } = await site.ask("api", `/api/nothing?${query}`);
	const id = String(headers["x-request-id"]);
	expect(/^[0-9a-f-]{36}$/.test(id), `the answer's x-request-id is ${id}`);
	const wanted = ["backend", "caddy"];
	const started = Date.now();
	const lines = await waitFor(
		`the lines of request ${id} in Loki`,
		async () => {
			const found = await linesIn(
				site,
				`{service=~"${wanted.join("|")}"} | request_id="${id}"`,
			);
			const services = found.map(({ labels }) => labels.service);
			const missing = wanted.filter((service) => !services.includes(service));
			expect(missing.length === 0, `none of ${missing.join(", ")}`);
			return found;
		},
		{ timeoutMs: 60_000, intervalMs: 500 },
	);
	const seconds = ((Date.now() - started) / 1000).toFixed(1);
	const text = lines.map((line) => line.text).join("\n");
	expect(!text.includes(planted), `not masked: ${text}`);
	expect(
		text.includes(`mail=${hidden}@${hidden}&access_token=${hidden}`),
		`not where they were: ${text}`,
	);
	for (const { labels } of lines)
		for (const label of ["node", "stream", "level"])
			expect(labels[label], `no ${label} on a line of ${labels.service}`);
	return `${lines.length} lines of request ${id} by its id after ${seconds} s, address and token masked`;
}

/** The lines of the last ten minutes by Loki's own clock, through Grafana's data source. */
async function linesIn(site: Site, query: string): Promise<Line[]> {
	const found = await streamsIn(
		site,
		new URLSearchParams({ query, since: "10m" }),
	);
	return found.flatMap(({ stream, values }) =>
		values.map(([, text]) => ({ labels: stream, text })),
	);
}
