import { z } from "zod";
import { ApiError } from "./errors";
import type { Settings } from "./settings";

const TIMEOUT_MS = 10_000;

const signedInSchema = z.object({
	access_token: z.string(),
	refresh_token: z.string(),
	user_id: z.string(),
});

const userPageSchema = z.object({
	items: z.array(
		z.object({
			primary_email: z.string().nullish(),
			primary_email_auth_enabled: z.boolean(),
			has_password: z.boolean(),
		}),
	),
	pagination: z.object({ next_cursor: z.string().nullish() }).nullish(),
});

const knownErrorSchema = z.object({ code: z.string(), error: z.string() });

/** What became of a log-in: tokens, or why there are none. */
export type SignIn =
	| {
			outcome: "signed-in";
			accessToken: string;
			refreshToken: string;
			userId: string;
	  }
	| { outcome: "mismatch" }
	| { outcome: "refused"; code: string; message: string };

/**
 * The few calls of Stack Auth's REST API that a log-in needs.
 * Routes and error codes: stack-auth/stack-auth, apps/backend/src/app/api/latest
 * and packages/stack-shared/src/known-errors.tsx.
 */
export class StackAuth {
	constructor(
		private readonly settings: Pick<
			Settings,
			| "STACK_AUTH_API_URL"
			| "STACK_AUTH_PROJECT_ID"
			| "STACK_AUTH_PUBLISHABLE_CLIENT_KEY"
			| "STACK_AUTH_SECRET_SERVER_KEY"
		>,
	) {}

	/** Tries e-mail and password. @throws ApiError 502 when Stack Auth does not answer as it should */
	async signIn(email: string, password: string): Promise<SignIn> {
		const response = await this.call("client", "auth/password/sign-in", {
			email,
			password,
		});
		if (response.ok) {
			const body = await this.read(response, signedInSchema);
			return {
				outcome: "signed-in",
				accessToken: body.access_token,
				refreshToken: body.refresh_token,
				userId: body.user_id,
			};
		}
		const { code, error } = await this.read(response, knownErrorSchema);
		if (code === "EMAIL_PASSWORD_MISMATCH") {
			return { outcome: "mismatch" };
		}
		if (response.status < 500) {
			return { outcome: "refused", code, message: error };
		}
		throw unavailable(new Error(`${response.status} ${code}`));
	}

	/**
	 * Whether the user who logs in by exactly this e-mail has no password: one
	 * whose hash could not be carried over. `query` is a search for substrings, so the
	 * pages are searched for the one that is equal.
	 */
	async lacksPassword(email: string): Promise<boolean> {
		const wanted = email.toLowerCase();
		let cursor: string | undefined;
		do {
			const search = new URLSearchParams({ query: email, limit: "100" });
			if (cursor !== undefined) {
				search.set("cursor", cursor);
			}
			const response = await this.call("server", `users?${search}`);
			if (!response.ok) {
				throw unavailable(new Error(`GET users answered ${response.status}`));
			}
			const page = await this.read(response, userPageSchema);
			const user = page.items.find(
				(item) =>
					item.primary_email_auth_enabled &&
					item.primary_email?.toLowerCase() === wanted,
			);
			if (user !== undefined) {
				return !user.has_password;
			}
			cursor = page.pagination?.next_cursor ?? undefined;
		} while (cursor !== undefined);
		return false;
	}

	/** Has Stack Auth mail a link with a reset code. It answers 200 for unknown addresses as well. */
	async sendResetCode(email: string, callbackUrl: string): Promise<void> {
		const response = await this.call(
			"client",
			"auth/password/send-reset-code",
			{
				email,
				callback_url: callbackUrl,
			},
		);
		if (!response.ok) {
			throw unavailable(
				new Error(`send-reset-code answered ${response.status}`),
			);
		}
	}

	/**
	 * Sets a password by the code of a reset mail.
	 * @returns false when the code is unknown, used or too old, or the password too weak
	 */
	async resetPassword(code: string, password: string): Promise<boolean> {
		const response = await this.call("client", "auth/password/reset", {
			code,
			password,
		});
		if (response.status >= 500) {
			throw unavailable(new Error(`reset answered ${response.status}`));
		}
		return response.ok;
	}

	private async call(
		access: "client" | "server",
		path: string,
		body?: unknown,
	): Promise<Response> {
		const { settings } = this;
		const key: Record<string, string> =
			access === "server"
				? { "x-stack-secret-server-key": settings.STACK_AUTH_SECRET_SERVER_KEY }
				: {
						"x-stack-publishable-client-key":
							settings.STACK_AUTH_PUBLISHABLE_CLIENT_KEY,
					};
		try {
			return await fetch(
				new URL(`/api/v1/${path}`, settings.STACK_AUTH_API_URL),
				{
					method: body === undefined ? "GET" : "POST",
					headers: {
						"content-type": "application/json",
						"x-stack-access-type": access,
						"x-stack-project-id": settings.STACK_AUTH_PROJECT_ID,
						...key,
					},
					...(body === undefined ? {} : { body: JSON.stringify(body) }),
					signal: AbortSignal.timeout(TIMEOUT_MS),
				},
			);
		} catch (error) {
			throw unavailable(error);
		}
	}

	private async read<Schema extends z.ZodType>(
		response: Response,
		schema: Schema,
	): Promise<z.output<Schema>> {
		try {
			return schema.parse(await response.json());
		} catch (error) {
			throw unavailable(error);
		}
	}
}

/** The answer when Stack Auth cannot be asked; the cause goes to the log only. */
export function unavailable(cause: unknown): ApiError {
	const error = new ApiError(
		502,
		"AUTH_UNAVAILABLE",
		"The log-in service does not answer. Please try again in a minute.",
	);
	error.cause = cause;
	return error;
}
