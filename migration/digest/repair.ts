import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import type { Catalog } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { withoutChecks } from "../copy/checks";
import { relayCopy } from "../copy/relay";
import { ExitCode, MigrationError } from "../errors";
import { passBarrier } from "../freeze/barrier";
import { standingFreeze } from "../freeze/record";
import { withTablesLocked } from "../journal/lock";
import { hasJournal } from "../journal/state";
import { type Route, selectRows } from "../route";
import { fromTable, ident, idents, literal, relationExists } from "../sql";
import { isRewritten } from "../users/references";
import type { Comparison } from "./comparison";
import { type Located, locate } from "./locate";
import { atPlaces, type PlaceList } from "./places";
import { withSnapshot } from "./sessions";
import type { SourceState } from "./state";

/** What a repair did to a table. */
export interface RepairedTable {
	readonly table: string;
	/** Rows that the source does not have like this. */
	readonly deleted: number;
	/** Rows as the source has them. */
	readonly inserted: number;
}

/** More places than these are not kept: the table is then filled anew as a whole. */
const MOST_PLACES = 1_000_000;

const ROWS_PER_STATEMENT = 5000;

/**
 * Makes the target's rows those of the source, in one transaction for all given
 * tables: rows that differ go and come again, without a trigger firing; foreign
 * keys are taken away and checked as a whole when they come back. The tables are
 * locked before the source is read, so that a follower's work is either seen or
 * comes afterwards.
 *
 * @throws MigrationError (exit 4) where this could do harm, see `refuseRepair`.
 */
export async function repairTables(
	addresses: {
		readonly source: DatabaseAddress;
		readonly target: DatabaseAddress;
	},
	comparisons: readonly Comparison[],
	state: SourceState,
	options: {
		/** Milliseconds. */
		readonly lockTimeout: number;
		/** Of differing rows, beyond which a table is filled anew as a whole. */
		readonly mostPlaces?: number;
	},
): Promise<RepairedTable[]> {
	const mostPlaces = options.mostPlaces ?? MOST_PLACES;
	return withConnection(
		addresses.target,
		{ readOnly: false },
		async (target) => {
			const catalog = await readCatalog(target, await readSchemas(target));
			await refuseRepair(target, state);
			await passBarrier(target);
			return withTablesLocked(
				addresses.target,
				target,
				comparisons.map((comparison) => comparison.target.table),
				"ACCESS EXCLUSIVE",
				options.lockTimeout,
				() =>
					withSnapshot(addresses.source, 1, ([source]) =>
						repairLocked(
							{ source: source as ClientBase, target },
							catalog,
							comparisons,
							mostPlaces,
						),
					),
			);
		},
	);
}

interface Clients {
	readonly source: ClientBase;
	readonly target: ClientBase;
}

async function repairLocked(
	clients: Clients,
	catalog: Catalog,
	comparisons: readonly Comparison[],
	mostPlaces: number,
): Promise<RepairedTable[]> {
	const repaired: RepairedTable[] = [];
	const tables = comparisons.flatMap(
		(comparison) => findTable(catalog.tables, comparison.target.table) ?? [],
	);
	await withoutChecks(
		clients.target,
		catalog,
		// No index of the tables goes: few of their rows change.
		tables.map((table) => ({ table, exported: { rows: 0 } })),
		async () => {
			for (const comparison of comparisons)
				repaired.push(await repairTable(clients, comparison, mostPlaces));
		},
	);
	return repaired;
}

async function repairTable(
	clients: Clients,
	comparison: Comparison,
	mostPlaces: number,
): Promise<RepairedTable> {
	const { source, target } = clients;
	const located = await locate(source, target, comparison, mostPlaces);
	const whole = Math.max(located.sourceRows, located.targetRows) > mostPlaces;
	const { schema, name } = comparison.target.table;
	if (await relationExists(target, "cutover.proof"))
		await target.query(
			`DELETE FROM cutover.proof WHERE schema_name = ${literal(schema)} AND table_name = ${literal(name)}`,
		);
	await target.query(`
		CREATE TEMPORARY TABLE staged ON COMMIT DROP
		AS SELECT ${idents(columnNames(comparison))} FROM ${ident(schema, name)} WITH NO DATA
	`);
	const places = whole ? null : located;
	const deleted = await removeRows(target, comparison, places);
	const inserted = await bringRows(clients, comparison, places);
	await target.query("DROP TABLE pg_temp.staged");
	return { table: comparison.table, deleted, inserted };
}

