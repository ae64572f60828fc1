import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, parseConfig } from "./loki/config";
import type { Journal } from "./loki/journal";
import { Loki } from "./loki/server";

const file = join(__dirname, "../../observability/loki/loki.yaml");
const config: Config = parseConfig(readFileSync(file, "utf8"));
const second = 1_000_000_000n;
/** A full minute, so that steps are round. */
export const start = 1_796_000_040;
export const at = (seconds: number) =>
	String(BigInt(start) * second + BigInt(Math.round(seconds * 1e9)));

export interface Answer {
	status: number;
	text: string;
	// biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are what the tests assert
	data: any;
}

/** A stand-in whose clock stands ten minutes behind `start`. */
export class Served {
	now = (start + 600) * 1000;
	private constructor(
		readonly loki: Loki,
		private readonly url: string,
	) {}

	static async begin(
		journal?: Journal,
		changed: Partial<Config["limits_config"]> = {},
		maxBytes = 2 ** 24,
	): Promise<Served> {
		let served: Served | undefined;
		const loki = new Loki({
			config: {
				...config,
				limits_config: { ...config.limits_config, ...changed },
			},
			maxBytes,
			...(journal ? { journal } : {}),
			now: () => served?.now ?? 0,
		});
		await new Promise<void>((resolve) =>
			loki.server.listen(0, "127.0.0.1", resolve),
		);
		const address = loki.server.address();
		assert(typeof address === "object" && address);
		served = new Served(loki, `http://127.0.0.1:${address.port}`);
		return served;
	}

	async ask(path: string, init: RequestInit = {}): Promise<Answer> {
		const answer = await fetch(`${this.url}${path}`, init);
		const text = await answer.text();
		const json = answer.headers.get("content-type")?.includes("json");
		return {
			status: answer.status,
			text,
			data: json ? (JSON.parse(text).data ?? JSON.parse(text)) : undefined,
		};
	}

	get(path: string, parameters: Record<string, string> = {}): Promise<Answer> {
		return this.ask(`${path}?${new URLSearchParams(parameters)}`);
	}

	/** Over the ten minutes from `start` on. */
	range(query: string, more: Record<string, string> = {}): Promise<Answer> {
		return this.get("/loki/api/v1/query_range", {
			...{ query, start: at(0), end: at(600), step: "60", ...more },
		});
	}

	push(streams: object[], headers: Record<string, string> = {}) {
		return this.ask("/loki/api/v1/push", {
			method: "POST",
			headers: { "content-type": "application/json", ...headers },
			body: JSON.stringify({ streams }),
		});
	}

	end(): void {
		this.loki.server.close();
		this.loki.server.closeAllConnections();
	}
}

/** Twelve requests, one every 10 s: of the API, every third of them failed, and of the site. */
export async function fill(served: Served): Promise<void> {
	const requests = (service: string, from: number) =>
		Array.from({ length: 6 }, (_, index) => [
			at(from + 20 * index),
			JSON.stringify({
				...{ msg: `GET /${index}`, took: `${index}00ms` },
				status: service === "api" && index % 3 === 0 ? 500 : 200,
				request: { method: index % 2 ? "GET" : "POST" },
			}),
			{ request_id: `${service}-${index}` },
		]);
	const { status } = await served.push([
		{
			stream: { service: "api", level: "info" },
			values: requests("api", 10),
		},
		{
			stream: { service: "site", level: "info" },
			values: requests("site", 20),
		},
		{
			stream: { service: "database", level: "error" },
			values: [[at(30), 'level=error msg="no room" free=10MB']],
		},
	]);
	assert.equal(status, 204);
}

/** Messages of the lines that a query finds, oldest first. */
export async function messages(
	served: Served,
	query: string,
): Promise<string[]> {
	const { status, text, data } = await served.range(query, {
		direction: "forward",
	});
	assert.equal(status, 200, text);
	assert.equal(data.resultType, "streams");
	return data.result
		.flatMap(
			({ stream, values }: { stream: object; values: [string, string][] }) =>
				values.map(([ns, line]) => ({ ns, line, stream })),
		)
		.sort((a: { ns: string }, b: { ns: string }) => (a.ns < b.ns ? -1 : 1))
		.map(({ line }: { line: string }) =>
			line.startsWith("{") ? JSON.parse(line).msg : line,
		);
}
