import type { DataSource } from "./provisioning";

export interface Forwarded {
	status: number;
	type: string;
	body: string;
}

/** What a data source is asked with to see whether it answers, as Grafana does. */
const probes = {
	prometheus: {
		path: "api/v1/query?query=1%2B1",
		well: "Successfully queried the Prometheus API.",
	},
	loki: {
		path: "loki/api/v1/query?query=vector(1)%2Bvector(1)",
		well: "Data source successfully connected.",
	},
};

const patienceMs = 30_000;

/**
 * Hands a request on. The client's log-in stays here: it is Grafana's, not the data
 * source's.
 *
 * @param path below the source's URL, with its query.
 * @throws Error where no answer comes.
 */
export async function forward(
	source: DataSource,
	path: string,
	request: { method: string; type?: string; body?: string } = { method: "GET" },
): Promise<Forwarded> {
	const answer = await fetch(`${source.url.replace(/\/$/, "")}/${path}`, {
		method: request.method,
		signal: AbortSignal.timeout(patienceMs),
		...(request.body ? { body: request.body } : {}),
		...(request.type ? { headers: { "content-type": request.type } } : {}),
	});
	return {
		status: answer.status,
		type: answer.headers.get("content-type") ?? "text/plain",
		body: await answer.text(),
	};
}

/** Whether it answers and works, in Grafana's words. */
export async function health(
	source: DataSource,
): Promise<{ status: "OK" | "ERROR"; message: string }> {
	const { path, well } = probes[source.type];
	try {
		const { status, body } = await forward(source, path);
		const sound = status === 200 && /"status":\s*"success"/.test(body);
		return sound
			? { status: "OK", message: well }
			: { status: "ERROR", message: `${status} ${body.slice(0, 200)}` };
	} catch (error) {
		return { status: "ERROR", message: reason(error) };
	}
}

/** Why a fetch failed: its own message says only that it did. */
export function reason(error: unknown): string {
	const { cause, message } = error as Error;
	return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
