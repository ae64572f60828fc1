import { setTimeout as delay } from "node:timers/promises";
import { ExitCode, MigrationError } from "../errors";

/** Where Stack Auth is, and the key that opens its server API. */
export interface StackAuthAddress {
	readonly apiUrl: string;
	readonly projectId: string;
	readonly secretServerKey: string;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** What came back, of any status below 500 but 429. */
export interface Answer {
	readonly kind: "answer";
	readonly status: number;
	readonly body: unknown;
	/** Stack Auth's code for what it refuses, else what the answer says in plain text. */
	readonly code: string;
}

/** Nothing came back, or a 5xx: whether the request was carried out is not known. */
export interface Lost {
	readonly kind: "lost";
	readonly message: string;
}

/** A request stayed without an answer though it was tried again and again. */
export class NoAnswer extends Error {
	override readonly name = "NoAnswer";
}

const MOST_ATTEMPTS = 8;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** A service that answers 429 for so long is not going to let the run through. */
const LONGEST_THROTTLE_MS = 15 * 60_000;
const LONGEST_MESSAGE = 200;

/**
 * Requests to Stack Auth's server API, with a patience of their own: a 429 was
 * certainly not carried out, so it holds back all requests for as long as it asks
 * for and is sent again; what else fails is for the caller to judge.
 */
export class Api {
	/** No request starts before that time. */
	private notBefore = 0;

	/** @param firstDelay milliseconds; later waits double, up to 20 s */
	constructor(
		private readonly address: StackAuthAddress,
		private readonly firstDelay = FIRST_DELAY_MS,
	) {}

	/** One request, again only after a 429. Fails where the key is refused. */
	async once(
		method: Method,
		path: string,
		body?: unknown,
	): Promise<Answer | Lost> {
		const startedAt = performance.now();
		for (let throttled = 1; ; throttled++) {
			await delay(Math.max(this.notBefore - performance.now(), 0));
			const { answer, retryAfter } = await this.send(method, path, body);
			if (answer.kind === "lost" || answer.status !== 429) {
				if (answer.kind === "answer" && [401, 403].includes(answer.status))
					throw this.refused(answer);
				return answer;
			}
			if (performance.now() - startedAt > LONGEST_THROTTLE_MS)
				throw unreachable("429 to everything for 15 minutes");
			this.notBefore = Math.max(
				this.notBefore,
				performance.now() + Math.max(retryAfter, this.backOff(throttled)),
			);
		}
	}

	/**
	 * A request that may be carried out twice without harm: again until it is
	 * answered. @throws NoAnswer
	 */
	async repeat(method: Method, path: string, body?: unknown): Promise<Answer> {
		for (let attempt = 1; ; attempt++) {
			const answer = await this.once(method, path, body);
			if (answer.kind === "answer") return answer;
			await this.wait(attempt, answer);
		}
	}

	/** Reads; fails with a message for people where that is refused. */
	async get<T>(path: string): Promise<T> {
		const answer = await this.repeat("GET", path);
		if (answer.status < 300) return answer.body as T;
		throw this.refused(answer);
	}

	/** Waits after a lost request. @throws NoAnswer after the last attempt */
	async wait(attempt: number, lost: Lost): Promise<void> {
		if (attempt >= MOST_ATTEMPTS) throw new NoAnswer(lost.message);
		await delay(this.backOff(attempt));
	}

	private async send(
		method: Method,
		path: string,
		body: unknown,
	): Promise<{ answer: Answer | Lost; retryAfter: number }> {
		try {
			const response = await fetch(
				`${this.address.apiUrl.replace(/\/+$/, "")}/api/v1${path}`,
				{
					method,
					headers: {
						"Content-Type": "application/json",
						"X-Stack-Access-Type": "server",
						"X-Stack-Project-Id": this.address.projectId,
						"X-Stack-Secret-Server-Key": this.address.secretServerKey,
					},
					...(body === undefined ? {} : { body: JSON.stringify(body) }),
					signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
				},
			);
			const text = await response.text();
			if (response.status >= 500)
				return {
					answer: { kind: "lost", message: `status ${response.status}` },
					retryAfter: 0,
				};
			return {
				answer: {
					kind: "answer",
					status: response.status,
					...read(text),
				},
				retryAfter: milliseconds(response.headers.get("retry-after")),
			};
		} catch (error) {
			const cause = (error as { cause?: { code?: string } }).cause;
			return {
				answer: {
					kind: "lost",
					message: cause?.code ?? (error as Error).message,
				},
				retryAfter: 0,
			};
		}
	}

	/** Doubles from attempt to attempt, with jitter so that workers spread. */
	private backOff(attempt: number): number {
		const longest = Math.min(
			this.firstDelay * 2 ** (attempt - 1),
			LONGEST_DELAY_MS,
		);
		return longest * (0.5 + Math.random() / 2);
	}

	/** A refusal that no other request would fare better than. */
	refused(answer: Answer): MigrationError {
		return new MigrationError({
			expected: `Stack Auth at ${this.address.apiUrl} to serve project ${this.address.projectId}`,
			found: `status ${answer.status}: ${answer.code}`,
			fix: "check STACK_AUTH_API_URL, STACK_AUTH_PROJECT_ID and STACK_AUTH_SECRET_SERVER_KEY",
		});
	}
}

/** What to tell the operator when the service does not answer. */
export function unreachable(message: string): MigrationError {
	return new MigrationError(
		{
			expected: `Stack Auth to answer within ${MOST_ATTEMPTS} attempts`,
			found: message,
			fix: "run users again later: it goes on where it stopped",
		},
		ExitCode.failure,
	);
}

/** Retry-After: whole seconds or a date (RFC 9110, 10.2.3). */
function milliseconds(retryAfter: string | null): number {
	if (retryAfter === null) return 0;
	const seconds = Number(retryAfter);
	const wait = Number.isNaN(seconds)
		? new Date(retryAfter).getTime() - Date.now()
		: seconds * 1000;
	return wait > 0 ? Math.min(wait, LONGEST_THROTTLE_MS) : 0;
}

/**
 * A known error comes as JSON with its code, others in plain text. A known
 * error's own message is left out but for the schema's, as it may quote an address.
 */
function read(text: string): { body: unknown; code: string } {
	try {
		const body = JSON.parse(text) as { code?: string; error?: string } | null;
		const code = body?.code ?? "";
		return {
			body,
			code:
				code === "SCHEMA_ERROR"
					? `${code}: ${body?.error ?? ""}`.slice(0, LONGEST_MESSAGE)
					: code,
		};
	} catch {
		return { body: {}, code: text.slice(0, LONGEST_MESSAGE) };
	}
}
