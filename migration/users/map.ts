import type { ClientBase } from "pg";
import { relationExists } from "../sql";

/**
 * What became of a user:
 * - `pending`: about to be created; if it stays so, the answer was lost
 * - `moved`: exists in the new system as new_id
 * - `skipped`: by policy without a twin (anonymous, deleted)
 * - `conflict`: a person has to decide
 */
export type UserState = "pending" | "moved" | "skipped" | "conflict";

export interface UserMapRow {
	readonly old_id: string;
	readonly new_id: string | null;
	readonly state: UserState;
	readonly reason: string | null;
}

/**
 * The durable map from old to new user ids, on the target. Written ahead of every
 * creation, so that a run that was cut short can be taken up without making
 * anybody twice.
 */
export const CREATE_USER_MAP = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.user_map (
		old_id uuid PRIMARY KEY,
		new_id uuid UNIQUE,
		state text NOT NULL CHECK (state IN ('pending', 'moved', 'skipped', 'conflict')),
		reason text,
		password_carried boolean NOT NULL DEFAULT false,
		changed_at timestamptz NOT NULL DEFAULT now(),
		CHECK ((state = 'moved') = (new_id IS NOT NULL))
	);
`;

/** Makes the map where it is missing. */
export async function ensureUserMap(client: ClientBase): Promise<void> {
	await client.query(CREATE_USER_MAP);
}

/** Whether the database has a map. */
export async function hasUserMap(client: ClientBase): Promise<boolean> {
	return relationExists(client, "cutover.user_map");
}

/** Reads the whole map, by old id. */
export async function readUserMap(
	client: ClientBase,
): Promise<Map<string, UserMapRow>> {
	const { rows } = await client.query<UserMapRow>(
		"SELECT old_id, new_id, state, reason FROM cutover.user_map",
	);
	return new Map(rows.map((row) => [row.old_id, row]));
}

/** Writes one user's state. */
export async function writeUser(
	client: ClientBase,
	row: UserMapRow & { readonly passwordCarried?: boolean },
): Promise<void> {
	await client.query(
		`
		INSERT INTO cutover.user_map (old_id, new_id, state, reason, password_carried)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (old_id) DO UPDATE SET
			new_id = excluded.new_id, state = excluded.state, reason = excluded.reason,
			password_carried = excluded.password_carried, changed_at = now()
		`,
		[
			row.old_id,
			row.new_id,
			row.state,
			row.reason,
			row.passwordCarried ?? false,
		],
	);
}
