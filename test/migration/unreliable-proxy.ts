import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What happens to a request before or after it is carried out. */
export type Trouble =
	| "none"
	/** 503, nothing done. */
	| "refuse"
	/** 429 with Retry-After, nothing done. */
	| "throttle"
	/** Connection cut, nothing done. */
	| "drop"
	/** Carried out, then 502. */
	| "commit then fail"
	/** Carried out, then the connection is cut. */
	| "commit then drop";

/** A request that came in. */
export interface Seen {
	readonly method: string;
	readonly path: string;
	readonly body: string;
	/** Milliseconds, of performance.now. */
	readonly at: number;
}

/** A proxy before an HTTP service that loses requests and answers as told. */
export class UnreliableProxy {
	readonly seen: Seen[] = [];
	/** Most requests that were open at one time. */
	widest = 0;
	/** Called for every request; `count` is the number of requests so far. */
	trouble: (seen: Seen, count: number) => Trouble = () => "none";
	/** Of a throttled answer: whole seconds or a date. */
	retryAfter: () => string = () => "0";
	private open = 0;
	private readonly server: Server;

	constructor(private readonly upstream: string) {
		this.server = createServer(async (request, response) => {
			this.widest = Math.max(this.widest, ++this.open);
			response.once("close", () => this.open--);
			const seen = {
				method: request.method ?? "",
				path: request.url ?? "",
				body: await text(request).catch(() => ""),
				at: performance.now(),
			};
			this.seen.push(seen);
			const trouble = this.trouble(seen, this.seen.length);
			if (trouble === "drop") return void request.socket.destroy();
			if (trouble === "refuse") return void response.writeHead(503).end();
			if (trouble === "throttle")
				return void response
					.writeHead(429, { "Retry-After": this.retryAfter() })
					.end();
			const answer = await this.forward(seen, request);
			const body = await answer.text();
			if (trouble === "commit then drop") return void request.socket.destroy();
			response
				.writeHead(trouble === "commit then fail" ? 502 : answer.status, {
					"Content-Type":
						answer.headers.get("content-type") ?? "application/json",
				})
				.end(body);
		});
	}

	/** Starts on a free port; gives its URL. */
	async start(): Promise<string> {
		await new Promise<void>((resolve) =>
			this.server.listen(0, "127.0.0.1", resolve),
		);
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	/** Forgets the requests so far. */
	reset(): void {
		this.seen.length = 0;
		this.widest = 0;
	}

	/** Requests since the start or the last reset, by method; reads are not among the writes. */
	get writes(): Seen[] {
		return this.seen.filter(({ method }) => method !== "GET");
	}

	private async forward(
		{ method, path, body }: Seen,
		request: IncomingMessage,
	): Promise<Response> {
		const headers = Object.entries(request.headers).filter(
			([name]) => name.startsWith("x-stack-") || name === "content-type",
		) as [string, string][];
		return fetch(`${this.upstream}${path}`, {
			method,
			headers,
			...(body !== "" && { body }),
		});
	}
}

/**
 * Troubles at random, the same for the same seed and order of requests: so many of
 * a hundred requests are lost one way or another, and so many throttled.
 */
export function randomTrouble(
	seed: number,
	percent: { readonly lost: number; readonly throttled: number },
): () => Trouble {
	const lost: Trouble[] = [
		"refuse",
		"drop",
		"commit then fail",
		"commit then drop",
	];
	const random = mulberry32(seed);
	return () => {
		const draw = random() * 100;
		if (draw < percent.throttled) return "throttle";
		if (draw < percent.throttled + percent.lost)
			return lost[Math.floor(random() * lost.length)] ?? "none";
		return "none";
	};
}

/** Numbers from 0 to 1 out of a seed (Tommy Ettinger's Mulberry32, public domain). */
export function mulberry32(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}
