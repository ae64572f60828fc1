import type { ClientBase } from "pg";
import { type Column, type Table, tableName } from "../catalog/types";
import { rowDigest } from "./expression";
import type { Side } from "./table";

/** One difference between source and target, named as closely as it can be. */
export interface Difference {
	readonly table: string;
	readonly kind: "missing" | "extra" | "changed" | "sequence" | "content";
	/** Key of the row, as text; without values, these may be secret. */
	readonly key?: Record<string, string | null>;
	/** Columns whose values differ. */
	readonly columns?: readonly string[];
	readonly detail?: string;
}

/** Rows a bucket should hold: few enough to list, enough to keep buckets few. */
const ROWS_PER_BUCKET = 1000;

/**
 * Names up to `limit` rows that differ. Both sides sum their rows' digests into
 * buckets by the hash of the key; only buckets that differ are listed, so memory
 * and traffic follow the number of differences, not the size of the table.
 */
export async function locateDifferences(
	source: ClientBase,
	target: ClientBase,
	table: Table,
	sides: { readonly source: Side; readonly target: Side },
	options: { readonly rows: number; readonly limit: number },
): Promise<Difference[]> {
	// Without a primary key a row is known by all its columns: it cannot change, only come and go.
	const key = table.primaryKey
		? sides.source.columns.filter(({ name }) =>
				table.primaryKey?.includes(name),
			)
		: sides.source.columns;
	const buckets = Math.max(1, Math.ceil(options.rows / ROWS_PER_BUCKET));
	const [left, right] = await Promise.all([
		bucketDigests(source, sides.source, key, buckets),
		bucketDigests(target, sides.target, key, buckets),
	]);
	const found: Difference[] = [];
	for (const bucket of new Set([...left.keys(), ...right.keys()])) {
		if (found.length >= options.limit) break;
		if (left.get(bucket) === right.get(bucket)) continue;
		found.push(
			...(await compareBucket(source, target, table, sides, key, {
				bucket,
				buckets,
			})),
		);
	}
	return found.slice(0, options.limit);
}

async function bucketDigests(
	client: ClientBase,
	side: Side,
	key: readonly Column[],
	buckets: number,
): Promise<Map<string, string>> {
	const { rows } = await client.query<{ bucket: string; digest: string }>(`
		SELECT ${bucketOf(side, key, buckets)}::text AS "bucket",
			count(*)::text || '/' || sum(${rowDigest(side.columns, side.reference)})::text AS "digest"
		${side.rows()}
		GROUP BY 1
	`);
	return new Map(rows.map(({ bucket, digest }) => [bucket, digest]));
}

interface Row {
	readonly key: (string | null)[];
	/** One digest a column, in the side's order. */
	readonly columns: string[];
}

async function compareBucket(
	source: ClientBase,
	target: ClientBase,
	table: Table,
	sides: { readonly source: Side; readonly target: Side },
	key: readonly Column[],
	place: { readonly bucket: string; readonly buckets: number },
): Promise<Difference[]> {
	const [left, right] = await Promise.all([
		listBucket(source, sides.source, key, place),
		listBucket(target, sides.target, key, place),
	]);
	const found: Difference[] = [];
	const name = tableName(table);
	const named = (row: Row) =>
		Object.fromEntries(
			key.map((column, index) => [column.name, row.key[index] ?? null]),
		);
	for (const [id, rows] of left) {
		const twins = right.get(id) ?? [];
		for (const [index, row] of rows.entries()) {
			const twin = twins[index];
			if (!twin) {
				found.push({ table: name, kind: "missing", key: named(row) });
				continue;
			}
			const columns = sides.source.columns
				.filter((_, at) => row.columns[at] !== twin.columns[at])
				.map((column) => column.name);
			if (columns.length > 0)
				found.push({ table: name, kind: "changed", key: named(row), columns });
		}
	}
	for (const [id, rows] of right)
		for (const row of rows.slice(left.get(id)?.length ?? 0))
			found.push({ table: name, kind: "extra", key: named(row) });
	return found;
}

/** The rows of a bucket by key; equal rows of a table without key share one. */
async function listBucket(
	client: ClientBase,
	side: Side,
	key: readonly Column[],
	{ bucket, buckets }: { bucket: string; buckets: number },
): Promise<Map<string, Row[]>> {
	const keys = key.map((column) => `${side.reference(column)}::text`);
	const digests = side.columns.map((column) =>
		rowDigest([column], side.reference),
	);
	const { rows } = await client.query<Row>(
		`
		SELECT ARRAY[${keys.join(", ")}]::text[] AS "key",
			ARRAY[${digests.join(", ")}]::text[] AS "columns"
		${side.rows(`${bucketOf(side, key, buckets)} = $1::bigint`)}
		`,
		[bucket],
	);
	const byKey = new Map<string, Row[]>();
	for (const row of rows) {
		const id = JSON.stringify(row.key);
		byKey.set(id, [...(byKey.get(id) ?? []), row]);
	}
	return byKey;
}

function bucketOf(side: Side, key: readonly Column[], buckets: number): string {
	const hash = rowDigest(key, side.reference);
	// The hash is signed: the remainder is brought into 0 … buckets - 1.
	return `mod(mod(${hash}, ${buckets}) + ${buckets}, ${buckets})`;
}

/** A difference as a line for people. */
export function describeDifference(difference: Difference): string {
	const key = difference.key
		? ` ${Object.entries(difference.key)
				.map(([name, value]) => `${name}=${value ?? "NULL"}`)
				.join(" ")}`
		: "";
	const columns = difference.columns
		? ` in ${difference.columns.join(", ")}`
		: "";
	const detail = difference.detail ? `: ${difference.detail}` : "";
	return `${difference.table}: ${difference.kind}${key}${columns}${detail}`;
}
