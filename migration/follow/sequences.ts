import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import type { Sequence } from "../catalog/types";
import type { SequenceValue } from "../copy/manifest";
import { matchSequence, readSequences } from "../copy/sequences";
import { ident } from "../sql";
import type { Way } from "./way";

/** A sequence of the other side and where it is to stand at least. */
interface Target {
	readonly sequence: Sequence;
	/** null where no sequence of this side serves the same column. */
	readonly value: SequenceValue | null;
}

/**
 * Puts the other side's sequences where this side's stand: those that serve the
 * same column through a route, those of the same name, and those of columns that
 * this side fills otherwise behind their greatest value. Never back: a number
 * handed out twice is worse than a gap. Gives how many were moved.
 */
export async function carrySequences(
	read: ClientBase,
	write: ClientBase,
	way: Pick<Way, "catalog" | "routes">,
): Promise<number> {
	const there = await readCatalog(write, await readSchemas(write));
	const values = await readSequences(read, way.catalog.sequences);
	let moved = 0;
	for (const { sequence, value } of targetsOf(way, there.sequences, values))
		moved += value
			? await advance(write, sequence, value)
			: await advanceBehindRows(write, sequence);
	return moved;
}

function targetsOf(
	{ routes, catalog }: Pick<Way, "catalog" | "routes">,
	sequences: readonly Sequence[],
	values: readonly SequenceValue[],
): Target[] {
	return sequences.flatMap((sequence): Target[] => {
		const { ownedBy } = sequence;
		const into = routes.flatMap(({ from, to, columns }) => {
			const written = columns.find(
				({ column }) => column.name === ownedBy?.column,
			);
			return written &&
				to.schema === sequence.schema &&
				to.name === ownedBy?.table
				? [{ from, sql: written.sql }]
				: [];
		});
		const value = ownedBy
			? into
					.map(({ from, sql }) => {
						const column = findTable(catalog.tables, from)?.columns.find(
							({ name }) => ident("t", name) === sql,
						);
						return values.find(
							(one) =>
								one.schema === from.schema &&
								one.ownedBy?.table === from.name &&
								one.ownedBy.column === column?.name,
						);
					})
					.find((found) => found !== undefined)
			: values.find((one) => matchSequence(one, sequences) === sequence);
		return value || into.length > 0 ? [{ sequence, value: value ?? null }] : [];
	});
}

const MOVE = (condition: string) => `
	SELECT setval($1::regclass, $2::bigint, $3) FROM pg_catalog.pg_class WHERE oid = $1::regclass AND ${condition}`;

async function advance(
	write: ClientBase,
	sequence: Sequence,
	{ lastValue, isCalled }: SequenceValue,
): Promise<number> {
	const name = ident(sequence.schema, sequence.name);
	const ahead = sequence.increment.startsWith("-") ? "<" : ">";
	const { rowCount } = await write.query(
		MOVE(
			`EXISTS (SELECT FROM ${name} s WHERE ($2::bigint, $3) <> (s.last_value, s.is_called)
				AND ($2::bigint ${ahead} s.last_value OR ($2::bigint = s.last_value AND $3)))`,
		),
		[name, lastValue, isCalled],
	);
	return rowCount ?? 0;
}

async function advanceBehindRows(
	write: ClientBase,
	sequence: Sequence,
): Promise<number> {
	const { ownedBy, schema, increment } = sequence;
	if (!ownedBy) return 0;
	const furthest = increment.startsWith("-") ? "min" : "max";
	const { rows } = await write.query<{ value: string | null }>(
		`SELECT ${furthest}(${ident(ownedBy.column)})::text AS "value" FROM ${ident(schema, ownedBy.table)}`,
	);
	const value = rows[0]?.value;
	if (value === null || value === undefined) return 0;
	return advance(write, sequence, {
		schema,
		name: sequence.name,
		ownedBy,
		lastValue: value,
		isCalled: true,
	});
}
