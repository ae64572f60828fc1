import { createHash } from "node:crypto";
import type pg from "pg";
import { ApiError } from "./errors";

/**
 * Finds the organization that a webhook secret belongs to. Digests are
 * compared, so that the time it takes tells nothing about a secret.
 * @throws ApiError 401 for a secret that no active connection has
 */
export async function organizationOf(
	database: pg.ClientBase | pg.Pool,
	secret: string,
): Promise<string> {
	const { rows } = await database.query<{ organization_id: string }>(
		`SELECT organization_id FROM ttn_connections
		WHERE is_active AND sha256(convert_to(webhook_secret, 'UTF8')) = $1`,
		[createHash("sha256").update(secret).digest()],
	);
	const row = rows[0];
	if (row === undefined) {
		throw new ApiError(
			401,
			"UNAUTHORIZED",
			"The webhook secret is not one of an active connection.",
		);
	}
	return row.organization_id;
}
