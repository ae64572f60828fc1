import {
	createServer,
	type IncomingHttpHeaders,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the stand-ins' handlers see it. */
export interface Call {
	method: string;
	url: URL;
	headers: IncomingHttpHeaders;
	/** Parsed JSON; undefined when there is none, null for a body that is no JSON. */
	body: unknown;
}

export interface Reply {
	status: number;
	body?: unknown;
	headers?: Record<string, string>;
}

export interface HttpPeer {
	/** http://ADDRESS:PORT */
	url: string;
	port: number;
	close(): Promise<void>;
}

/** Serves JSON over plain HTTP on a free port of that address. A handler that throws answers 500. */
export async function serveJson(
	address: string,
	handle: (call: Call) => Promise<Reply> | Reply,
): Promise<HttpPeer> {
	return serve(address, async (request, response) => {
		const call: Call = {
			method: request.method ?? "GET",
			url: new URL(
				request.url ?? "/",
				`http://${request.headers.host ?? address}`,
			),
			headers: request.headers,
			body: parse(await readBody(request)),
		};
		const reply = await handle(call);
		const text = textOf(reply);
		response.writeHead(reply.status, {
			...(text ? { "content-type": "application/json" } : {}),
			...reply.headers,
		});
		response.end(text);
	});
}

/** A body as JSON, unless its own headers call it text. */
function textOf({ body, headers }: Reply): string {
	if (body === undefined) return "";
	return headers?.["content-type"]?.startsWith("text/")
		? String(body)
		: JSON.stringify(body);
}

/** Serves plain HTTP on a free port of that address. */
export async function serve(
	address: string,
	listener: (
		request: IncomingMessage,
		response: ServerResponse,
	) => Promise<void>,
): Promise<HttpPeer> {
	const server = createServer((request, response) => {
		listener(request, response).catch((error: unknown) => {
			if (!response.headersSent) response.writeHead(500);
			response.end(error instanceof Error ? error.message : String(error));
		});
	});
	await listen(server, address);
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://${address}:${port}`,
		port,
		close: () => closeServer(server),
	};
}

export function listen(
	server: Server,
	address: string,
	port = 0,
): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, address, () => {
			server.removeListener("error", reject);
			resolve();
		});
	});
}

export function closeServer(server: Server): Promise<void> {
	const closed = new Promise<void>((resolve) => server.close(() => resolve()));
	server.closeAllConnections();
	return closed;
}

export async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
	if (text === "") return undefined;
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
