import type { ClientBase } from "pg";
import type { Route } from "../route";
import { ident, relationExists } from "../sql";

/**
 * The mirror of the target's user map on the source, so that a route's SQL can
 * rewrite user ids where rows are read. It has only users that were moved.
 */
export const CREATE_MIRROR = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.user_map (
		old_id uuid PRIMARY KEY,
		new_id uuid NOT NULL
	);
`;

/** A column whose user ids a route rewrites, on the side that is read. */
export interface UserColumn {
	readonly schema: string;
	readonly table: string;
	readonly column: string;
}

/** `forward` makes new ids of old ones, `back` old ones of new ones. */
export type UserDirection = "forward" | "back";

/**
 * The route with user ids rewritten in its columns of these names, through
 * cutover.user_map on the side that is read. An id that the map does not know
 * stays as it is.
 */
export function rewriteUsers(
	route: Route,
	columns: readonly UserColumn[],
	direction: UserDirection,
): Route {
	const [by, get] =
		direction === "forward" ? ["old_id", "new_id"] : ["new_id", "old_id"];
	const mine = columns.filter(
		({ schema, table }) =>
			schema === route.from.schema && table === route.from.name,
	);
	if (mine.length === 0) return route;
	return {
		...route,
		columns: route.columns.map((entry) =>
			mine.some(({ column }) => entry.sql === ident("t", column))
				? {
						...entry,
						sql: `coalesce((SELECT m.${get} FROM cutover.user_map m WHERE m.${by} = ${entry.sql}), ${entry.sql})`,
					}
				: entry,
		),
	};
}

const MOVED = "FROM cutover.user_map WHERE new_id IS NOT NULL";

/** The target's map, as two lists of the same length. */
export interface UserMap {
	readonly old: readonly string[];
	readonly new: readonly string[];
}

/** The target's map where the source's mirror is not equal to it; null where it is. */
export async function readNewMap(
	read: ClientBase,
	write: ClientBase,
): Promise<UserMap | null> {
	const digest = async (client: ClientBase) => {
		if (!(await relationExists(client, "cutover.user_map"))) return "0/0";
		const { rows } = await client.query<{ digest: string }>(
			`SELECT count(*) || '/' || coalesce(sum(hash_record_extended(ROW(old_id, new_id), 0)), 0) AS "digest" ${MOVED}`,
		);
		return rows[0]?.digest;
	};
	const [mirror, map] = await Promise.all([digest(read), digest(write)]);
	if (mirror === map) return null;
	const { rows } = await write.query<UserMap>(
		(await relationExists(write, "cutover.user_map"))
			? `SELECT coalesce(array_agg(old_id::text ORDER BY old_id), '{}') AS "old",
				coalesce(array_agg(new_id::text ORDER BY old_id), '{}') AS "new" ${MOVED}`
			: `SELECT '{}'::text[] AS "old", '{}'::text[] AS "new"`,
	);
	return rows[0] ?? { old: [], new: [] };
}

const GIVEN = "unnest($1::uuid[], $2::uuid[]) AS n (old_id, new_id)";

/** Users of whom the mirror does not say what the map does, by their old ids. */
export async function changedUsers(
	read: ClientBase,
	map: UserMap,
): Promise<string[]> {
	const { rows } = await read.query<{ id: string }>(
		`SELECT old_id::text AS "id" FROM ${GIVEN}
		FULL JOIN cutover.user_map m USING (old_id)
		WHERE n.new_id IS DISTINCT FROM m.new_id`,
		[map.old, map.new],
	);
	return rows.map(({ id }) => id);
}

/** Makes the mirror equal to the map, in the open transaction. */
export async function writeMirror(
	read: ClientBase,
	map: UserMap,
): Promise<void> {
	await read.query("DELETE FROM cutover.user_map");
	await read.query(
		`INSERT INTO cutover.user_map (old_id, new_id) SELECT old_id, new_id FROM ${GIVEN}`,
		[map.old, map.new],
	);
}

/**
 * SQL of the keys of rows that name one of the users in $1, by their old ids:
 * column `key text[]`. Ids may stand in columns of text as well.
 */
export function rowsNaming(
	from: string,
	key: readonly string[] | null,
	columns: readonly string[],
): string {
	const keys = key?.map((name) => `${ident("t", name)}::text`) ?? [];
	return `
		SELECT ${keys.length === 0 ? "'{}'::text[]" : `ARRAY[${keys.join(", ")}]`} AS key FROM ${from} t
		WHERE ${columns.map((name) => `lower(${ident("t", name)}::text) = ANY ($1::text[])`).join(" OR ")}`;
}
