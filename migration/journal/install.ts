import type { ClientBase } from "pg";
import { type Table, tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { ident } from "../sql";
import { plainName, shapeChanged } from "./check";
import { withTablesLocked } from "./lock";
import { type Dependent, type NumberedDependent, numberNotes } from "./notes";
import { CREATE_JOURNAL } from "./schema";
import { compareShapes, readShapes, type Shape } from "./shape";
import {
	type FollowedTable,
	hasJournal,
	readFollowed,
	STRANGERS,
} from "./state";
import { letGo, renewFunctions, takeIn, type Wanted } from "./take-in";

export interface InstallOptions {
	/** Milliseconds to wait for writers in flight. */
	readonly lockTimeout: number;
	/** Tables, by name, whose changed shape is accepted: they are copied again. */
	readonly recopy: readonly string[];
	/** Their lookups have to be among the tables. */
	readonly dependents?: readonly Dependent[];
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
	readonly dependents: readonly NumberedDependent[];
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
	if (known.length === 0) await client.query(CREATE_JOURNAL);
	const still = known.filter(({ relation }) => wanted.has(relation));
	const kept = await unchanged(client, still, wanted, options.recopy);
	const added = [...wanted.values()].filter(
		({ relation }) => !kept.some((table) => table.relation === relation),
	);
	// A table that is copied again is let go of and taken in anew.
	for (const table of known.filter((table) => !kept.includes(table)))
		await letGo(address, client, table, options.lockTimeout);
	const dependents = await takeInAll(address, client, {
		kept,
		wanted,
		added,
		options,
	});
	await client.query(`
		BEGIN;
		DELETE FROM cutover.journal_stranger;
		INSERT INTO cutover.journal_stranger SELECT s.oid FROM (${STRANGERS}) s;
		COMMIT
	`);
	return {
		followed: await readFollowed(client),
		added: added.map(({ table }) => tableName(table)),
		dropped: known.filter((table) => !still.includes(table)).map(plainName),
		notOwned: tables.filter((table) => !table.owned).map(tableName),
		keyless: owned.filter(({ rowKey }) => rowKey === null).map(tableName),
		dependents,
	};
}

/** Nobody is locked out where there is nothing to do. */
async function takeInAll(
	address: DatabaseAddress,
	client: ClientBase,
	{
		kept,
		wanted,
		added,
		options,
	}: {
		readonly kept: readonly FollowedTable[];
		readonly wanted: ReadonlyMap<string, Wanted>;
		readonly added: readonly Wanted[];
		readonly options: InstallOptions;
	},
): Promise<readonly NumberedDependent[]> {
	const asked = options.dependents ?? [];
	await client.query("BEGIN");
	const now = await numberNotes(client, asked);
	if (added.length === 0 && now.changed.size === 0) {
		await client.query("COMMIT");
		return now.numbered;
	}
	await client.query("ROLLBACK");
	const renewed = kept.flatMap((table) => {
		const found = wanted.get(table.relation);
		return found && now.changed.has(table.relation)
			? [{ ...found, id: table.id }]
			: [];
	});
	return withTablesLocked(
		address,
		client,
		[...added, ...renewed].map(({ table }) => table),
		"SHARE ROW EXCLUSIVE",
		options.lockTimeout,
		async () => {
			const { numbered } = await numberNotes(client, asked);
			await takeIn(client, added, numbered);
			await renewFunctions(client, renewed, numbered);
			return numbered;
		},
	);
}

/** Those of the followed tables that stay as they are; refuses others that nobody accepts. */
async function unchanged(
	client: ClientBase,
	followed: readonly FollowedTable[],
	wanted: ReadonlyMap<string, Wanted>,
	recopy: readonly string[],
): Promise<FollowedTable[]> {
	if (followed.length === 0) return [];
	const shapes = await readShapes(client);
	const kept = followed.filter((table) => !recopy.includes(plainName(table)));
	const changes = kept.flatMap((table) =>
		changesOf(
			table,
			shapes.get(table.id),
			wanted.get(table.relation)?.table,
		).map((what) => `${plainName(table)}: ${what}`),
	);
	if (changes.length > 0) throw shapeChanged(changes);
	return kept;
}

function changesOf(
	known: FollowedTable,
	shape: Shape | undefined,
	table: Table | undefined,
): string[] {
	if (!shape) return ["it is no longer there"];
	const [was, is] = [known.key, table?.rowKey ?? null].map(
		(key) => key?.join(", ") ?? "none",
	);
	return [
		...compareShapes(known.shape, shape).breaking,
		...(was === is ? [] : [`its key was ${was} and is ${is}`]),
	];
}

/** The tables by their OIDs. */
async function withRelations(
	client: ClientBase,
	tables: readonly Table[],
): Promise<Map<string, Wanted>> {
	const { rows } = await client.query<{ relation: string; at: number }>(
		`
		SELECT to_regclass(name)::oid::int8::text AS "relation", at::integer AS "at"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
		WHERE to_regclass(name) IS NOT NULL
		`,
		[tables.map(({ schema, name }) => ident(schema, name))],
	);
	return new Map(
		rows.flatMap(({ relation, at }) => {
			const table = tables[at - 1];
			return table ? [[relation, { table, relation }]] : [];
		}),
	);
}
