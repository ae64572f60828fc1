import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { type Catalog, type Table, tableName } from "../catalog/types";
import type { Manifest } from "../copy/manifest";
import { matchSequence, readSequences } from "../copy/sequences";
import type { UserRewrite } from "../users/references";
import { type Difference, locateDifferences } from "./compare";
import {
	digestTable,
	plainSide,
	rewrittenSide,
	type TableDigest,
} from "./table";

/** Sessions on each side: both databases usually sit on few processors. */
export interface Sessions {
	readonly source: readonly ClientBase[];
	readonly target: readonly ClientBase[];
}

export interface VerifiedTable {
	readonly table: string;
	readonly source: TableDigest;
	readonly target: TableDigest;
	readonly equal: boolean;
}

export interface Verification {
	readonly tables: readonly VerifiedTable[];
	readonly differences: readonly Difference[];
}

/**
 * Compares all tables of the live source with the target, both sides at once, and
 * names what differs: table, row and columns. New user ids count as the old ones
 * they stand for.
 */
export async function verifyLive(
	sessions: Sessions,
	tables: readonly Table[],
	target: Catalog,
	rewrites: readonly UserRewrite[],
	limit: number,
): Promise<Verification> {
	const queue = [...tables].sort((a, b) => b.bytes - a.bytes);
	const verified: VerifiedTable[] = [];
	const differences: Difference[] = [];
	await Promise.all(
		sessions.source.map(async (source, index) => {
			const other = sessions.target[index];
			if (!other) return;
			for (let table = queue.shift(); table; table = queue.shift()) {
				const twin = findTable(target.tables, table);
				if (!twin) continue;
				const sides = {
					source: plainSide(table),
					target: rewrittenSide({ ...twin, columns: table.columns }, rewrites),
				};
				const [left, right] = await Promise.all([
					digestTable(source, sides.source),
					digestTable(other, sides.target),
				]);
				const result = compare(table, left, right);
				verified.push(result);
				if (!result.equal)
					differences.push(
						...(await locateDifferences(source, other, table, sides, {
							rows: Math.max(left.rows, right.rows),
							limit,
						})),
					);
			}
		}),
	);
	return { tables: byName(verified), differences };
}

/** Compares the target with the digests of an export; rows cannot be named. */
export async function verifyManifest(
	session: ClientBase,
	manifest: Manifest,
	target: Catalog,
	rewrites: readonly UserRewrite[],
): Promise<Verification> {
	const verified: VerifiedTable[] = [];
	const differences: Difference[] = [];
	for (const exported of manifest.tables) {
		const source = findTable(manifest.catalog.tables, exported);
		const twin = findTable(target.tables, exported);
		if (!source || !twin) {
			differences.push({
				table: tableName(exported),
				kind: "missing",
				detail: "the target has no such table",
			});
			continue;
		}
		const found = await digestTable(
			session,
			rewrittenSide({ ...twin, columns: source.columns }, rewrites),
		);
		const result = compare(source, exported, found);
		verified.push(result);
		if (!result.equal)
			differences.push({
				table: result.table,
				kind: "content",
				detail: `${exported.rows} rows exported, ${found.rows} on the target, digests differ`,
			});
	}
	return { tables: byName(verified), differences };
}

/**
 * A sequence on the target must stand at least where the source's does, else it
 * hands out numbers that are taken. It may stand further: new rows draw from it.
 */
export async function verifySequences(
	source: ClientBase,
	target: ClientBase,
	catalogs: { readonly source: Catalog; readonly target: Catalog },
): Promise<Difference[]> {
	const differences: Difference[] = [];
	const values = await readSequences(source, catalogs.source.sequences);
	const others = await readSequences(target, catalogs.target.sequences);
	for (const value of values) {
		const twin = matchSequence(value, catalogs.target.sequences);
		const found = others.find(
			({ schema, name }) => schema === twin?.schema && name === twin.name,
		);
		const increment = BigInt(twin?.increment ?? 1);
		const ahead =
			found && (position(found) - position(value)) * (increment < 0 ? -1n : 1n);
		if (ahead === undefined || ahead < 0n)
			differences.push({
				table: tableName(value),
				kind: "sequence",
				detail: found
					? `at ${found.lastValue} on the target, at ${value.lastValue} on the source`
					: "missing on the target",
			});
	}
	return differences;
}

/** Twice the last value, plus one once it has been handed out: orders both parts. */
function position({
	lastValue,
	isCalled,
}: {
	lastValue: string;
	isCalled: boolean;
}): bigint {
	return BigInt(lastValue) * 2n + (isCalled ? 1n : 0n);
}

function compare(
	table: Table,
	source: TableDigest,
	target: TableDigest,
): VerifiedTable {
	return {
		table: tableName(table),
		source: { rows: source.rows, digest: source.digest },
		target: { rows: target.rows, digest: target.digest },
		equal: source.rows === target.rows && source.digest === target.digest,
	};
}

function byName(tables: readonly VerifiedTable[]): VerifiedTable[] {
	return [...tables].sort((a, b) => (a.table < b.table ? -1 : 1));
}
