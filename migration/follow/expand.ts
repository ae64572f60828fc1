import type { ClientBase } from "pg";
import type { Table } from "../catalog/types";
import type { NumberedDependent } from "../journal/notes";
import type { FollowedTable } from "../journal/state";
import { fromTable, ident } from "../sql";

/** A followed table, as the journal and as the catalog know it. */
export interface Expandable {
	readonly followed: FollowedTable;
	readonly table: Table;
}

/**
 * Entries that the follower makes itself within its transaction carry this time:
 * they are never seen by anybody else, and a row gets no more than one of them.
 */
const OWN = "'infinity'::timestamptz";

/**
 * Turns notes into entries of the rows that depend on them, in the journal itself
 * and in the open transaction. Rows whose presence hangs on those rows follow, and
 * so on, until nothing is added; but not those of a row that is on the other side
 * before and after, as a new price of a subscription would else have all readings of
 * its organization sent again.
 */
export async function expandNotes(
	client: ClientBase,
	/** The other side; null where its tables are not of one snapshot yet. */
	write: ClientBase | null,
	tables: readonly Expandable[],
	dependents: readonly NumberedDependent[],
): Promise<void> {
	if (dependents.length === 0) return;
	await expandMarkers(client, tables, dependents);
	for (;;) {
		const { rows } = await client.query<{ id: number }>(
			"SELECT DISTINCT -table_id AS id FROM cutover.journal WHERE table_id < 0",
		);
		if (rows.length === 0) return;
		for (const { id } of rows) {
			const dependent = dependents.find((one) => one.id === id);
			const table = dependent && find(tables, dependent.table);
			if (!dependent || !table) {
				// Of a mapping that is no longer in use.
				await client.query("DELETE FROM cutover.journal WHERE table_id = $1", [
					-id,
				]);
				continue;
			}
			const matches = await takeNotes(client, write, dependent);
			if (matches.length > 0)
				await addRows(client, tables, dependents, table, {
					keys: dependent.keys(GIVEN),
					parameters: [JSON.stringify(matches)],
				});
		}
	}
}

/** The values in $1, a JSON array of arrays, as a query with a column `match text[]`. */
const GIVEN = `(
	SELECT ARRAY (SELECT v.value FROM jsonb_array_elements_text(m) WITH ORDINALITY v (value, at) ORDER BY v.at) AS match
	FROM jsonb_array_elements($1::jsonb) m
)`;

/** Takes a dependent's notes out; gives their values, as far as they matter. */
async function takeNotes(
	read: ClientBase,
	write: ClientBase | null,
	{ id, standing }: NumberedDependent,
): Promise<string[][]> {
	const { rows } = await read.query<{ key: string[] }>(
		`WITH taken AS (DELETE FROM cutover.journal WHERE table_id = ${-id} RETURNING key)
		SELECT DISTINCT key FROM taken`,
	);
	const noted = rows.map(({ key }) => key);
	if (!standing || !write || noted.length === 0) return noted;
	const among = async (client: ClientBase, sql: string) => {
		const found = await client.query<{ match: string[] }>(
			`SELECT DISTINCT f.match FROM (${sql}) f`,
			[JSON.stringify(noted)],
		);
		return new Set(found.rows.map(({ match }) => JSON.stringify(match)));
	};
	const arriving = await among(read, standing.arrives(GIVEN));
	const standingNow = await among(write, standing.stands(GIVEN));
	return noted.filter((match) => {
		const value = JSON.stringify(match);
		return arriving.has(value) !== standingNow.has(value);
	});
}

/**
 * Adds entries for rows of a table, and notes for the rows whose presence hangs on
 * them. `keys` is SQL that gives a column `key text[]`.
 */
export async function addRows(
	client: ClientBase,
	tables: readonly Expandable[],
	dependents: readonly NumberedDependent[],
	{ followed, table }: Expandable,
	{
		keys,
		parameters = [],
	}: {
		readonly keys: string;
		readonly parameters?: readonly unknown[];
	},
): Promise<void> {
	if (followed.key === null) {
		await client.query(
			`
			WITH found AS (${keys})
			INSERT INTO cutover.journal
			SELECT ${followed.id}, '{}', ${OWN} WHERE EXISTS (SELECT FROM found)
			`,
			[...parameters],
		);
		return;
	}
	const below = dependents.filter(
		({ kind, lookup }) =>
			kind === "presence" &&
			lookup.schema === table.schema &&
			lookup.name === table.name &&
			find(tables, lookup),
	);
	const typed = followed.key.map(
		(name, at) =>
			`a.key[${at + 1}]::${table.columns.find((column) => column.name === name)?.type}`,
	);
	const key = followed.key.map((name) => ident("t", name));
	const notes = below.map(
		({ id, match }) => `
			noted_${id} AS (
				INSERT INTO cutover.journal
				SELECT ${-id}, ARRAY[${match.map(({ name }) => `${ident("t", name)}::text`).join(", ")}], ${OWN}
				FROM ${fromTable(table)} t WHERE (${key.join(", ")}) IN (SELECT ${typed.join(", ")} FROM added a)
			)`,
	);
	const steps = [
		`found AS (${keys})`,
		`added AS (
			INSERT INTO cutover.journal
			SELECT DISTINCT ${followed.id}, f.key, ${OWN} FROM found f
			WHERE NOT EXISTS (
				SELECT FROM cutover.journal j
				WHERE j.table_id = ${followed.id} AND j.at = ${OWN} AND j.key = f.key
			)
			RETURNING key
		)`,
		...notes,
	];
	await client.query(`WITH ${steps.join(",\n")} SELECT`, [...parameters]);
}

/**
 * A lookup that was truncated, or has to be copied as a whole, takes all rows that
 * depend on it along. The marker of a table without key says only that it changed.
 */
async function expandMarkers(
	client: ClientBase,
	tables: readonly Expandable[],
	dependents: readonly NumberedDependent[],
): Promise<void> {
	const { rows } = await client.query<{ id: number; truncated: boolean }>(`
		SELECT table_id AS "id", bool_or(key IS NULL) AS "truncated"
		FROM cutover.journal WHERE key IS NULL OR (key = '{}' AND table_id > 0)
		GROUP BY table_id
	`);
	const wiped = new Set(
		rows
			.filter(
				({ id, truncated }) =>
					truncated ||
					tables.some(
						({ followed }) => followed.id === id && followed.key !== null,
					),
			)
			.map(({ id }) => id),
	);
	const marked = new Set(wiped);
	for (const id of wiped)
		for (const { table } of dependents.filter(
			({ lookup }) => find(tables, lookup)?.followed.id === id,
		)) {
			const dependent = find(tables, table)?.followed.id;
			if (dependent === undefined || marked.has(dependent)) continue;
			marked.add(dependent);
			// A Set that grows while it is walked is walked to its new end.
			wiped.add(dependent);
			await client.query(
				`INSERT INTO cutover.journal VALUES ($1, '{}', ${OWN})`,
				[dependent],
			);
		}
}

function find(
	tables: readonly Expandable[],
	{ schema, name }: { readonly schema: string; readonly name: string },
): Expandable | undefined {
	return tables.find(
		({ table }) => table.schema === schema && table.name === name,
	);
}
