import type { Client } from "pg";
import { tableName } from "../catalog/types";
import { ident, literal } from "../sql";
import { JOURNAL_KEY, type RoutePlan } from "./plan";

const FOREIGN_KEY_VIOLATION = "23503";

/**
 * Merges staged rows into what is there, for routes in an order that has parents
 * before children. What a row refers to comes before it, and it lets go of what it
 * referred to before that is deleted: deleting does what the receiving side's own
 * foreign keys say (CASCADE), and must hit no row that stays. Values that deleted
 * rows held become free only then, so all is tried once more.
 */
export async function mergeRoutes(
	write: Client,
	plans: readonly RoutePlan[],
): Promise<{ deleted: number; written: number }> {
	const merging = plans.flatMap((plan) =>
		plan.merge ? [{ plan, merge: plan.merge }] : [],
	);
	let written = 0;
	const bring = async () => {
		for (const { merge } of merging) {
			written += await changed(write, merge.insert);
			if (merge.update) written += await changed(write, merge.update);
		}
	};
	await bring();
	let deleted = 0;
	for (const { plan } of [...merging].reverse())
		deleted += await remove(write, plan);
	if (deleted > 0) await bring();
	for (const { merge } of merging) await write.query(merge.note);
	return { deleted, written };
}

/**
 * Deletes the rows that have gone. One that rows without counterpart refer to
 * stays, and is noted: nobody else's row may go with it.
 */
async function remove(write: Client, plan: RoutePlan): Promise<number> {
	const { merge, stagedKeys } = plan;
	if (!merge) return 0;
	const all = await attempt(write, merge.remove(stagedKeys.table));
	if (all !== null) return all;
	const { rows } = await write.query<{ key: string }>(
		`SELECT DISTINCT ${ident(JOURNAL_KEY)}::text AS "key" FROM ${stagedKeys.table}`,
	);
	let deleted = 0;
	for (const { key } of rows) {
		const one = `(SELECT * FROM ${stagedKeys.table} WHERE ${ident(JOURNAL_KEY)} = ${literal(key)}::text[])`;
		const removed = await attempt(write, merge.remove(one));
		if (removed === null)
			await write.query(
				`INSERT INTO cutover.reject (route, from_table, key, reason, "row")
				VALUES ($1, $2, $3, 'it has gone, but others still refer to it', '{}')`,
				[plan.labelled?.label ?? plan.label, tableName(plan.route.from), key],
			);
		else deleted += removed;
	}
	return deleted;
}

/** The number of rows; null where a foreign key does not let them go. */
async function attempt(write: Client, sql: string): Promise<number | null> {
	await write.query("SAVEPOINT merge");
	try {
		const rows = await changed(write, sql);
		await write.query("RELEASE SAVEPOINT merge");
		return rows;
	} catch (error) {
		if ((error as { code?: string }).code !== FOREIGN_KEY_VIOLATION)
			throw error;
		await write.query("ROLLBACK TO SAVEPOINT merge; RELEASE SAVEPOINT merge");
		return null;
	}
}

async function changed(write: Client, sql: string): Promise<number> {
	return (await write.query(sql)).rowCount ?? 0;
}
