import type pg from "pg";
import { ApiError } from "./errors";

/** A person as the application knows them. */
export interface Profile {
	id: string;
	userId: string;
	email: string;
	fullName: string | null;
	/** null once the organization is deleted. */
	organizationId: string | null;
	organizationName: string | null;
}

/** Looks a profile up by the id that Stack Auth gives the user. */
export async function findProfile(
	pool: pg.Pool,
	userId: string,
): Promise<Profile | undefined> {
	const { rows } = await pool.query<Profile>(
		`SELECT profiles.id, profiles.user_id AS "userId", profiles.email,
			profiles.full_name AS "fullName",
			organizations.id AS "organizationId",
			organizations.name AS "organizationName"
		FROM profiles
		LEFT JOIN organizations ON organizations.id = profiles.organization_id
			AND organizations.deleted_at IS NULL
		WHERE profiles.user_id = $1`,
		[userId],
	);
	return rows[0];
}

/** As findProfile. @throws ApiError 403 for a user without profile */
export async function requireProfile(
	pool: pg.Pool,
	userId: string,
): Promise<Profile> {
	const profile = await findProfile(pool, userId);
	if (profile === undefined) {
		throw new ApiError(403, "NO_PROFILE", "This user has no profile here.");
	}
	return profile;
}

/** The roles a user has in an organization, in alphabetical order. */
export async function rolesOf(
	pool: pg.Pool,
	userId: string,
	organizationId: string | null,
): Promise<string[]> {
	const { rows } = await pool.query<{ role: string }>(
		`SELECT role::text AS role FROM user_roles
		WHERE user_id = $1 AND organization_id = $2 ORDER BY 1`,
		[userId, organizationId],
	);
	return rows.map(({ role }) => role);
}
