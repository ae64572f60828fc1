import type { Reply } from "../http";

/**
 * An error that Stack Auth's clients know by its code; the code stands in the
 * body and in the header X-Stack-Known-Error. Codes and texts:
 * stack-auth/stack-auth, packages/stack-shared/src/known-errors.tsx.
 */
export class KnownError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
		readonly details?: Record<string, unknown>,
	) {
		super(message);
	}

	reply(): Reply {
		return {
			status: this.status,
			headers: { "x-stack-known-error": this.code },
			body: {
				code: this.code,
				...(this.details ? { details: this.details } : {}),
				error: this.message,
			},
		};
	}
}

/** A refusal without a code: Stack Auth answers these as plain text. */
export class StatusError extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}

	reply(): Reply {
		return {
			status: this.status,
			headers: { "content-type": "text/plain; charset=utf-8" },
			body: this.message,
		};
	}
}

/** What is left of a unique key's violation: no code tells it from any other failure. */
export const databaseError = () =>
	new StatusError(
		500,
		"Something went wrong. Please make sure the data you entered is correct.",
	);

export const emailPasswordMismatch = () =>
	new KnownError(400, "EMAIL_PASSWORD_MISMATCH", "Wrong e-mail or password.");

export const userNotFound = () =>
	new KnownError(404, "USER_NOT_FOUND", "User not found.");

export const emailExists = (email: string) =>
	new KnownError(
		409,
		"USER_EMAIL_ALREADY_EXISTS",
		`A user with email ${JSON.stringify(email)} already exists.`,
		{
			email,
			would_work_if_email_was_verified: false,
		},
	);

export const schemaError = (message: string) =>
	new KnownError(400, "SCHEMA_ERROR", message, { message });
