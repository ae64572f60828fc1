import type { ClientBase } from "pg";
import { type BlockRange, inRange } from "../copy/chunks";
import { rowDigest } from "./expression";
import type { Side } from "./side";

export {
	plainSide,
	readSide,
	rewrittenSide,
	type Side,
	writtenSide,
} from "./side";

/** Count and order-free digest of rows: of a table, or of a part of it. */
export interface TableDigest {
	readonly rows: number;
	/** Sum of the rows' 64-bit digests, in decimal: exact, as numeric. */
	readonly digest: string;
}

/**
 * Counts and digests a side's rows in the database, or those that meet a condition
 * over t, the table itself.
 */
export async function digestRows(
	client: ClientBase,
	side: Side,
	where?: string,
): Promise<TableDigest> {
	const { rows } = await client.query<{ rows: string; digest: string }>(`
		SELECT count(*)::text AS "rows",
			coalesce(sum(${rowDigest(side.columns, side.reference)}), 0)::text AS "digest"
		${side.rows(where)}
	`);
	const [row] = rows;
	return { rows: Number(row?.rows), digest: row?.digest ?? "0" };
}

/**
 * Counts and digests a side's rows, or those in a range of blocks. Over whichever
 * ranges, in whatever order: combined, the digests of parts are that of the whole.
 */
export async function digestChunk(
	client: ClientBase,
	side: Side,
	range?: BlockRange,
): Promise<TableDigest> {
	return digestRows(client, side, range && inRange(range));
}

/** Counts and digests all rows of a side, in one session. */
export async function digestTable(
	client: ClientBase,
	side: Side,
): Promise<TableDigest> {
	return digestChunk(client, side);
}

/** The digest of all parts together. */
export function combine(digests: readonly TableDigest[]): TableDigest {
	return {
		rows: digests.reduce((sum, { rows }) => sum + rows, 0),
		digest: digests
			.reduce((sum, { digest }) => sum + BigInt(digest), 0n)
			.toString(),
	};
}

/** Whether both digests are those of the same rows. */
export function sameDigest(left: TableDigest, right: TableDigest): boolean {
	return left.rows === right.rows && left.digest === right.digest;
}
