import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyServerOptions } from "fastify";
import type { Settings } from "./settings";

/** By which the lines of Caddy and of the backend belong together. */
const HEADER = "x-request-id";

/**
 * How the backend logs: a line of JSON each, with the level in words; every line
 * that is about a request has its id.
 * @param stream where lines go, standard output if not given
 */
export function logOptions(
	settings: Settings,
	stream?: { write(line: string): void },
): FastifyServerOptions {
	return {
		logger: {
			level: settings.LOG_LEVEL,
			base: { service: "backend", version: settings.VERSION },
			formatters: { level: (level) => ({ level }) },
			...(stream && { stream }),
		},
		requestIdLogLabel: "request_id",
		genReqId: requestId,
		// One line a request, when it is answered: see logRequests.
		disableRequestLogging: true,
	};
}

/** Caddy's id of the request; a new one for whoever comes without, or with anything else in its place. */
function requestId({ headers }: IncomingMessage): string {
	const given = headers[HEADER];
	return typeof given === "string" && /^[\w-]{1,64}$/.test(given)
		? given
		: randomUUID();
}

/** Logs every answer, at the level of its outcome, and gives the caller the request's id. */
export function logRequests(app: FastifyInstance): void {
	app.addHook("onRequest", async (request, reply) => {
		reply.header(HEADER, request.id);
	});
	app.addHook("onResponse", async (request, reply) => {
		const { method, url, ip } = request;
		const level = reply.statusCode >= 500 ? "error" : "info";
		request.log[level](
			{
				method,
				// Without the query, which may hold what nobody is to read.
				path: url.split("?")[0],
				route: request.routeOptions.url ?? "unmatched",
				status: reply.statusCode,
				duration_ms: Math.round(reply.elapsedTime * 10) / 10,
				ip,
			},
			"request answered",
		);
	});
}
