import type { ClientBase } from "pg";
import { type Column, type Table, tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { ident } from "../sql";
import { type Attached, plainName, shapeChanged } from "./check";
import { withTablesLocked } from "./lock";
import { CREATE_JOURNAL } from "./schema";
import {
	compareShapes,
	readShapes,
	type Shape,
	type ShapeMember,
} from "./shape";
import {
	type FollowedTable,
	hasJournal,
	readFollowed,
	STRANGERS,
} from "./state";
import {
	createFunction,
	createTriggers,
	dropTriggers,
	functionName,
} from "./triggers";

export interface InstallOptions {
	/** Milliseconds to wait for writers in flight. */
	readonly lockTimeout: number;
	/** Tables, by name, whose changed shape is accepted: they are copied again. */
	readonly recopy: readonly string[];
}

export interface Installed {
	readonly followed: readonly FollowedTable[];
	/** Tables that this call began to follow, by name. */
	readonly added: readonly string[];
	/** Tables that this call ceased to follow. */
	readonly dropped: readonly string[];
	/** Tables of other roles: nobody but their owner can follow them. */
	readonly notOwned: readonly string[];
	/** Followed, but copied as a whole whenever they change. */
	readonly keyless: readonly string[];
}

/**
 * Makes every write to the given tables leave an entry in the journal, from one
 * moment on for all of them: a transaction that wrote before is over, what is
 * written later is noted. Called again it changes nothing that is there; it takes
 * tables in that were added to the list and lets go of those that were taken off.
 *
 * @throws MigrationError (exit 4) where writers stay in the way, or where a followed
 * table has changed its shape since and is not in `recopy`.
 */
export async function installJournal(
	address: DatabaseAddress,
	client: ClientBase,
	tables: readonly Table[],
	options: InstallOptions,
): Promise<Installed> {
	const owned = tables.filter((table) => table.owned);
	const wanted = await withRelations(client, owned);
	const known = (await hasJournal(client)) ? await readFollowed(client) : [];
	const gone = known.filter(
		({ relation }) => !wanted.some((table) => table.relation === relation),
	);
	const current = known.length > 0 ? await readShapes(client) : new Map();
	const changed = known
		.filter((table) => !gone.includes(table))
		.map((table) => ({
			table,
			changes: changesOf(table, current.get(table.id), wanted),
		}));
	const refused = changed.filter(
		({ table, changes }) =>
			changes.length > 0 && !options.recopy.includes(plainName(table)),
	);
	if (refused.length > 0)
		throw shapeChanged(
			refused.flatMap(({ table, changes }) =>
				changes.map((what) => `${plainName(table)}: ${what}`),
			),
		);
	const kept = changed
		.filter(({ table }) => !options.recopy.includes(plainName(table)))
		.map(({ table }) => table);
	const added = wanted.filter(
		({ relation }) => !kept.some((table) => table.relation === relation),
	);
	// A table that is copied again is let go of and taken in anew.
	const dropped = known.filter((table) => !kept.includes(table));
	for (const table of dropped)
		await letGo(address, client, table, options.lockTimeout);
	if (added.length > 0 || known.length === 0)
		await withTablesLocked(
			address,
			client,
			added.map(({ table }) => table),
			"SHARE ROW EXCLUSIVE",
			options.lockTimeout,
			async () => {
				await client.query(CREATE_JOURNAL);
				await takeIn(client, added);
			},
		);
	await client.query(`
		BEGIN;
		DELETE FROM cutover.journal_stranger;
		INSERT INTO cutover.journal_stranger SELECT s.oid FROM (${STRANGERS}) s;
		COMMIT
	`);
	return {
		followed: await readFollowed(client),
		added: added.map(({ table }) => tableName(table)),
		dropped: gone.map(plainName),
		notOwned: tables.filter((table) => !table.owned).map(tableName),
		keyless: owned.filter(({ rowKey }) => rowKey === null).map(tableName),
	};
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
					for (const sql of memberTriggers(table.id, [member]))
						await client.query(sql);
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

/** SQL of a row's key as the journal holds it, over the given alias. */
export function keyOf(alias: string, key: readonly string[] | null): string {
	return key === null
		? "'{}'::text[]"
		: `ARRAY[${key.map((name) => `${ident(alias, name)}::text`).join(", ")}]`;
}

/** Takes the triggers off a table, and all that is noted of it. */
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

/** As few round trips as can be: writers to all tables are waiting. */
async function takeIn(
	client: ClientBase,
	tables: readonly Wanted[],
): Promise<void> {
	const { rows } = await client.query<{ id: number; relation: string }>(
		`
		INSERT INTO cutover.journal_table (relation, key_columns)
		SELECT (t ->> 'relation')::oid, CASE WHEN jsonb_typeof(t -> 'key') = 'array' THEN
			ARRAY (SELECT k.name FROM jsonb_array_elements_text(t -> 'key') WITH ORDINALITY AS k (name, at) ORDER BY k.at)
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
			createFunction(id, keyColumns(wanted.table)),
			...memberTriggers(id, Object.values(shapes.get(id)?.members ?? {})),
		];
	});
	await client.query(statements.join(";\n"));
	await keepShapes(
		client,
		rows.map(({ id }) => id),
	);
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

/** Notes how tables look. */
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

interface Wanted {
	readonly table: Table;
	readonly relation: string;
}

function changesOf(
	known: FollowedTable,
	shape: Shape | undefined,
	wanted: readonly Wanted[],
): string[] {
	if (!shape) return ["it is no longer there"];
	const table = wanted.find(
		({ relation }) => relation === known.relation,
	)?.table;
	const [was, is] = [known.key, table?.rowKey ?? null].map(
		(key) => key?.join(", ") ?? "none",
	);
	return [
		...compareShapes(known.shape, shape).breaking,
		...(was === is ? [] : [`its key was ${was} and is ${is}`]),
	];
}

async function withRelations(
	client: ClientBase,
	tables: readonly Table[],
): Promise<Wanted[]> {
	const { rows } = await client.query<{ relation: string }>(
		`
		SELECT to_regclass(name)::oid::int8::text AS "relation"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
		ORDER BY at
		`,
		[tables.map(({ schema, name }) => ident(schema, name))],
	);
	return tables.map((table, at) => ({
		table,
		relation: rows[at]?.relation ?? "",
	}));
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
