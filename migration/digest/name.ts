import type { ClientBase } from "pg";
import type { Column } from "../catalog/types";
import { literal } from "../sql";
import type { Comparison } from "./comparison";
import type { Difference } from "./difference";
import { columnDigest, exactText } from "./expression";
import type { Located } from "./locate";
import { maskedText, shownText } from "./mask";
import { atPlaces, type Places } from "./places";
import type { Side } from "./side";

export interface NameOptions {
	/** Rows to name. */
	readonly limit: number;
	/** Show values; else only what kind of text they are. */
	readonly showValues: boolean;
}

/** Rows whose places one statement asks for. */
const ROWS_PER_STATEMENT = 2000;

/** A row by what tells it apart, with a digest a column in the order of the columns. */
interface Row {
	readonly key: readonly (string | null)[];
	readonly digests: readonly string[];
	/** `(block,number)` */
	readonly place: string;
	/** OID of its table or partition. */
	readonly table: number;
	/** Which of the sides that fill the table. */
	readonly side: number;
}

/**
 * Names up to `limit` of the located rows: by their key with the columns that
 * differ, or by their place where the table has no key. At least `limit` places of
 * each side must have been kept.
 */
export async function nameDifferences(
	source: ClientBase,
	target: ClientBase,
	comparison: Comparison,
	located: Located,
	options: NameOptions,
): Promise<Difference[]> {
	const { columns } = comparison.target;
	const key = columns.filter(({ name }) => comparison.key?.includes(name));
	const [left, right] = await Promise.all([
		readRows(source, comparison.source, located.source, key),
		readRows(target, [comparison.target], located.target, key),
	]);
	if (key.length === 0)
		return namePlaces(source, target, comparison, left, right, options);
	const twins = new Map(
		[
			...right,
			// What was not kept may be the other half of a row that has changed.
			...(located.targetRows > located.target.size
				? await readKeys(
						target,
						comparison.target,
						key,
						left.slice(0, options.limit),
					)
				: []),
		].map((row) => [JSON.stringify(row.key), row]),
	);
	const differences: Difference[] = [];
	const keyOf = (row: Row) =>
		Object.fromEntries(
			key.map(({ name }, index) => [name, row.key[index] ?? null]),
		);
	for (const row of left) {
		if (differences.length >= options.limit) return differences;
		const id = JSON.stringify(row.key);
		const twin = twins.get(id);
		twins.delete(id);
		if (!twin) {
			differences.push({
				table: comparison.table,
				kind: "missing",
				key: keyOf(row),
			});
			continue;
		}
		const changed = columns.filter(
			(_, index) => row.digests[index] !== twin.digests[index],
		);
		differences.push({
			table: comparison.table,
			kind: "changed",
			key: keyOf(row),
			columns: changed.map(({ name }) => name),
			values: await readValues(changed, options, {
				source: { client: source, sides: comparison.source, row },
				target: { client: target, sides: [comparison.target], row: twin },
			}),
		});
	}
	for (const row of twins.values()) {
		if (differences.length >= options.limit) return differences;
		differences.push({
			table: comparison.table,
			kind: "extra",
			key: keyOf(row),
		});
	}
	return differences;
}

/** Without a key a row cannot change, only come and go. */
async function namePlaces(
	source: ClientBase,
	target: ClientBase,
	comparison: Comparison,
	left: readonly Row[],
	right: readonly Row[],
	options: NameOptions,
): Promise<Difference[]> {
	const { table, target: side } = comparison;
	const differences: Difference[] = [];
	for (const row of left.slice(0, options.limit))
		differences.push({
			table,
			kind: "missing",
			place: row.place,
			values: await readValues(side.columns, options, {
				source: { client: source, sides: comparison.source, row },
			}),
		});
	for (const row of right.slice(0, options.limit - differences.length))
		differences.push({
			table,
			kind: "extra",
			place: row.place,
			values: await readValues(side.columns, options, {
				target: { client: target, sides: [side], row },
			}),
		});
	return differences;
}

/** SQL of what tells a row apart and how to come back to it. */
function rowOf(side: Side, index: number, key: readonly Column[]): string {
	const keys = key.map((column) => exactText(column, side.reference(column)));
	const digests = side.columns.map((column, at) =>
		columnDigest(column, side.reference(column), at),
	);
	return `
		SELECT ARRAY[${keys.join(", ")}]::text[] AS "key",
			ARRAY[${digests.join(", ")}]::text[] AS "digests",
			${side.place.row}::text AS "place",
			${side.place.table}::int8::float8 AS "table",
			${index}::int4 AS "side"`;
}

/** The rows of a side that have the keys of other rows. */
async function readKeys(
	client: ClientBase,
	side: Side,
	key: readonly Column[],
	others: readonly Row[],
): Promise<Row[]> {
	const values = others.map(
		(row) =>
			`(${key.map(({ type }, at) => `${literal(row.key[at] ?? "")}::${type}`).join(", ")})`,
	);
	if (values.length === 0) return [];
	const { rows } = await client.query<Row>(`
		${rowOf(side, 0, key)}
		${side.rows(`(${key.map(side.reference).join(", ")}) IN (${values.join(", ")})`)}
	`);
	return rows;
}

async function readRows(
	client: ClientBase,
	sides: readonly Side[],
	places: Places,
	key: readonly Column[],
): Promise<Row[]> {
	const found: Row[] = [];
	for (const list of places.lists(ROWS_PER_STATEMENT)) {
		const side = sides[list.side];
		if (!side) continue;
		const { rows } = await client.query<Row>(
			`${rowOf(side, list.side, key)} ${side.rows(atPlaces(list))}`,
		);
		found.push(...rows);
	}
	return found;
}

interface Seen {
	readonly client: ClientBase;
	readonly sides: readonly Side[];
	readonly row: Row;
}

/** The values of one row's columns on one side or both, for people to see. */
async function readValues(
	columns: readonly Column[],
	options: NameOptions,
	seen: { readonly source?: Seen; readonly target?: Seen },
): Promise<NonNullable<Difference["values"]>> {
	const [source, target] = await Promise.all(
		[seen.source, seen.target].map(
			(one) => one && readTexts(one, columns, options),
		),
	);
	return Object.fromEntries(
		columns.map(({ name }, index) => [
			name,
			{
				...(source && { source: source[index] ?? null }),
				...(target && { target: target[index] ?? null }),
			},
		]),
	);
}

async function readTexts(
	{ client, sides, row }: Seen,
	columns: readonly Column[],
	options: NameOptions,
): Promise<(string | null)[]> {
	const side = sides[row.side];
	if (!side) return [];
	const text = options.showValues ? shownText : maskedText;
	const { rows } = await client.query<{ texts: (string | null)[] }>(`
		SELECT ARRAY[${columns.map((column) => text(exactText(column, side.reference(column)))).join(", ")}]::text[] AS "texts"
		${side.rows(atPlaces({ table: row.table, rows: [row.place] }))}
	`);
	return rows[0]?.texts ?? [];
}
