import type { ClientBase } from "pg";
import { type Column, type Table, tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { ident } from "../sql";
import type { Attached } from "./check";
import { withTablesLocked } from "./lock";
import { type NumberedDependent, notesOf } from "./notes";
import { readShapes, type Shape, type ShapeMember } from "./shape";
import type { FollowedTable } from "./state";
import {
	createFunction,
	createTriggers,
	dropTriggers,
	functionName,
} from "./triggers";

/** A table to be followed. */
export interface Wanted {
	readonly table: Table;
	/** Its OID. */
	readonly relation: string;
}

/**
 * Begins to follow tables, which the transaction has locked: as few round trips as
 * can be, as writers to all of them are waiting.
 */
export async function takeIn(
	client: ClientBase,
	tables: readonly Wanted[],
	dependents: readonly NumberedDependent[],
): Promise<void> {
	if (tables.length === 0) return;
	const { rows } = await client.query<{ id: number; relation: string }>(
		`
		INSERT INTO cutover.journal_table (relation, key_columns)
		SELECT (t ->> 'relation')::oid, CASE WHEN jsonb_typeof(t -> 'key') = 'array' THEN
			ARRAY (
				SELECT k.name FROM jsonb_array_elements_text(t -> 'key') WITH ORDINALITY AS k (name, at)
				ORDER BY k.at
			)
		END
		FROM jsonb_array_elements($1) t
		RETURNING id, relation::int8::text AS "relation"
		`,
		[
			JSON.stringify(
				tables.map(({ table, relation }) => ({ relation, key: table.rowKey })),
			),
		],
	);
	const shapes = await readShapes(client);
	const statements = rows.flatMap(({ id, relation }) => {
		const wanted = tables.find((table) => table.relation === relation);
		if (!wanted) throw new Error(`nobody asked for relation ${relation}`);
		return [
			functionOf(id, wanted.table, dependents),
			...memberTriggers(id, Object.values(shapes.get(id)?.members ?? {})),
		];
	});
	await client.query(statements.join(";\n"));
	await keepShapes(
		client,
		rows.map(({ id }) => id),
	);
}

/** Makes the functions of followed tables anew, whose notes are not what they were. */
export async function renewFunctions(
	client: ClientBase,
	tables: readonly (Wanted & { readonly id: number })[],
	dependents: readonly NumberedDependent[],
): Promise<void> {
	for (const { id, table } of tables)
		await client.query(functionOf(id, table, dependents));
}

/**
 * Takes in partitions that came since: their rows go into the journal, as nobody
 * noted them when they came with their partition, and TRUNCATE gets its trigger.
 */
export async function takeInPartitions(
	address: DatabaseAddress,
	client: ClientBase,
	attached: readonly Attached[],
	lockTimeout: number,
): Promise<void> {
	const members = attached.flatMap((entry) => entry.members);
	await withTablesLocked(
		address,
		client,
		members.map(({ schema, table }) => ({ schema, name: table })),
		"SHARE ROW EXCLUSIVE",
		lockTimeout,
		async () => {
			for (const { table, members } of attached)
				for (const member of members) {
					await client.query(memberTriggers(table.id, [member]).join(";\n"));
					await client.query(`
						INSERT INTO cutover.journal
						SELECT ${table.id}, ${keyOf("t", table.key)}, clock_timestamp()
						FROM ONLY ${ident(member.schema, member.table)} t
						${table.key === null ? "LIMIT 1" : ""}
					`);
				}
			await keepShapes(
				client,
				attached.map(({ table }) => table.id),
			);
		},
	);
}

/** Takes the triggers off a table, and forgets all that is noted of it. */
export async function letGo(
	address: DatabaseAddress,
	client: ClientBase,
	table: FollowedTable,
	lockTimeout: number,
): Promise<void> {
	const current = (await readShapes(client)).get(table.id);
	const members = Object.values(current?.members ?? {}).map(
		({ schema, table: name, root }) => ({ schema, name, root }),
	);
	await withTablesLocked(
		address,
		client,
		members,
		"ACCESS EXCLUSIVE",
		lockTimeout,
		async () => {
			for (const sql of members.flatMap(dropTriggers)) await client.query(sql);
			await client.query(`
				DROP FUNCTION IF EXISTS ${functionName(table.id)}();
				DELETE FROM cutover.journal WHERE table_id = ${table.id};
				DELETE FROM cutover.journal_table WHERE id = ${table.id}
			`);
		},
	);
}

/** Notes how tables look, so that it counts as known. */
export async function noteShapes(
	client: ClientBase,
	shapes: readonly { readonly id: number; readonly shape: Shape }[],
): Promise<void> {
	await client.query(
		`
		UPDATE cutover.journal_table j SET shape = s.shape
		FROM jsonb_to_recordset($1) AS s (id integer, shape jsonb)
		WHERE s.id = j.id
		`,
		[JSON.stringify(shapes)],
	);
}

/** SQL of a row's key as the journal holds it, over the given alias. */
export function keyOf(alias: string, key: readonly string[] | null): string {
	return key === null
		? "'{}'::text[]"
		: `ARRAY[${key.map((name) => `${ident(alias, name)}::text`).join(", ")}]`;
}

function functionOf(
	id: number,
	table: Table,
	dependents: readonly NumberedDependent[],
): string {
	return createFunction(id, keyColumns(table), notesOf(table, dependents));
}

/** The table first: its row trigger is cloned to the partitions. */
function memberTriggers(id: number, members: readonly ShapeMember[]): string[] {
	return [...members]
		.sort((a, b) => Number(b.root) - Number(a.root))
		.flatMap(({ schema, table, root }) =>
			createTriggers(id, { schema, name: table, root }),
		);
}

/** Notes how tables look now, with the triggers just made. */
async function keepShapes(
	client: ClientBase,
	ids: readonly number[],
): Promise<void> {
	const shapes = await readShapes(client);
	await noteShapes(
		client,
		ids.flatMap((id) => {
			const shape = shapes.get(id);
			return shape ? [{ id, shape }] : [];
		}),
	);
}

function keyColumns(table: Table): Column[] | null {
	return (
		table.rowKey?.map((name) => {
			const column = table.columns.find((c) => c.name === name);
			if (!column) throw new Error(`${tableName(table)} has no column ${name}`);
			return column;
		}) ?? null
	);
}
