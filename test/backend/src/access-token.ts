import type { FastifyRequest } from "fastify";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { z } from "zod";
import { ApiError } from "./errors";
import type { Settings } from "./settings";
import { unavailable } from "./stack-auth";

/** Gives the id of the user whose access token a request carries. @throws ApiError 401, 502 */
export type Authenticate = (request: FastifyRequest) => Promise<string>;

/**
 * Verifies access tokens as Stack Auth signs them: ES256, keys from the
 * project's JWKS, issuer <api>/api/v1/projects/<id>, audience <id>. Tokens of
 * anonymous and restricted users have another issuer and audience and are
 * refused. Source: stack-auth/stack-auth, apps/backend/src/lib/tokens.tsx.
 */
export function createAuthenticate(
	settings: Pick<Settings, "STACK_AUTH_API_URL" | "STACK_AUTH_PROJECT_ID">,
): Authenticate {
	const project = settings.STACK_AUTH_PROJECT_ID;
	const issuer = new URL(
		`/api/v1/projects/${project}`,
		settings.STACK_AUTH_API_URL,
	);
	const keys = createRemoteJWKSet(
		new URL(`${issuer.href}/.well-known/jwks.json`),
	);

	return async (request) => {
		const token = tokenOf(request);
		if (token === undefined) {
			throw unauthorized(
				"This needs an access token, as Bearer or x-stack-access-token.",
			);
		}
		try {
			const { payload } = await jwtVerify(token, keys, {
				issuer: issuer.href,
				audience: project,
				algorithms: ["ES256"],
				requiredClaims: ["exp", "sub"],
			});
			return z.uuid().parse(payload.sub);
		} catch (error) {
			if (error instanceof errors.JWTExpired) {
				throw unauthorized("The access token has expired: log in again.");
			}
			if (keysUnreachable(error)) {
				throw unavailable(error);
			}
			throw unauthorized("The access token is not valid here.");
		}
	};
}

function tokenOf(request: FastifyRequest): string | undefined {
	const own = request.headers["x-stack-access-token"];
	if (typeof own === "string" && own !== "") {
		return own;
	}
	return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** Whether the fault lies with the JWKS endpoint and not with the token. */
function keysUnreachable(error: unknown): boolean {
	if (error instanceof errors.JWKSTimeout) {
		return true;
	}
	if (error instanceof errors.JOSEError) {
		// jose throws the base class itself for an answer that is not 200 or not JSON.
		return error.code === "ERR_JOSE_GENERIC";
	}
	// fetch itself failed.
	return error instanceof TypeError;
}

function unauthorized(message: string): ApiError {
	return new ApiError(401, "UNAUTHORIZED", message);
}