/** Removes the located rows, or all of them. */
async function removeRows(
	target: ClientBase,
	{ target: { table } }: Comparison,
	located: Located | null,
): Promise<number> {
	if (!located) {
		const { rowCount } = await target.query(`DELETE FROM ${fromTable(table)}`);
		return rowCount ?? 0;
	}
	let deleted = 0;
	for (const list of located.target.lists(ROWS_PER_STATEMENT)) {
		const { rowCount } = await target.query(
			`DELETE FROM ${fromTable(table)} t WHERE ${atPlaces(list)}`,
		);
		deleted += rowCount ?? 0;
	}
	return deleted;
}

/** Brings the located rows, or all of them. */
async function bringRows(
	{ source, target }: Clients,
	comparison: Comparison,
	located: Located | null,
): Promise<number> {
	const stage = async (route: Route | undefined, list?: PlaceList) => {
		if (!route) throw new Error(`no route into ${comparison.table}`);
		const format = `(FORMAT ${route.format})`;
		await relayCopy(source, target, {
			out: `COPY (${selectRows(route, list && atPlaces(list))}) TO STDOUT ${format}`,
			into: `COPY pg_temp.staged FROM STDIN ${format}`,
		});
	};
	if (located)
		for (const list of located.source.lists(ROWS_PER_STATEMENT))
			await stage(comparison.routes[list.side], list);
	else for (const route of comparison.routes) await stage(route);
	const { rowCount } = await target.query(insertStaged(comparison));
	return rowCount ?? 0;
}

/** Old user ids become new ones where they have any. */
function insertStaged({
	target: { table },
	routes,
	rewrites,
}: Comparison): string {
	const names = columnNames({ routes });
	const map = (column: string) =>
		ident(`m${rewrites.findIndex((rewrite) => rewrite.column === column)}`);
	const values = names.map((column) =>
		isRewritten(rewrites, table, column)
			? `coalesce(${map(column)}.new_id, ${ident("s", column)})`
			: ident("s", column),
	);
	const joins = rewrites.map(
		({ column }) =>
			`LEFT JOIN cutover.user_map ${map(column)} ON ${map(column)}.old_id = ${ident("s", column)}`,
	);
	return `
		INSERT INTO ${ident(table.schema, table.name)} (${idents(names)}) OVERRIDING SYSTEM VALUE
		SELECT ${values.join(", ")} FROM pg_temp.staged s ${joins.join(" ")}`;
}

function columnNames({ routes }: Pick<Comparison, "routes">): string[] {
	return routes[0]?.columns.map(({ column }) => column.name) ?? [];
}

/**
 * A repair takes rows from the target. It is refused on one that is in use or
 * closed, and where the source moves on with nobody following it: it would be out
 * of date as soon as it is done.
 */
async function refuseRepair(
	target: ClientBase,
	state: SourceState,
): Promise<void> {
	const refuse = (expected: string, found: string, fix: string) => {
		throw new MigrationError({ expected, found, fix }, ExitCode.refused);
	};
	if (await hasJournal(target))
		refuse(
			"a target that is not in use yet",
			"a journal of its own writes, as is installed for the switch",
			"a repair would remove what the new system has written; look at the differences instead",
		);
	// One that a return has closed is still what a sync fills.
	if (
		(await standingFreeze(target)) &&
		!(await relationExists(target, "cutover.follower"))
	)
		refuse(
			"a target that may be written to",
			"the write barrier on its tables",
			"unfreeze it first, if this is the right database",
		);
	if (!state.frozen && state.pending === null)
		refuse(
			"a source that stands still, or a sync that follows it",
			"a source that is not frozen and has no journal",
			"freeze the source, or run sync; then verify --repair",
		);
}
