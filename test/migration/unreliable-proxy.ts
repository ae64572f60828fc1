import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

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

/** A proxy before an HTTP service that loses requests and answers as told. */
export class UnreliableProxy {
	requests = 0;
	/** Most requests that were open at one time. */
	widest = 0;
	trouble: (method: string, count: number) => Trouble = () => "none";
	private open = 0;
	private readonly server: Server;

	constructor(private readonly upstream: string) {
		this.server = createServer(async (request, response) => {
			this.requests++;
			this.widest = Math.max(this.widest, ++this.open);
			response.once("close", () => this.open--);
			const trouble = this.trouble(request.method ?? "", this.requests);
			if (trouble === "drop") return void request.socket.destroy();
			if (trouble === "refuse") return void response.writeHead(503).end();
			if (trouble === "throttle")
				return void response.writeHead(429, { "Retry-After": "0.05" }).end();
			const answer = await this.forward(request);
			const body = await answer.text();
			if (trouble === "commit then drop") return void request.socket.destroy();
			response
				.writeHead(trouble === "commit then fail" ? 502 : answer.status, {
					"Content-Type": "application/json",
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

	private async forward(request: IncomingMessage): Promise<Response> {
		const headers = Object.entries(request.headers).filter(
			([name]) => name.startsWith("x-stack-") || name === "content-type",
		) as [string, string][];
		const body = await buffer(request);
		return fetch(`${this.upstream}${request.url}`, {
			method: request.method ?? "GET",
			headers,
			...(body.length > 0 && { body: new Uint8Array(body) }),
		});
	}
}
