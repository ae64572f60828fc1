import { randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
	createServer,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Context } from "../context";
import type { Control } from "./control";
import {
	ApiError,
	badRequest,
	errorForStatus,
	notFound,
	serverError,
	unauthorized,
} from "./errors";
import { RateLimit } from "./rate-limit";
import { type Route, Router } from "./router";

/** A request and its answer, as told to observers (the OpenAPI check is one). */
export interface Exchange {
	method: string;
	path: string;
	query: URLSearchParams;
	/** OpenAPI's path template; undefined when no route fits. */
	template: string | undefined;
	requestBody: unknown;
	status: number;
	answerBody: unknown;
}

export interface ApiOptions {
	context: Context;
	routes: Route[];
	control: Control;
	/** Sees every exchange with the API proper, errors included. */
	onExchange: (exchange: Exchange) => void;
}

interface Answer {
	status: number;
	body?: unknown;
	headers?: Record<string, string>;
}

/** Longest request body: a Droplet's user data is at most 64 KiB. */
const longestBody = 1024 * 1024;

/** The HTTP face of the emulated account. Listens on loopback only. */
export class ApiServer {
	readonly url: string;
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	}

	static async listen(options: ApiOptions, port = 0): Promise<ApiServer> {
		const router = new Router(options.routes);
		const limit = new RateLimit();
		const server = createServer((request, response) => {
			void serve(options, router, limit, request, response);
		});
		server.listen(port, "127.0.0.1");
		await once(server, "listening");
		return new ApiServer(server);
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((done) => this.#server.close(done));
	}
}

async function serve(
	options: ApiOptions,
	router: Router,
	limit: RateLimit,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const method = request.method ?? "GET";
	let answer: Answer;
	try {
		const url = urlOf(request);
		const body = await readBody(request);
		answer = url.pathname.startsWith("/_emulator")
			? await options.control.handle(method, url.pathname, body)
			: await answerApi(options, router, limit, { method, url, request, body });
	} catch (error) {
		answer = errorAnswer(error);
	}
	send(response, answer);
}

function urlOf(request: IncomingMessage): URL {
	const origin = `http://${request.headers.host ?? "127.0.0.1"}`;
	try {
		return new URL(`${origin}${request.url}`);
	} catch {
		throw badRequest("The address of the request can not be read.");
	}
}

async function answerApi(
	{ context, control, onExchange }: ApiOptions,
	router: Router,
	limit: RateLimit,
	call: { method: string; url: URL; request: IncomingMessage; body: unknown },
): Promise<Answer> {
	const { method, url, request, body } = call;
	const match = router.match(method, url.pathname);
	const answer = await respond().catch(errorAnswer);
	onExchange({
		method,
		path: url.pathname,
		query: url.searchParams,
		template: match?.route.path,
		requestBody: body,
		status: answer.status,
		answerBody: answer.body,
	});
	control.record(method, url.pathname, answer.status);
	return {
		...answer,
		headers: { ...limit.count(), ...answer.headers },
	};

	async function respond(): Promise<Answer> {
		authenticate(request, context.token);
		const fault = control.takeFault(method, url.pathname);
		if (fault)
			return {
				...errorAnswer(errorForStatus(fault.status)),
				headers: fault.status === 429 ? { "Retry-After": "1" } : {},
			};
		if (!match) throw notFound();
		const result = await match.route.handle({
			params: match.params,
			query: url.searchParams,
			body,
			origin: url.origin,
			path: url.pathname,
		});
		return { status: match.route.status, body: checked(match.route, result) };
	}
}

function authenticate(request: IncomingMessage, token: string): void {
	const given = Buffer.from(request.headers.authorization ?? "");
	const wanted = Buffer.from(`Bearer ${token}`);
	if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
		throw unauthorized();
}

/** Holds an answer against the keys that clients read; a breach is the emulator's own fault. */
function checked(route: Route, result: unknown): unknown {
	if (!route.answer) return undefined;
	const parsed = route.answer.safeParse(result);
	if (parsed.success) return result;
	const issue = parsed.error.issues[0];
	throw serverError(
		`The emulator's answer to ${route.method} ${route.path} lacks what clients read: ${issue?.path.join(".")} ${issue?.message}`,
	);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > longestBody) throw badRequest("Request body is too long.");
		chunks.push(chunk);
	}
	const text = Buffer.concat(chunks).toString();
	if (text.trim() === "") return undefined;
	try {
		return JSON.parse(text);
	} catch {
		throw badRequest("There was a problem parsing the JSON request body.");
	}
}

function errorAnswer(error: unknown): Answer {
	const known =
		error instanceof ApiError
			? error
			: serverError(error instanceof Error ? error.message : String(error));
	const { status, id, message } = known;
	// The description has another form for a 400; clients read either.
	const alternative = status === 400 ? { error: message, root_causes: [] } : {};
	return { status, body: { id, message, ...alternative } };
}

function send(response: ServerResponse, answer: Answer): void {
	const text = answer.body === undefined ? "" : JSON.stringify(answer.body);
	response.writeHead(answer.status, {
		...(text === ""
			? {}
			: { "Content-Type": "application/json; charset=utf-8" }),
		"X-Request-Id": randomUUID(),
		...answer.headers,
	});
	response.end(text);
}
