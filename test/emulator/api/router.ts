import type { z } from "zod";
import { badRequest, unprocessable } from "./errors";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Call<Body = unknown> {
	/** Values of the path's placeholders, decoded. */
	params: Record<string, string>;
	query: URLSearchParams;
	body: Body;
	/** Scheme, host and port the client used, for links. */
	origin: string;
	/** Path without the query, for links. */
	path: string;
}

export interface Route {
	method: Method;
	/** OpenAPI's template, for instance /v2/droplets/{droplet_id}. */
	path: string;
	/** Status of the good answer. */
	status: number;
	/** Keys that official clients read; every good answer is held against it. */
	answer?: z.ZodType;
	handle(call: Call): unknown;
}

interface Definition<Body> extends Omit<Route, "handle"> {
	/** Shape of the request's body; a body that does not fit is a 422. */
	request?: z.ZodType<Body>;
	handle(call: Call<Body>): unknown;
}

/** Declares a route whose handler sees only bodies that fit `request`. */
export function route<Body = undefined>(definition: Definition<Body>): Route {
	const { request, handle, ...rest } = definition;
	return {
		...rest,
		handle(call) {
			if (!request) return handle({ ...call, body: undefined as Body });
			if (call.body === undefined) throw badRequest("Request body is missing.");
			const parsed = request.safeParse(call.body);
			if (!parsed.success) {
				const issue = parsed.error.issues[0];
				throw unprocessable(
					`${[...(issue?.path ?? []), ""].join(" ")}${issue?.message}`,
				);
			}
			return handle({ ...call, body: parsed.data });
		},
	};
}

/** Finds the route for a request; literal segments win over placeholders. */
export class Router {
	readonly #routes: { route: Route; segments: string[] }[];

	constructor(routes: Route[]) {
		this.#routes = routes
			.map((route) => ({ route, segments: route.path.split("/") }))
			.sort((a, b) => placeholders(a.segments) - placeholders(b.segments));
	}

	match(
		method: string,
		path: string,
	): { route: Route; params: Record<string, string> } | undefined {
		const wanted = path.replace(/\/+$/, "").split("/");
		for (const { route, segments } of this.#routes) {
			if (route.method !== method || segments.length !== wanted.length)
				continue;
			const params = bind(segments, wanted);
			if (params) return { route, params };
		}
		return undefined;
	}
}

function placeholders(segments: string[]): number {
	return segments.filter((segment) => segment.startsWith("{")).length;
}

function bind(
	segments: string[],
	wanted: string[],
): Record<string, string> | undefined {
	const params: Record<string, string> = {};
	for (const [index, segment] of segments.entries()) {
		const value = wanted[index] ?? "";
		if (segment.startsWith("{")) {
			if (value === "") return undefined;
			try {
				params[segment.slice(1, -1)] = decodeURIComponent(value);
			} catch {
				return undefined;
			}
		} else if (segment !== value) return undefined;
	}
	return params;
}
