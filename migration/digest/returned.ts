import type { ClientBase } from "pg";
import { type Route, whereClause } from "../route";
import { fromTable, relationExists } from "../sql";
import type { Comparison } from "./comparison";
import type { Difference } from "./difference";
import type { NameOptions } from "./name";
import {
	type Sessions,
	type Verification,
	type VerifiedTable,
	verifyTables,
} from "./verify";

/** What of the target has no way back to the source, besides single rows. */
export interface OneWay {
	/** Whole tables, with the reason. */
	readonly tables: ReadonlyMap<string, string>;
	/** Columns that no way back reads, by table; of several routes into it, each has its own. */
	readonly columns: ReadonlyMap<string, readonly SilentColumns[]>;
}

/** Columns of rows that came by one route. */
export interface SilentColumns {
	/** Tells which rows: null where no other route leads there. */
	readonly route: Route | null;
	readonly columns: ReadonlySet<string>;
}

/** Rows of the target that have no way back, by table and reason. */
export interface WithoutWayBack {
	readonly table: string;
	readonly reason: string;
	readonly rows: number;
}

/** As many rows of a table are looked at one by one; where more differ, that is a difference. */
const MOST_EXPLAINED = 10_000;

interface Reject {
	readonly table: string;
	readonly key: readonly string[];
	readonly reason: string;
	readonly row: Readonly<Record<string, unknown>>;
}

/**
 * Compares tables after a return: what has no way back is counted apart, by table and
 * reason. Where more rows of a table differ than can be looked at one by one, that
 * stays a difference.
 */
export async function verifyReturned(
	sessions: Sessions,
	comparisons: readonly Comparison[],
	oneWay: OneWay | undefined,
	options: NameOptions,
): Promise<Verification & { withoutWayBack: readonly WithoutWayBack[] }> {
	const { tables, differences } = await verifyTables(sessions, comparisons, {
		...options,
		limit: Math.max(options.limit, MOST_EXPLAINED),
	});
	const [source] = sessions.source;
	if (!source) throw new Error("no session to verify with");
	const explained = await explainReturned(
		source,
		differences,
		oneWay ?? { tables: new Map(), columns: new Map() },
	);
	const named = new Map<string, number>();
	const few = explained.differences.filter(({ table }) => {
		const before = named.get(table) ?? 0;
		named.set(table, before + 1);
		return before < options.limit;
	});
	return {
		tables,
		withoutWayBack: explained.withoutWayBack,
		differences: [...few, ...tables.filter(isBeyond).map(beyond)],
	};
}

function isBeyond({ differing }: VerifiedTable): boolean {
	const { source, target } = differing ?? { source: 0, target: 0 };
	return source > MOST_EXPLAINED || target > MOST_EXPLAINED;
}

function beyond({ table }: VerifiedTable): Difference {
	return {
		table,
		kind: "content",
		detail: `more than ${MOST_EXPLAINED} rows differ: too many to tell whether each has no way back`,
	};
}

/**
 * Parts the differences that remain after a return into those that a way back would
 * have had to bring, and rows that have none: the source noted that they do not fit,
 * or they differ in columns only that nothing reads on the way back. They differ for
 * a reason that can be named, and are counted by it.
 */
async function explainReturned(
	source: ClientBase,
	differences: readonly Difference[],
	oneWay: OneWay,
): Promise<{
	differences: Difference[];
	withoutWayBack: WithoutWayBack[];
}> {
	const reasonOf = await readReasons(source);
	const lostColumns = await readLostColumns(source, differences, oneWay);
	const counts = new Map<string, WithoutWayBack>();
	const left = differences.filter((difference) => {
		const { table } = difference;
		const reason =
			oneWay.tables.get(table) ??
			reasonOf(difference) ??
			lostColumns(difference);
		if (reason === undefined) return true;
		const id = JSON.stringify([table, reason]);
		const rows = (counts.get(id)?.rows ?? 0) + 1;
		counts.set(id, { table, reason, rows });
		return false;
	});
	return { differences: left, withoutWayBack: [...counts.values()] };
}

/** Which rows differ in nothing but columns that their way back does not read. */
async function readLostColumns(
	source: ClientBase,
	differences: readonly Difference[],
	oneWay: OneWay,
): Promise<(difference: Difference) => string | undefined> {
	const changed = differences.filter(({ kind }) => kind === "changed");
	const lost = new Map<Difference, string>();
	for (const [table, ways] of oneWay.columns) {
		const here = changed.filter((difference) => difference.table === table);
		for (const { route, columns: silent } of here.length > 0 ? ways : []) {
			const came = route ? await readKeys(source, route, here) : undefined;
			for (const difference of here) {
				const { columns = [], key } = difference;
				const mine = !came || came.has(idOf(Object.values(key ?? {})));
				if (mine && columns.every((name) => silent.has(name)))
					lost.set(difference, `${columns.join(", ")} has no way back`);
			}
		}
	}
	return (difference) => lost.get(difference);
}

/** The keys, among those of the differences, of rows that come by this route. */
async function readKeys(
	source: ClientBase,
	route: Route,
	differences: readonly Difference[],
): Promise<Set<string>> {
	const names = Object.keys(differences[0]?.key ?? {});
	const values = names.map((name) => {
		const found = route.columns.find(({ column }) => column.name === name);
		return found ? `(${found.sql})::text` : "NULL";
	});
	const key = `jsonb_build_array(${values.join(", ")})`;
	const keys = differences.map(({ key }) => idOf(Object.values(key ?? {})));
	const { rows } = await source.query<{ key: (string | null)[] }>(
		`SELECT ${key} AS "key" FROM ${fromTable(route.from)} t ${whereClause(route, `${key} = ANY ($1::jsonb[])`)}`,
		[keys],
	);
	return new Set(rows.map((row) => idOf(row.key)));
}

/** Why the source could not take a row, by what names it in a difference. */
async function readReasons(
	source: ClientBase,
): Promise<(difference: Difference) => string | undefined> {
	if (!(await relationExists(source, "cutover.reject"))) return () => undefined;
	const { rows } = await source.query<Reject>(
		`SELECT from_table AS "table", key, reason, "row" FROM cutover.reject`,
	);
	const byTable = new Map<string, Reject[]>();
	for (const reject of rows) {
		const others = byTable.get(reject.table);
		if (others) others.push(reject);
		else byTable.set(reject.table, [reject]);
	}
	const indexes = new Map<string, Map<string, string>>();
	return ({ table, key }) => {
		const rejects = byTable.get(table);
		if (!rejects || !key) return undefined;
		const names = Object.keys(key);
		let index = indexes.get(table);
		if (!index) {
			index = new Map(
				rejects.flatMap((reject) => [
					[idOf(reject.key), reject.reason],
					// A key's columns may stand in another order in the journal.
					[idOf(names.map((name) => String(reject.row[name]))), reject.reason],
				]),
			);
			indexes.set(table, index);
		}
		return index.get(idOf(Object.values(key)));
	};
}

function idOf(values: readonly (string | null)[]): string {
	return JSON.stringify(values);
}
