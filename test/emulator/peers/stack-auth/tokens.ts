import { randomBytes, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { present } from "./present";
import type { StoredUser } from "./users";

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

/** Lifetime of an access token, Stack Auth's default. */
const LIFETIME = "10min";

/**
 * Signs access tokens as Stack Auth does: ES256, issuer and audience by project
 * (stack-auth/stack-auth, apps/backend/src/lib/tokens.tsx). The key lives as long
 * as the stand-in.
 */
export class Tokens {
	readonly #key: SigningKey;
	/** Of GET /api/v1/projects/{id}/.well-known/jwks.json. */
	readonly jwks: { keys: JWK[] };

	private constructor(key: SigningKey, jwks: { keys: JWK[] }) {
		this.#key = key;
		this.jwks = jwks;
	}

	static async create(): Promise<Tokens> {
		const { privateKey, publicKey } = await generateKeyPair("ES256");
		const kid = randomUUID();
		return new Tokens(privateKey, {
			keys: [{ ...(await exportJWK(publicKey)), kid, alg: "ES256" }],
		});
	}

	/** Access and refresh token for a log-in at that address of the API. */
	async issue(
		user: StoredUser,
		projectId: string,
		apiUrl: string,
	): Promise<{ access: string; refresh: string }> {
		const shown = present(user);
		const access = await new SignJWT({
			project_id: projectId,
			branch_id: "main",
			refresh_token_id: randomUUID(),
			role: "authenticated",
			name: shown.display_name,
			email: shown.primary_email,
			email_verified: shown.primary_email_verified,
			selected_team_id: null,
			is_anonymous: shown.is_anonymous,
			is_restricted: shown.is_restricted,
			restricted_reason: shown.restricted_reason,
		})
			.setProtectedHeader({ alg: "ES256", kid: this.jwks.keys[0]?.kid ?? "" })
			.setSubject(user.id)
			.setIssuer(new URL(`/api/v1/projects/${projectId}`, apiUrl).href)
			.setAudience(projectId)
			.setIssuedAt()
			.setExpirationTime(LIFETIME)
			.sign(this.#key);
		return { access, refresh: randomBytes(32).toString("base64url") };
	}
}
