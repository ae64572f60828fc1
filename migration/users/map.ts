import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";
import { relationExists } from "../sql";
import { NOTHING_SENT, type Sent } from "./wanted";

/**
 * What became of a user:
 * - `pending`: about to be created; if it stays so, the answer was lost
 * - `moved`: exists in the new system as new_id
 * - `skipped`: by policy without a twin (anonymous, deleted, single sign-on)
 * - `conflict`: a person has to decide
 */
export type UserState = "pending" | "moved" | "skipped" | "conflict";

export interface UserMapRow {
	readonly old_id: string;
	readonly new_id: string | null;
	readonly state: UserState;
	/** Why it was skipped, or what stands in the way of its last change. */
	readonly reason: string | null;
	/** Digests of what Stack Auth was last given. */
	readonly sent: Sent;
	readonly password_carried: boolean;
	/** Logs in by e-mail but has no password there, and no mail about it was sent yet. */
	readonly reset_due: boolean;
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
		sent jsonb,
		password_carried boolean NOT NULL DEFAULT false,
		reset_due boolean NOT NULL DEFAULT false,
		reset_sent_at timestamptz,
		changed_at timestamptz NOT NULL DEFAULT now(),
		CHECK ((state = 'moved') = (new_id IS NOT NULL))
	);
`;

/** Of the map, among this database's advisory locks. */
const LOCK = "hashtextextended('cutover.user_map', 0)";

/** Makes the map where it is missing. */
export async function ensureUserMap(client: ClientBase): Promise<void> {
	await client.query(CREATE_USER_MAP);
}

/** Whether the database has a map. */
export async function hasUserMap(client: ClientBase): Promise<boolean> {
	return relationExists(client, "cutover.user_map");
}

/** A session whose machine died ends, and gives its lock back, within about a minute. */
const NOTICE_DEATH = `
	SET tcp_keepalives_idle = 30;
	SET tcp_keepalives_interval = 10;
	SET tcp_keepalives_count = 3;
`;

/**
 * Keeps other runs out for as long as the session lives: two at a time would make
 * users twice. Refuses (exit 4) while another run has the map.
 */
export async function lockUserMap(client: ClientBase): Promise<void> {
	await client.query(NOTICE_DEATH);
	const { rows } = await client.query<{ locked: boolean }>(
		`SELECT pg_try_advisory_lock(${LOCK}) AS "locked"`,
	);
	if (rows[0]?.locked) return;
	throw new MigrationError(
		{
			expected: "one run of users at a time",
			found: "another one that has the user map on the target",
			fix: "wait until it has ended; one whose machine died lets go within a minute",
		},
		ExitCode.refused,
	);
}

/** Reads the whole map, by old id or, for the way back, by new id. */
export async function readUserMap(
	client: ClientBase,
	by: "old_id" | "new_id" = "old_id",
): Promise<Map<string, UserMapRow>> {
	const { rows } = await client.query<
		Omit<UserMapRow, "sent"> & { sent: Sent | null }
	>(`
		SELECT old_id, new_id, state, reason, sent, password_carried, reset_due
		FROM cutover.user_map WHERE ${by} IS NOT NULL
	`);
	return new Map(
		rows.map((row) => [
			row[by] ?? "",
			{ ...row, sent: row.sent ?? NOTHING_SENT },
		]),
	);
}

/** How many users are in which state. */
export async function countStates(
	client: ClientBase,
): Promise<Partial<Record<UserState, number>>> {
	const { rows } = await client.query<{ state: UserState; users: number }>(`
		SELECT state, count(*)::float8 AS "users" FROM cutover.user_map
		GROUP BY state ORDER BY state
	`);
	return Object.fromEntries(rows.map(({ state, users }) => [state, users]));
}

/** Writes one user's state; a mail that was sent stays noted, and is not due again. */
export async function writeUser(
	client: ClientBase,
	row: Pick<UserMapRow, "old_id" | "new_id" | "state" | "reason"> &
		Partial<Pick<UserMapRow, "sent" | "reset_due">>,
): Promise<void> {
	await client.query(
		`
		INSERT INTO cutover.user_map AS m (old_id, new_id, state, reason, sent, password_carried, reset_due)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (old_id) DO UPDATE SET
			new_id = excluded.new_id, state = excluded.state, reason = excluded.reason,
			sent = excluded.sent, password_carried = excluded.password_carried,
			reset_due = excluded.reset_due AND m.reset_sent_at IS NULL, changed_at = now()
		`,
		[
			row.old_id,
			row.new_id,
			row.state,
			row.reason,
			row.sent ? JSON.stringify(row.sent) : null,
			row.sent?.fields.password_hash !== undefined,
			row.reset_due ?? false,
		],
	);
}
