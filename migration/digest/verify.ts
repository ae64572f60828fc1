import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { type Catalog, tableName } from "../catalog/types";
import { releasingLocks } from "../copy/lane";
import type { Manifest } from "../copy/manifest";
import { runTasks } from "../copy/tasks";
import { Progress } from "../progress";
import type { UserRewrite } from "../users/references";
import type { Comparison } from "./comparison";
import type { Difference } from "./difference";
import { locate } from "./locate";
import { digestSides, type Measured, readExtents, together } from "./measure";
import { type NameOptions, nameDifferences } from "./name";
import { rewrittenSide } from "./side";
import { sameDigest, type TableDigest } from "./table";

/** Sessions of both sides; those of one side share a snapshot. */
export interface Sessions {
	readonly source: readonly ClientBase[];
	readonly target: readonly ClientBase[];
}

export interface VerifiedTable {
	readonly table: string;
	readonly source: TableDigest;
	readonly target: TableDigest;
	readonly equal: boolean;
	/** From the first part's start to the last one's end, on whichever side. */
	readonly seconds: number;
	/** It was emptied or written anew while it was read: nothing is said of it. */
	readonly rewritten: boolean;
	/** Rows that only one side holds; a changed row counts on both. */
	readonly differing?: { readonly source: number; readonly target: number };
}

export interface Verification {
	readonly tables: readonly VerifiedTable[];
	readonly differences: readonly Difference[];
}

/** Places kept of a side where a table differs: more than anybody reads, little memory. */
const PLACES_KEPT = 10_000;

/**
 * Compares tables: digests of both sides at once, each side over all its sessions,
 * then for those that differ one more read that finds the rows. Both sides must
 * stand still, or what is under way between them counts as a difference.
 */
export async function verifyTables(
	sessions: Sessions,
	comparisons: readonly Comparison[],
	options: NameOptions,
): Promise<Verification> {
	const tables = await digestTables(sessions, comparisons);
	const differences = tables
		.filter(({ rewritten }) => rewritten)
		.map(({ table }) => rewrittenDifference(table));
	const lanes = sessions.source.flatMap((source, index) => {
		const target = sessions.target[index];
		return target ? [{ source, target }] : [];
	});
	const results = new Map(tables.map((table) => [table.table, table]));
	await runTasks(
		comparisons
			.filter(({ table }) => {
				const result = results.get(table);
				return result && !result.equal && !result.rewritten;
			})
			.map((comparison) => ({
				name: `differences of ${comparison.table}`,
				rank: results.get(comparison.table)?.source.rows ?? 0,
				after: [],
				run: async (lane: (typeof lanes)[0]) => {
					const { named, ...differing } = await releasingLocks(
						lane.source,
						() =>
							releasingLocks(lane.target, () =>
								nameRows(lane, comparison, options),
							),
					);
					differences.push(...named);
					const result = results.get(comparison.table);
					if (result) results.set(comparison.table, { ...result, differing });
				},
			})),
		lanes,
	);
	return {
		tables: byName([...results.values()]),
		differences: [...differences].sort((a, b) => order(a.table, b.table)),
	};
}

/** Finds the rows in which a table differs, and names them. */
async function nameRows(
	{
		source,
		target,
	}: { readonly source: ClientBase; readonly target: ClientBase },
	comparison: Comparison,
	options: NameOptions,
): Promise<{ source: number; target: number; named: readonly Difference[] }> {
	const located = await locate(
		source,
		target,
		comparison,
		Math.max(PLACES_KEPT, options.limit),
	);
	const named = await nameDifferences(
		source,
		target,
		comparison,
		located,
		options,
	);
	return {
		source: located.sourceRows,
		target: located.targetRows,
		// Whatever can be named: what differs is never taken for equal.
		named: named.length > 0 ? named : [unnamed(comparison)],
	};
}

function rewrittenDifference(table: string): Difference {
	return {
		table,
		kind: "rewritten",
		detail: "it was emptied or written anew while it was read",
	};
}

function unnamed({ table }: Comparison): Difference {
	return {
		table,
		kind: "content",
		detail: "the digests differ, but no row that does was found",
	};
}

/** Digests both sides of all comparisons at once, with progress for people. */
export async function digestTables(
	sessions: Sessions,
	comparisons: readonly Comparison[],
): Promise<VerifiedTable[]> {
	if (comparisons.length === 0) return [];
	const sources = comparisons.flatMap(({ source }) => source);
	const targets = comparisons.map(({ target }) => target);
	const [left, right] = await Promise.all([
		readExtents(first(sessions.source), sources),
		readExtents(first(sessions.target), targets),
	]);
	const progress = new Progress(
		"verify",
		[...left.values(), ...right.values()].reduce(
			(sum, { bytes }) => sum + bytes,
			0,
		),
	);
	try {
		const [read, written] = await Promise.all([
			digestSides(sessions.source, sources, left, progress),
			digestSides(sessions.target, targets, right, progress),
		]);
		return comparisons.map(({ table, source, target }) =>
			compare(
				table,
				together(source.flatMap((side) => read.get(side) ?? [])),
				together([written.get(target)].flatMap((found) => found ?? [])),
			),
		);
	} finally {
		progress.end();
	}
}

/** Compares the target with the digests of an export; rows cannot be named. */
export async function verifyManifest(
	sessions: readonly ClientBase[],
	manifest: Manifest,
	target: Pick<Catalog, "tables">,
	rewrites: readonly UserRewrite[],
): Promise<Verification> {
	const differences: Difference[] = [];
	const pairs = manifest.tables.flatMap((exported) => {
		const source = findTable(manifest.catalog.tables, exported);
		const twin = findTable(target.tables, exported);
		if (source && twin)
			return [
				{
					exported,
					side: rewrittenSide({ ...twin, columns: source.columns }, rewrites),
				},
			];
		differences.push({
			table: tableName(exported),
			kind: "missing",
			detail: "the target has no such table",
		});
		return [];
	});
	const sides = pairs.map(({ side }) => side);
	const extents = await readExtents(first(sessions), sides);
	const progress = new Progress(
		"verify",
		[...extents.values()].reduce((sum, { bytes }) => sum + bytes, 0),
	);
	try {
		const digests = await digestSides(sessions, sides, extents, progress);
		const verified = pairs.map(({ exported, side }) => {
			const found = together([digests.get(side)].flatMap((one) => one ?? []));
			return compare(
				tableName(exported),
				{ ...found, rows: exported.rows, digest: exported.digest },
				found,
			);
		});
		for (const { table, equal, source, target } of verified)
			if (!equal)
				differences.push({
					table,
					kind: "content",
					detail: `${source.rows} rows exported, ${target.rows} on the target, digests differ`,
				});
		return { tables: byName(verified), differences };
	} finally {
		progress.end();
	}
}

function compare(
	table: string,
	source: Measured,
	target: Measured,
): VerifiedTable {
	const rewritten = source.rewritten || target.rewritten;
	return {
		table,
		source: { rows: source.rows, digest: source.digest },
		target: { rows: target.rows, digest: target.digest },
		equal: !rewritten && sameDigest(source, target),
		rewritten,
		seconds:
			(Math.max(source.endedAt, target.endedAt) -
				Math.min(source.startedAt, target.startedAt)) /
			1000,
	};
}

function byName(tables: readonly VerifiedTable[]): VerifiedTable[] {
	return [...tables].sort((a, b) => order(a.table, b.table));
}

function order(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function first(sessions: readonly ClientBase[]): ClientBase {
	const [session] = sessions;
	if (!session) throw new Error("no session to verify with");
	return session;
}
