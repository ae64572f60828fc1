import type { ClientBase } from "pg";
import type { Column } from "../catalog/types";
import { runTasks } from "../copy/tasks";
import { ident, literal } from "../sql";
import type { Comparison } from "./comparison";
import { digestRows, sameDigest } from "./table";
import type { Sessions } from "./verify";

/** A table whose touched rows are to be compared. */
export interface TouchedTable {
	readonly comparison: Comparison;
	/** Columns of the key in the journal's order, where rows are read. */
	readonly key: readonly string[];
}

export interface TouchedResult {
	readonly table: string;
	readonly keys: number;
	readonly equal: boolean;
	readonly seconds: number;
}

/**
 * Keys of one statement: with so few, and the planner expecting a hundred, both
 * sides go by the key's index whatever the size of the table.
 */
const KEYS_PER_BATCH = 1000;

/** From so many keys on a table is shared among the sessions. */
const KEYS_PER_SHARE = 20_000;

interface Keys {
	readonly source: string[];
	readonly target: string[];
}

/**
 * Compares the rows whose keys the follower has written since the baseline: for
 * every batch of keys the digest of the rows that there are on the source must be
 * that of the rows on the target. Says only whether all are equal.
 */
export async function compareTouched(
	sessions: Sessions,
	tables: readonly TouchedTable[],
): Promise<TouchedResult[]> {
	const lanes = sessions.source.flatMap((source, index) => {
		const target = sessions.target[index];
		return target ? [{ source, target }] : [];
	});
	const counts = await countKeys(sessions.target[0], tables);
	const results = tables.map(({ comparison: { table } }) => ({
		table,
		keys: counts.get(table) ?? 0,
		equal: true,
		seconds: 0,
	}));
	await runTasks(
		tables.flatMap((table, index) => {
			const result = results[index];
			if (!result || result.keys === 0) return [];
			const shares = Math.min(
				lanes.length,
				Math.ceil(result.keys / KEYS_PER_SHARE),
			);
			return Array.from({ length: shares }, (_, share) => ({
				name: `touched rows of ${result.table}`,
				rank: result.keys,
				after: [],
				run: async (lane: (typeof lanes)[0]) => {
					const startedAt = performance.now();
					for await (const keys of readKeys(lane.target, table, {
						share,
						shares,
					}))
						if (!(await sameRows(lane, table, keys))) {
							result.equal = false;
							break;
						}
					result.seconds += (performance.now() - startedAt) / 1000;
				},
			}));
		}),
		lanes,
	);
	return results;
}

async function countKeys(
	target: ClientBase | undefined,
	tables: readonly TouchedTable[],
): Promise<Map<string, number>> {
	if (!target || tables.length === 0) return new Map();
	const { rows } = await target.query<{
		schema: string;
		name: string;
		keys: number;
	}>(`
		SELECT schema_name AS "schema", table_name AS "name", count(*)::float8 AS "keys"
		FROM cutover.touched_key GROUP BY 1, 2
	`);
	return new Map(
		tables.map(({ comparison: { table, target: side } }) => [
			table,
			rows.find(
				({ schema, name }) =>
					schema === side.table.schema && name === side.table.name,
			)?.keys ?? 0,
		]),
	);
}

/** Batches of noted keys; those of one source row stay together. */
async function* readKeys(
	target: ClientBase,
	{ comparison }: TouchedTable,
	{ share, shares }: { readonly share: number; readonly shares: number },
): AsyncGenerator<Keys> {
	const { schema, name } = comparison.target.table;
	await target.query(`
		DECLARE touched NO SCROLL CURSOR FOR
		SELECT to_jsonb(source_key)::text AS "source", to_jsonb(target_key)::text AS "target"
		FROM cutover.touched_key
		WHERE schema_name = ${literal(schema)} AND table_name = ${literal(name)}
			AND mod(hashtextextended(source_key::text, 0), ${shares}) IN (${share}, ${-share})
		ORDER BY source_key
	`);
	try {
		for (;;) {
			const { rows } = await target.query<{ source: string; target: string }>(
				`FETCH ${KEYS_PER_BATCH} FROM touched`,
			);
			if (rows.length === 0) return;
			yield {
				source: [...new Set(rows.map((row) => row.source))],
				target: [...new Set(rows.map((row) => row.target))],
			};
		}
	} finally {
		await target.query("CLOSE touched");
	}
}

async function sameRows(
	lane: { readonly source: ClientBase; readonly target: ClientBase },
	{ comparison, key }: TouchedTable,
	keys: Keys,
): Promise<boolean> {
	const [side] = comparison.source;
	const [route] = comparison.routes;
	if (!side || !route?.key) throw new Error(`${comparison.table} has no key`);
	const from = named(route.key.from, key);
	const to = named(comparison.target.columns, comparison.key ?? []);
	const [left, right] = await Promise.all([
		digestRows(lane.source, side, hasKey(from, keys.source)),
		digestRows(lane.target, comparison.target, hasKey(to, keys.target)),
	]);
	return sameDigest(left, right);
}

/** The columns of the given names, in that order. */
function named(columns: readonly Column[], names: readonly string[]): Column[] {
	return names.map((name) => {
		const column = columns.find((one) => one.name === name);
		if (!column) throw new Error(`the key lacks column ${name}`);
		return column;
	});
}

/** SQL condition over t, the table itself, for the rows of these keys, JSON arrays of text. */
function hasKey(columns: readonly Column[], keys: readonly string[]): string {
	const values = columns.map(({ type }, at) => `(k.key ->> ${at})::${type}`);
	return `(${columns.map(({ name }) => ident("t", name)).join(", ")}) IN (
		SELECT ${values.join(", ")}
		FROM jsonb_array_elements(${literal(`[${keys.join(",")}]`)}::jsonb) k (key)
	)`;
}
