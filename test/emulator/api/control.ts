import { z } from "zod";
import type { Context } from "../context";
import { badRequest, notFound } from "./errors";
import { inventory } from "./inventory";

/** An answer that a test asks for instead of the real one. */
export interface Fault {
	method: string;
	pathPrefix: string;
	status: number;
	/** How many requests it still meets. */
	times: number;
}

interface ControlAnswer {
	status: number;
	body?: unknown;
}

/**
 * A part's own endpoints under /_emulator. Gets the path after /_emulator;
 * undefined means that the path is none of its own.
 */
export type ControlHook = (
	path: string,
	method: string,
	body: unknown,
) => Promise<ControlAnswer | undefined>;

const clockRequest = z.object({ offsetSeconds: z.number() });
const faultRequest = z.object({
	method: z.string().toUpperCase().default("*"),
	pathPrefix: z.string().default("/v2/"),
	status: z.int().min(400).max(599),
	times: z.int().min(1).default(1),
});

const requestsKept = 1000;

/**
 * What a rehearsal or a test may do to the emulator beside its API, under
 * /_emulator and without a token: look at the inventory, move the clock, ask
 * for faults, read the last requests.
 */
export class Control {
	readonly #context: Context;
	readonly #hooks: ControlHook[] = [];
	readonly #requests: object[] = [];
	/** Breaches of the official description that the OpenAPI check has found. */
	readonly violations: string[] = [];
	#faults: Fault[] = [];

	constructor(context: Context) {
		this.#context = context;
	}

	/** Adds the endpoints of a stand-in that runs beside the API. */
	addHook(hook: ControlHook): void {
		this.#hooks.push(hook);
	}

	/** Remembers a request for GET /_emulator/requests. */
	record(method: string, path: string, status: number): void {
		this.#requests.push({
			method,
			path,
			status,
			at: this.#context.clock.timestamp(),
		});
		if (this.#requests.length > requestsKept) this.#requests.shift();
	}

	/** The fault that meets this request, if one is left for it. */
	takeFault(method: string, path: string): Fault | undefined {
		const fault = this.#faults.find(
			(candidate) =>
				(candidate.method === "*" || candidate.method === method) &&
				path.startsWith(candidate.pathPrefix),
		);
		if (fault) {
			fault.times -= 1;
			this.#faults = this.#faults.filter(({ times }) => times > 0);
		}
		return fault;
	}

	async handle(
		method: string,
		path: string,
		body: unknown,
	): Promise<ControlAnswer> {
		const part = path.slice("/_emulator".length);
		switch (`${method} ${part}`) {
			case "GET /inventory":
				return { status: 200, body: inventory(this.#context.state) };
			case "GET /clock":
				return { status: 200, body: this.#clock() };
			case "POST /clock":
				this.#context.clock.offsetSeconds = parse(
					clockRequest,
					body,
				).offsetSeconds;
				return { status: 200, body: this.#clock() };
			case "GET /faults":
				return { status: 200, body: { faults: this.#faults } };
			case "POST /faults":
				this.#faults.push(parse(faultRequest, body));
				return { status: 201, body: { faults: this.#faults } };
			case "DELETE /faults":
				this.#faults = [];
				return { status: 204 };
			case "GET /requests":
				return { status: 200, body: { requests: this.#requests } };
			case "GET /failures":
				return {
					status: 200,
					body: { failures: this.#context.state.failures },
				};
			case "GET /violations":
				return { status: 200, body: { violations: this.violations } };
		}
		for (const hook of this.#hooks) {
			const answer = await hook(part, method, body);
			if (answer) return answer;
		}
		throw notFound();
	}

	#clock() {
		const { clock } = this.#context;
		return { offsetSeconds: clock.offsetSeconds, now: clock.timestamp() };
	}
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
	const parsed = schema.safeParse(body);
	if (parsed.success) return parsed.data;
	throw badRequest(z.prettifyError(parsed.error));
}
