import { setTimeout as delay } from "node:timers/promises";
import { ExitCode, MigrationError } from "../errors";
import type { NewUser, ServerMetadata } from "./policy";

/** Where Stack Auth is, and the key that opens its server API. */
export interface StackAuthAddress {
	readonly apiUrl: string;
	readonly projectId: string;
	readonly secretServerKey: string;
}

/** A user as the API answers, as far as it matters here. */
export interface StackAuthUser {
	readonly id: string;
	readonly display_name: string | null;
	readonly primary_email: string | null;
	readonly server_metadata: Partial<ServerMetadata> | null;
}

/** What came of a creation. */
export type Creation =
	| { readonly kind: "created" | "found"; readonly id: string }
	| { readonly kind: "conflict"; readonly reason: string };

const MOST_ATTEMPTS = 8;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;
const PAGE = 100;

/**
 * Stack Auth's server API (POST and GET /api/v1/users). A 5xx or a broken
 * connection may leave the user created, and only users who log in by e-mail are
 * refused a second time: so after every such failure the user is looked for by
 * the old id in its server metadata before it is created again.
 */
export class StackAuth {
	constructor(
		private readonly address: StackAuthAddress,
		private readonly firstDelay = FIRST_DELAY_MS,
	) {}

	/**
	 * Makes the user, or finds the one that an earlier attempt made. `uncertain`
	 * says that there may have been one: then it is looked for first.
	 */
	async create(user: NewUser, uncertain: boolean): Promise<Creation> {
		let look = uncertain;
		for (let attempt = 1; ; attempt++) {
			if (look) {
				const found = await this.find(user);
				if (found) return { kind: "found", id: found.id };
			}
			const answer = await this.attempt("POST", "/users", user);
			if (answer.kind === "answer" && answer.status < 300)
				return { kind: "created", id: (answer.body as StackAuthUser).id };
			if (answer.kind === "answer" && answer.status === 409) {
				const found = await this.find(user);
				return found
					? { kind: "found", id: found.id }
					: {
							kind: "conflict",
							reason: "Stack Auth has another user with this e-mail address",
						};
			}
			if (answer.kind === "answer" && answer.status !== 429)
				return {
					kind: "conflict",
					reason: `Stack Auth answered ${answer.status}: ${answer.code}`,
				};
			if (attempt === MOST_ATTEMPTS) throw unreachable(answer.message);
			// A 429 was certainly not carried out; anything else may have been.
			look ||= answer.kind === "lost";
			await delay(this.wait(attempt, answer.retryAfter));
		}
	}

	/**
	 * The user that stands for the old one, if there is any. The API searches for
	 * parts of names and addresses, so the exact one is picked here; restricted
	 * users are listed on request only.
	 */
	async find(user: NewUser): Promise<StackAuthUser | undefined> {
		const oldId = user.server_metadata.supabase.id;
		let cursor: string | null = null;
		do {
			const query = new URLSearchParams({
				query: user.primary_email?.toLowerCase() ?? user.display_name,
				limit: String(PAGE),
				include_restricted: "true",
				...(cursor && { cursor }),
			});
			const page: UserPage = (await this.get(`/users?${query}`)) as UserPage;
			const found = page.items.find(
				({ server_metadata }) => server_metadata?.supabase?.id === oldId,
			);
			if (found) return found;
			cursor = page.pagination?.next_cursor ?? null;
		} while (cursor);
		return undefined;
	}

	/** Fails with a message for people unless address, project and key work. */
	async check(): Promise<void> {
		await this.get("/users?limit=1");
	}

	private async get(path: string): Promise<unknown> {
		for (let attempt = 1; ; attempt++) {
			const answer = await this.attempt("GET", path);
			if (answer.kind === "answer" && answer.status < 300) return answer.body;
			if (answer.kind === "answer" && answer.status !== 429)
				throw new MigrationError({
					expected: `Stack Auth at ${this.address.apiUrl} to list users of project ${this.address.projectId}`,
					found: `status ${answer.status}: ${answer.code}`,
					fix: "check STACK_AUTH_API_URL, STACK_AUTH_PROJECT_ID and STACK_AUTH_SECRET_SERVER_KEY",
				});
			if (attempt === MOST_ATTEMPTS) throw unreachable(answer.message);
			await delay(this.wait(attempt, answer.retryAfter));
		}
	}

	private async attempt(
		method: "GET" | "POST",
		path: string,
		body?: unknown,
	): Promise<Answer> {
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
				return { kind: "lost", message: `status ${response.status}` };
			const seconds = Number(response.headers.get("retry-after"));
			return {
				kind: "answer",
				status: response.status,
				body: parse(text),
				code: (parse(text) as { code?: string }).code ?? response.statusText,
				message: `status ${response.status}`,
				...(seconds > 0 && { retryAfter: seconds * 1000 }),
			};
		} catch (error) {
			const cause = (error as { cause?: { code?: string } }).cause;
			return {
				kind: "lost",
				message: cause?.code ?? (error as Error).message,
			};
		}
	}

	/** Doubles from attempt to attempt, with jitter so that workers spread. */
	private wait(attempt: number, retryAfter?: number): number {
		const backOff = Math.min(
			this.firstDelay * 2 ** (attempt - 1),
			LONGEST_DELAY_MS,
		);
		return Math.max(retryAfter ?? 0, backOff * (0.5 + Math.random() / 2));
	}
}

interface UserPage {
	readonly items: readonly StackAuthUser[];
	readonly pagination?: { readonly next_cursor?: string | null };
}

type Answer =
	| {
			readonly kind: "answer";
			readonly status: number;
			readonly body: unknown;
			readonly code: string;
			readonly message: string;
			readonly retryAfter?: number;
	  }
	/** Whether the request was carried out is not known. */
	| {
			readonly kind: "lost";
			readonly message: string;
			readonly retryAfter?: undefined;
	  };

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return {};
	}
}

function unreachable(message: string): MigrationError {
	return new MigrationError(
		{
			expected: `Stack Auth to answer within ${MOST_ATTEMPTS} attempts`,
			found: message,
			fix: "run users again later: it goes on where it stopped",
		},
		ExitCode.failure,
	);
}
