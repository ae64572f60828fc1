import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { keyOf } from "../catalog/keys";
import type { Catalog, Column, Name, Sequence, Table } from "../catalog/types";
import { fromTable, ident } from "../sql";
import type { SequenceValue } from "./manifest";

/**
 * The target's sequence that stands for the source's: the one that serves the
 * same column, as identity and serial columns may name theirs differently, else
 * the one of the same name.
 */
export function matchSequence(
	value: SequenceValue,
	target: readonly Sequence[],
): Sequence | undefined {
	const { ownedBy } = value;
	return (
		target.find(
			(sequence) =>
				ownedBy !== null &&
				sequence.schema === value.schema &&
				sequence.ownedBy?.table === ownedBy.table &&
				sequence.ownedBy.column === ownedBy.column,
		) ??
		target.find(
			(sequence) =>
				sequence.schema === value.schema && sequence.name === value.name,
		)
	);
}

/** Puts the target's sequences where the source's stood. */
export async function setSequences(
	client: ClientBase,
	values: readonly SequenceValue[],
	target: readonly Sequence[],
): Promise<void> {
	for (const value of values) {
		const sequence = matchSequence(value, target);
		if (!sequence) continue;
		await client.query("SELECT setval($1::regclass, $2::bigint, $3)", [
			ident(sequence.schema, sequence.name),
			value.lastValue,
			value.isCalled,
		]);
	}
}

/** Reads where sequences stand. No snapshot holds them: these are the values now. */
export async function readSequences(
	client: ClientBase,
	sequences: readonly Sequence[],
): Promise<SequenceValue[]> {
	if (sequences.length === 0) return [];
	const { rows } = await client.query<{
		at: number;
		last: string;
		called: boolean;
	}>(
		sequences
			.map(
				({ schema, name }, at) =>
					`SELECT ${at} AS "at", last_value::text AS "last", is_called AS "called" FROM ${ident(schema, name)}`,
			)
			.join(" UNION ALL "),
	);
	return rows.map(({ at, last, called }) => {
		const { schema, name, ownedBy } = sequences[at] as Sequence;
		return { schema, name, ownedBy, lastValue: last, isCalled: called };
	});
}

/** A column that a sequence gives numbers to. */
export interface Served {
	readonly sequence: Sequence;
	readonly table: Table;
	readonly column: Column;
	/** First in the table's key: its furthest value is read from an index. */
	readonly leadsKey: boolean;
}

/** The columns of the given tables that own a sequence, or whose default draws from one. */
export function servedColumns(
	{ tables, sequences, needs }: Pick<Catalog, "tables" | "sequences" | "needs">,
	names: readonly Name[],
): Served[] {
	const wanted = new Set(
		names.flatMap((name) => findTable(tables, name) ?? []),
	);
	return [...wanted].flatMap((table) =>
		table.columns.flatMap((column) =>
			sequences
				.filter(
					({ schema, name, ownedBy }) =>
						(schema === table.schema &&
							ownedBy?.table === table.name &&
							ownedBy.column === column.name) ||
						needs[
							keyOf("default", table.schema, table.name, column.name)
						]?.includes(keyOf("sequence", schema, name)),
				)
				.map((sequence) => ({
					...{ sequence, table, column },
					leadsKey: table.rowKey?.[0] === column.name,
				})),
		),
	);
}

const INTEGERS: readonly string[] = ["int2", "int4", "int8"];

/** The furthest number in a column, as if its sequence had given it; none in a column of text. */
export async function furthestRow(
	client: ClientBase,
	{ sequence, table, column }: Served,
): Promise<SequenceValue[]> {
	if (!INTEGERS.includes(column.base.name)) return [];
	const { schema, name, ownedBy, increment } = sequence;
	const furthest = increment.startsWith("-") ? "min" : "max";
	const { rows } = await client.query<{ value: string | null }>(
		`SELECT ${furthest}(${ident(column.name)})::text AS "value" FROM ${fromTable(table)}`,
	);
	return rows.flatMap(({ value }) =>
		value === null
			? []
			: [{ schema, name, ownedBy, lastValue: value, isCalled: true }],
	);
}

/** Moves a sequence to the furthest of the values, if it is not there or further; gives whether it moved. */
export async function advanceSequence(
	client: ClientBase,
	{ schema, name, increment }: Sequence,
	values: readonly SequenceValue[],
): Promise<boolean> {
	if (values.length === 0) return false;
	const ahead = increment.startsWith("-") ? "ASC" : "DESC";
	const further = increment.startsWith("-") ? "<" : ">";
	const { rowCount } = await client.query(
		`
		SELECT setval($1::regclass, v.last, v.called)
		FROM (
			SELECT * FROM unnest($2::bigint[], $3::boolean[]) v (last, called)
			ORDER BY last ${ahead}, called DESC LIMIT 1
		) v, ${ident(schema, name)} s
		WHERE v.last ${further} s.last_value OR (v.last = s.last_value AND v.called AND NOT s.is_called)
		`,
		[
			ident(schema, name),
			values.map(({ lastValue }) => lastValue),
			values.map(({ isCalled }) => isCalled),
		],
	);
	return rowCount === 1;
}
