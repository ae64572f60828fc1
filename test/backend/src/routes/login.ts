import type { FastifyInstance } from "fastify";
import type pg from "pg";
import { z } from "zod";
import { ApiError, checked } from "../errors";
import type { LoginResult, Metrics } from "../metrics";
import { findProfile } from "../profile";
import type { StackAuth } from "../stack-auth";

const loginSchema = z.object({
	email: z.email().max(256),
	password: z.string().min(1).max(256),
});

const resetSchema = z.object({
	code: z.string().min(1).max(256),
	// Stack Auth's own bound.
	password: z.string().min(8).max(70),
});

/**
 * A new Stack Auth project may send about 200 mails an hour. Somebody who tries
 * the old password again and again must not use them up.
 */
const RESET_MAIL_PAUSE_MS = 5 * 60_000;

export interface LoginSources {
	pool: pg.Pool;
	stackAuth: StackAuth;
	metrics: Pick<Metrics, "logins">;
	siteOrigin: string | undefined;
}

/**
 * POST /api/auth/login and POST /api/auth/reset-password, both through Stack
 * Auth. A user whose password hash could not be carried over gets 409
 * PASSWORD_RESET_REQUIRED and a mail with a link to the front page's
 * /reset-password.
 */
export function loginRoutes(
	app: FastifyInstance,
	{ pool, stackAuth, metrics, siteOrigin }: LoginSources,
): void {
	const resetMailAt = new Map<string, number>();

	async function mailResetLink(email: string): Promise<void> {
		if (siteOrigin === undefined) {
			app.log.error("no reset mail: SITE_ORIGIN is not set");
			return;
		}
		const now = Date.now();
		for (const [address, at] of resetMailAt) {
			if (now - at >= RESET_MAIL_PAUSE_MS) {
				resetMailAt.delete(address);
			}
		}
		const address = email.toLowerCase();
		if (resetMailAt.has(address)) {
			return;
		}
		resetMailAt.set(address, now);
		try {
			await stackAuth.sendResetCode(email, `${siteOrigin}/reset-password`);
		} catch (error) {
			resetMailAt.delete(address);
			throw error;
		}
	}

	async function login(email: string, password: string) {
		const result = await stackAuth.signIn(email, password);
		if (result.outcome === "signed-in") {
			const { accessToken, refreshToken, userId } = result;
			const profile = await findProfile(pool, userId);
			const user = { id: userId, email, fullName: profile?.fullName ?? null };
			return { accessToken, refreshToken, user };
		}
		if (result.outcome === "refused") {
			throw new ApiError(403, result.code, result.message);
		}
		if (await stackAuth.lacksPassword(email)) {
			await mailResetLink(email);
			throw new ApiError(
				409,
				"PASSWORD_RESET_REQUIRED",
				"Your account has moved and needs a new password. We have sent you an e-mail with a link to set it.",
			);
		}
		throw new ApiError(
			401,
			"INVALID_CREDENTIALS",
			"E-mail or password is wrong.",
		);
	}

	app.post("/api/auth/login", async (request) => {
		const { email, password } = checked(loginSchema, request.body);
		try {
			const answer = await login(email, password);
			metrics.logins.inc({ result: "success" });
			return answer;
		} catch (error) {
			metrics.logins.inc({ result: resultOf(error) });
			throw error;
		}
	});

	app.post("/api/auth/reset-password", async (request) => {
		const { code, password } = checked(resetSchema, request.body);
		if (!(await stackAuth.resetPassword(code, password))) {
			throw new ApiError(
				400,
				"RESET_REFUSED",
				"The link is no longer valid. Log in again to get a new one.",
			);
		}
		return { success: true };
	});
}

/** The label of logins_total: a fixed few, whatever Stack Auth answers. */
function resultOf(error: unknown): LoginResult {
	const status = error instanceof ApiError ? error.status : 500;
	switch (status) {
		case 401:
		case 403:
			return "failure";
		case 409:
			return "reset_required";
		default:
			return "error";
	}
}
