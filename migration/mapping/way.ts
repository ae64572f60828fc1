import type { ClientBase } from "pg";
import { type Table, tableName } from "../catalog/types";
import { CREATE_MIRROR, readNewMap, writeMirror } from "../follow/users";
import type { Way } from "../follow/way";
import { relationExists } from "../sql";
import { ensureUserMap } from "../users/map";
import { type ArchiveTable, archiveSchema } from "./archive";
import { checkMapping, checkMappingAndUsers, refuseUnfit } from "./check";
import { compileMapping } from "./mapping";
import { ensureRejects } from "./rejects";
import type { Mapping } from "./types";

/** The two databases, by what they are, whichever is read. */
interface Clients {
	readonly source: ClientBase;
	readonly target: ClientBase;
}

/**
 * The way there of a mapping, for the follower: held to both databases first, and
 * refused where it does not fit. Makes the archive's tables and the reject table on
 * the target, where they are missing.
 */
export async function mappedForward(
	mapping: Mapping,
	clients: Clients,
): Promise<Way> {
	// Users are looked for in the data once, before the first row comes.
	const begun = await relationExists(clients.target, "cutover.follower");
	const check = begun ? checkMapping : checkMappingAndUsers;
	refuseUnfit(await check(mapping, clients));
	const compiled = await compileMapping(mapping, clients, { users: true });
	await ensureRejects(clients.target);
	await makeTables(clients.target, compiled.archive);
	const { routes, dependents, userColumns } = compiled.forward;
	const named = [...routes.map(({ from }) => from), ...lookedUp(dependents)];
	const tables = tablesOf(compiled.source.catalog.tables, named);
	return {
		catalog: { ...compiled.source.catalog, tables },
		tables: tables.filter(({ owned }) => owned),
		routes: routes.filter(({ from }) => isOwned(tables, from)),
		dependents,
		userColumns,
		userColumnsThere: [
			...compiled.back.userColumns,
			...compiled.archive.flatMap(({ schema, name, columns }) =>
				userColumns
					.filter(
						({ table, column }) =>
							table === name && columns.some((one) => one.name === column),
					)
					.map(({ column }) => ({ schema, table: name, column })),
			),
		],
		mirrored: userColumns.length > 0,
		notOwned: tables.filter(({ owned }) => !owned).map(tableName),
	};
}

/**
 * The way back of a mapping, into a source that may have been frozen since. What
 * the old schema has no place for goes there as well, into a schema of its own.
 */
export async function mappedBack(
	mapping: Mapping,
	clients: Clients,
): Promise<Way> {
	refuseUnfit(await checkMapping(mapping, clients));
	const compiled = await compileMapping(mapping, clients, { users: true });
	const { routes, dependents, userColumns } = compiled.back;
	const named = [...routes.map(({ from }) => from), ...lookedUp(dependents)];
	const tables = tablesOf(compiled.target.catalog.tables, named);
	return {
		catalog: { ...compiled.target.catalog, tables },
		tables: tables.filter(({ owned }) => owned),
		routes: routes.filter(({ from }) => isOwned(tables, from)),
		dependents,
		userColumns,
		userColumnsThere: compiled.forward.userColumns,
		mirrored: false,
		notOwned: tables.filter(({ owned }) => !owned).map(tableName),
		prepare: () => prepareSource(compiled.returned, clients),
	};
}

async function prepareSource(
	returned: readonly ArchiveTable[],
	{ source, target }: Clients,
): Promise<void> {
	await makeTables(source, returned);
	// Without a map nobody has a new id, and the routes ask it all the same.
	await ensureUserMap(target);
	// What the new system made of a row is asked of the old one's mirror.
	await source.query(CREATE_MIRROR);
	const map = await readNewMap(source, target);
	if (!map) return;
	await source.query("BEGIN");
	await writeMirror(source, map);
	await source.query("COMMIT");
}

async function makeTables(
	client: ClientBase,
	tables: readonly ArchiveTable[],
): Promise<void> {
	const { create, finish } = archiveSchema(tables);
	for (const sql of [...create, ...finish]) await client.query(sql);
}

type Name = { readonly schema: string; readonly name: string };

function lookedUp(dependents: readonly { readonly lookup: Name }[]): Name[] {
	return dependents.map(({ lookup }) => lookup);
}

function tablesOf(all: readonly Table[], named: readonly Name[]): Table[] {
	return all.filter((table) =>
		named.some(
			({ schema, name }) => schema === table.schema && name === table.name,
		),
	);
}

function isOwned(tables: readonly Table[], { schema, name }: Name): boolean {
	return tables.some(
		(table) => table.schema === schema && table.name === name && table.owned,
	);
}
