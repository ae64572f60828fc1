import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { routeName } from "../copy/chunks";
import { ExitCode, MigrationError } from "../errors";
import type { FollowedTable } from "../journal/state";
import { type Route, selectRows } from "../route";
import { relationExists } from "../sql";
import type { RoutePlan } from "./plan";

/** What the side that is written to knows of the journal that it follows. */
const CREATE_STATE = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.follower (
		only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
		id uuid NOT NULL DEFAULT gen_random_uuid(),
		drained_at timestamptz
	);
	INSERT INTO cutover.follower DEFAULT VALUES ON CONFLICT DO NOTHING;
	CREATE TABLE IF NOT EXISTS cutover.followed_route (
		route text PRIMARY KEY,
		epoch uuid NOT NULL,
		definition text NOT NULL
	);
	COMMENT ON COLUMN cutover.followed_route.epoch IS
		'of the journal, when the copy that these rows come from began';
`;

/** Makes the state's tables where they are missing. */
export async function ensureState(write: ClientBase): Promise<void> {
	await write.query(CREATE_STATE);
}

/**
 * Binds journal and follower to each other: entries are taken out once they are
 * applied, so a second follower would miss them.
 *
 * @throws MigrationError (exit 4) where the journal is another database's.
 */
export async function claimJournal(
	read: ClientBase,
	write: ClientBase,
): Promise<void> {
	await ensureState(write);
	const { rows } = await write.query<{ id: string }>(
		"SELECT id FROM cutover.follower",
	);
	const { rows: readers } = await read.query<{ id: string }>(
		`
		WITH made AS (
			INSERT INTO cutover.journal_reader (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
		)
		SELECT id FROM made UNION ALL SELECT id FROM cutover.journal_reader
		`,
		[rows[0]?.id],
	);
	if (readers[0]?.id === rows[0]?.id) return;
	throw new MigrationError(
		{
			expected: "a journal that nobody else reads",
			found:
				"one that belongs to another database, which would miss what this one takes",
			fix: "if that database is given up, take the journal away with sync --remove and begin anew",
		},
		ExitCode.refused,
	);
}

/** How a route stands to what is on the side that is written to. */
export interface RouteState {
	readonly plan: RoutePlan;
	/**
	 * `new`: never copied. `outdated`: copied, but writes since may be missing.
	 * `current`: the journal has all that is missing.
	 */
	readonly state: "new" | "outdated" | "current";
}

/**
 * Compares the routes with what was copied.
 *
 * @throws MigrationError (exit 4) where a route was copied by another rule and is not
 * in `recopy`.
 */
export async function readRouteStates(
	write: ClientBase,
	plans: readonly RoutePlan[],
	followed: readonly FollowedTable[],
	recopy: readonly string[],
): Promise<RouteState[]> {
	const { rows } = await write.query<{
		route: string;
		epoch: string;
		definition: string;
	}>(
		`SELECT route, epoch::text AS "epoch", definition FROM cutover.followed_route`,
	);
	const changed: string[] = [];
	const states = plans.map((plan): RouteState => {
		const known = rows.find(({ route }) => route === routeName(plan.route));
		if (!known) return { plan, state: "new" };
		if (known.epoch !== epochOf(plan, followed))
			return { plan, state: "outdated" };
		if (known.definition === definitionOf(plan.route))
			return { plan, state: "current" };
		changed.push(plan.label);
		return { plan, state: "outdated" };
	});
	const refused = changed.filter((label) => !recopy.includes(label));
	if (refused.length > 0)
		throw new MigrationError(
			{
				expected:
					"every table to be followed by the rules that it was copied by",
				found: `the mapping has changed for ${refused.join(", ")}`,
				fix: "run sync with --recopy for each, which brings its rows again",
			},
			ExitCode.refused,
		);
	return states;
}

/** Notes that a copy of these routes begins now, or that their rows are to come again. */
export async function recordRoutes(
	write: ClientBase,
	plans: readonly RoutePlan[],
	followed: readonly FollowedTable[],
): Promise<void> {
	await write.query(
		`
		INSERT INTO cutover.followed_route (route, epoch, definition)
		SELECT route, epoch, definition
		FROM jsonb_to_recordset($1) AS r (route text, epoch uuid, definition text)
		ON CONFLICT (route) DO UPDATE SET epoch = excluded.epoch, definition = excluded.definition
		`,
		[
			JSON.stringify(
				plans.map((plan) => ({
					route: routeName(plan.route),
					epoch: epochOf(plan, followed),
					definition: definitionOf(plan.route),
				})),
			),
		],
	);
}

/** Asks for tables to be copied as a whole, by the next cycle. */
export async function askForWhole(
	read: ClientBase,
	plans: readonly RoutePlan[],
): Promise<void> {
	await read.query(
		"INSERT INTO cutover.journal SELECT id, '{}', clock_timestamp() FROM unnest($1::integer[]) id",
		[[...new Set(plans.map(({ id }) => id))]],
	);
}

/** Whether all was brought over and put back, and nothing is suspended. */
export async function isDrained(write: ClientBase): Promise<boolean> {
	if (!(await relationExists(write, "cutover.follower"))) return false;
	const { rows } = await write.query<{ drained: boolean }>(
		`SELECT drained_at IS NOT NULL AS "drained" FROM cutover.follower`,
	);
	return rows[0]?.drained === true;
}

/** Notes when all was brought over; null when following goes on. */
export async function setDrained(
	write: ClientBase,
	drained: boolean,
): Promise<void> {
	await write.query(
		`UPDATE cutover.follower SET drained_at = ${drained ? "clock_timestamp()" : "NULL"}`,
	);
}

/** Forgets all that the follower kept on this side. */
export async function dropState(write: ClientBase): Promise<void> {
	await write.query(`
		DROP TABLE IF EXISTS cutover.follower, cutover.followed_route, cutover.suspended,
			cutover.proof, cutover.touched_key
	`);
}

function epochOf(
	{ id }: RoutePlan,
	followed: readonly FollowedTable[],
): string | undefined {
	return followed.find((table) => table.id === id)?.epoch;
}

/** What decides which rows arrive, and how. */
function definitionOf(route: Route): string {
	const { key, format } = route;
	return createHash("sha256")
		.update(JSON.stringify([selectRows(route), key?.to ?? null, format]))
		.digest("hex");
}
