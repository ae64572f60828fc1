import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import type { SequenceValue } from "../copy/manifest";
import {
	advanceSequence,
	furthestRow,
	matchSequence,
	readSequences,
	type Served,
	servedColumns,
} from "../copy/sequences";
import { ident } from "../sql";
import type { Way } from "./way";

/**
 * Puts the other side's sequences where this side's stand: those that serve the
 * same column through a route, and those of the same name. Those of columns that
 * this side fills otherwise, or from several tables, go behind the furthest value as
 * well. Never back: a number handed out twice is worse than a gap. Gives how many
 * were moved.
 */
export async function carrySequences(
	read: ClientBase,
	write: ClientBase,
	way: Pick<Way, "catalog" | "routes">,
): Promise<number> {
	const there = await readCatalog(write, await readSchemas(write));
	const values = await readSequences(read, way.catalog.sequences);
	const served = servedColumns(
		there,
		way.routes.map(({ to }) => to),
	);
	let moved = 0;
	for (const sequence of there.sequences) {
		const columns = served.filter((one) => one.sequence === sequence);
		const sources = columns.flatMap((one) => sourcesOf(way, one, values));
		const wanted = sources.filter((value) => value !== undefined);
		if (sequence.ownedBy === null)
			wanted.push(
				...values.filter(
					(value) => matchSequence(value, there.sequences) === sequence,
				),
			);
		for (const one of columns)
			if (one.leadsKey || wanted.length !== 1 || sources.includes(undefined))
				wanted.push(...(await furthestRow(write, one)));
		if (await advanceSequence(write, sequence, wanted)) moved++;
	}
	return moved;
}

/** For each route into a column where the sequence of the column that it reads stands. */
function sourcesOf(
	{ routes, catalog }: Pick<Way, "catalog" | "routes">,
	{ table, column: { name } }: Served,
	values: readonly SequenceValue[],
): (SequenceValue | undefined)[] {
	return routes.flatMap(({ from, to, columns }) => {
		const written = columns.find(({ column }) => column.name === name);
		if (!written || to.schema !== table.schema || to.name !== table.name)
			return [];
		// A mapping casts numbers of another width.
		const sql = written.sql.replace(/^\((.*)\)::\w+$/, "$1");
		const column = findTable(catalog.tables, from)?.columns.find(
			(one) => ident("t", one.name) === sql,
		);
		return [
			values.find(
				(one) =>
					one.schema === from.schema &&
					one.ownedBy?.table === from.name &&
					one.ownedBy.column === column?.name,
			),
		];
	});
}
