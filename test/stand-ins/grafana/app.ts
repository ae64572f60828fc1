import { timingSafeEqual } from "node:crypto";
import {
	createServer,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import { ZodError } from "zod";
import { Annotations } from "./annotations";
import { type Answer, Refused, routes, type World } from "./api";
import { createMetrics } from "./metrics";
import { dashboardPage, homePage, loginPage } from "./pages";
import { readProvisioning } from "./provisioning";
import type { Settings } from "./settings";

/** Open to everybody, as with Grafana. */
const open = new Set(["/api/health", "/login", "/metrics"]);

/**
 * The stand-in's server, not listening yet.
 *
 * @throws Error naming what is wrong with the provisioning files.
 */
export function createGrafana(settings: Settings): Server {
	const world: World = {
		provisioned: readProvisioning(settings.provisioning),
		annotations: new Annotations(settings.data),
		user: settings.user,
	};
	const { registry, duration } = createMetrics();
	return createServer(async (request, response) => {
		const end = duration.startTimer();
		const url = new URL(request.url ?? "/", "http://grafana");
		const { method = "GET" } = request;
		const { handler, answer } = await answerTo(request, method, url);
		end({ handler, method, status_code: String(answer.status) });
		send(response, answer);
	});

	async function answerTo(
		request: IncomingMessage,
		method: string,
		url: URL,
	): Promise<{ handler: string; answer: Answer }> {
		if (!open.has(url.pathname)) {
			const refused = refusal(settings, request.headers.authorization);
			if (refused) {
				return { handler: "unauthorized", answer: refused };
			}
		}
		const found = find(method, url.pathname);
		try {
			if (!found) return { handler: "other", answer: await page(method, url) };
			const { handler, pattern, parts, rest } = found;
			const answer = await handler(world, {
				...{ method, parts, rest, query: url.searchParams },
				type: request.headers["content-type"],
				body: await bodyOf(request),
			});
			return { handler: pattern, answer };
		} catch (error) {
			return { handler: found?.pattern ?? "other", answer: mistake(error) };
		}
	}

	async function page(method: string, url: URL): Promise<Answer> {
		const html = (body: string): Answer => ({
			...{ status: 200, type: "text/html; charset=utf-8", body },
		});
		const [, first, uid] = url.pathname.split("/");
		if (method === "GET") {
			if (url.pathname === "/login") return html(loginPage());
			if (url.pathname === "/") return html(homePage(world));
			if (url.pathname === "/metrics") {
				return {
					...{ status: 200, type: registry.contentType },
					body: await registry.metrics(),
				};
			}
			if (first === "d" && uid) {
				const body = await dashboardPage(world, uid, url.searchParams);
				if (body) return html(body);
			}
		}
		return { status: 404, body: { message: "Not found" } };
	}
}

/** Without a log-in, or with a wrong one. */
function refusal(
	{ user, password }: Settings,
	header: string | undefined,
): Answer | undefined {
	if (!header) return { status: 401, body: { message: "Unauthorized" } };
	const [scheme, encoded = ""] = header.split(" ");
	const given = Buffer.from(encoded, "base64");
	const expected = Buffer.from(`${user}:${password}`);
	if (
		scheme === "Basic" &&
		given.length === expected.length &&
		timingSafeEqual(given, expected)
	) {
		return undefined;
	}
	return { status: 401, body: { message: "Invalid username or password" } };
}

/** The route that a path is of: `:name` takes one part of it, `*` all that follows. */
function find(method: string, path: string) {
	for (const [route, handler] of Object.entries(routes)) {
		const [verb, pattern = ""] = route.split(" ");
		if (verb !== method) continue;
		const wanted = pattern.split("/");
		const given = path.split("/");
		const tail = wanted.at(-1) === "*";
		if (tail ? given.length < wanted.length : given.length !== wanted.length) {
			continue;
		}
		const fixed = tail ? wanted.slice(0, -1) : wanted;
		const fits = fixed.every(
			(part, index) => part.startsWith(":") || part === given[index],
		);
		if (!fits) continue;
		const parts = Object.fromEntries(
			fixed.flatMap((part, index) =>
				part.startsWith(":")
					? [[part.slice(1), decodeURIComponent(given[index] ?? "")]]
					: [],
			),
		);
		const rest = tail ? given.slice(fixed.length).join("/") : "";
		return { handler, pattern, parts, rest };
	}
	return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}

function mistake(error: unknown): Answer {
	if (error instanceof Refused) {
		return { status: error.status, body: { message: error.message } };
	}
	if (error instanceof ZodError || error instanceof SyntaxError) {
		return {
			status: 400,
			body: { message: `bad request data: ${error.message}` },
		};
	}
	return { status: 500, body: { message: (error as Error).message } };
}

function send(response: ServerResponse, { status, body, type }: Answer): void {
	response
		.writeHead(status, { "content-type": type ?? "application/json" })
		.end(type ? body : JSON.stringify(body));
}
