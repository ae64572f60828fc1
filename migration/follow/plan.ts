import type { Column, ForeignKey, Table } from "../catalog/types";
import { tableName } from "../catalog/types";
import type { FollowedTable } from "../journal/state";
import {
	type MergeRoute,
	type MergeStatements,
	mergeStatements,
	stagingTable,
} from "../mapping/merge";
import type { LabelledRoute } from "../mapping/rejects";
import { type Route, selectRows, whereClause } from "../route";
import { fromTable, ident, idents } from "../sql";

/** All that a cycle has to say for one route, as SQL. */
export interface RoutePlan {
	readonly route: Route;
	/** Number of the table that is read, in the journal. */
	readonly id: number;
	/** For reports: `units`, or `lora_sensors > devices`. */
	readonly label: string;
	/** The table that is written to. */
	readonly target: Table;
	/** Other tables refer to it by foreign keys, or it to others. */
	readonly referenced: boolean;
	readonly refers: boolean;
	/** Single rows can be replaced; else the table goes as a whole. */
	readonly keyed: boolean;
	/** Makes the temporary tables for keys and rows, once a session; another plan's go first. */
	readonly createStage: string;
	readonly dropStage: string;
	/** Foreign keys whose parents may be missing there: see setOrphansAside. */
	readonly parents: readonly ForeignKey[];
	/** Temporary table of the rows. */
	readonly stagedRows: string;
	/** Temporary table and columns of the keys. */
	readonly stagedKeys: {
		readonly table: string;
		readonly columns: readonly string[];
	};
	/** SQL condition over t for a row to be noted, of at most `entries` rows. */
	readonly isNoted: (entries: number) => string;
	/** COPY of the noted keys, as the journal has them and as the other side knows them. */
	readonly keys: CopyStatements;
	/** COPY of the noted rows. */
	readonly rows: (entries: number) => CopyStatements;
	/** COPY of the table as a whole, straight into its place. */
	readonly whole: CopyStatements;
	readonly deleteNoted: string;
	readonly insertNoted: string;
	/** How rows are merged into those that are there; null where they take their place. */
	readonly merge: MergePlan | null;
	/** The route, where it rejects rows or some may find no place. */
	readonly labelled: LabelledRoute | null;
}

export interface MergePlan extends Omit<MergeStatements, "remove"> {
	/** Deletes rows that have gone, of those whose staged keys are given as a FROM item. */
	readonly remove: (keys: string) => string;
	/** COPY of the keys of noted rows that do not fit. */
	readonly rejectedKeys: (entries: number) => CopyStatements;
	/** COPY of all rows, and of their keys, to be merged. */
	readonly all: readonly CopyStatements[];
}

export interface CopyStatements {
	readonly out: string;
	readonly into: string;
}

/** The source's key as the journal has it, among the other side's key columns. */
export const JOURNAL_KEY = "key in the journal";

/** Works out the SQL of a route. `at` tells its temporary tables from others'. */
export function planRoute(
	route: Route | MergeRoute,
	followed: FollowedTable,
	{
		target,
		referenced,
		refers,
		parents,
	}: Pick<RoutePlan, "target" | "referenced" | "refers" | "parents">,
	at: number,
): RoutePlan {
	const names = route.columns.map(({ column }) => column.name);
	const columns = route.key?.to ?? [];
	const stage = (what: string) => ident("pg_temp", stageName(what, at));
	const into = ident(target.schema, target.name);
	const format = `(FORMAT ${route.format})`;
	const keyed = route.key !== null && followed.key !== null;
	if ("merge" in route && !keyed)
		throw new Error(`${tableName(route.to)} is merged into, and has no key`);
	const isNoted = (entries: number) => notedRows(route, followed, entries);
	return {
		route,
		id: followed.id,
		label:
			tableName(route.from) === tableName(target)
				? tableName(target)
				: `${tableName(route.from)} > ${tableName(target)}`,
		target,
		referenced,
		refers,
		keyed,
		createStage: createStage(route, at),
		dropStage: `DROP TABLE IF EXISTS ${["keys", "rows", "rejected"].map(stage).join(", ")}`,
		parents,
		stagedRows: stage("rows"),
		stagedKeys: { table: stage("keys"), columns },
		isNoted,
		keys: {
			out: keyed ? `COPY (${selectKeys(route, followed)}) TO STDOUT` : "",
			into: `COPY ${stage("keys")} FROM STDIN`,
		},
		rows: (entries) => ({
			out: `COPY (${selectRows(route, isNoted(entries))}) TO STDOUT ${format}`,
			into: `COPY ${stage("rows")} FROM STDIN ${format}`,
		}),
		whole: {
			out: `COPY (${selectRows(route)}) TO STDOUT ${format}`,
			into: `COPY ${into} (${idents(names)}) FROM STDIN ${format}`,
		},
		deleteNoted: `
			DELETE FROM ${fromTable(target)} t USING ${stage("keys")} k
			WHERE ${sameKey(columns, "t", "k")}`,
		insertNoted: `
			INSERT INTO ${into} (${idents(names)}) OVERRIDING SYSTEM VALUE
			SELECT ${idents(names)} FROM ${stage("rows")}`,
		merge: "merge" in route ? planMerge(route, isNoted, stage) : null,
		labelled:
			isLabelled(route) &&
			(route.reject !== null || "merge" in route || parents.length > 0)
				? route
				: null,
	};
}

function planMerge(
	route: MergeRoute,
	isNoted: (entries: number) => string,
	stage: (what: string) => string,
): MergePlan {
	const columns = route.key?.to ?? [];
	const keys = columns.map((name) => sqlOf(route, name)).join(", ");
	const sourceKey = (route.key?.from ?? [])
		.map(({ name }) => `${ident("t", name)}::text`)
		.join(", ");
	const staged = stage("rows");
	const statements = (touched: string) =>
		mergeStatements(route, {
			staged,
			touched,
			journalKey: JOURNAL_KEY,
			rejected: stage("rejected"),
		});
	return {
		...statements(stage("keys")),
		remove: (touched) => statements(touched).remove,
		rejectedKeys: (entries) => ({
			out:
				route.reject === null
					? ""
					: `COPY (
						SELECT ${keys} FROM ${fromTable(route.from)} t
						${whereClause({ ...route, reject: null }, `(${route.reject}) IS NOT NULL AND ${isNoted(entries)}`)}
					) TO STDOUT`,
			into: `COPY ${stage("rejected")} FROM STDIN`,
		}),
		all: [
			{
				out: `COPY (
					SELECT ARRAY[${sourceKey}], ${keys} FROM ${fromTable(route.from)} t ${whereClause(route)}
				) TO STDOUT`,
				into: `COPY ${stage("keys")} FROM STDIN`,
			},
			{
				out: `COPY (${selectRows(route)}) TO STDOUT (FORMAT ${route.format})`,
				into: `COPY ${staged} FROM STDIN (FORMAT ${route.format})`,
			},
		],
	};
}

function stageName(what: string, at: number): string {
	return `cutover_${what}_${at}`;
}

/** The temporary tables have the types of the table that is written to, and none of its rules. */
function createStage(route: Route | MergeRoute, at: number): string {
	const into = ident(route.to.schema, route.to.name);
	const key = (route.key?.to ?? []).map((name) => ident(name));
	const create = (what: string, columns: readonly string[]) => `
		CREATE TEMPORARY TABLE ${ident(stageName(what, at))} ON COMMIT DELETE ROWS
		AS SELECT ${columns.join(", ")} FROM ${into} WITH NO DATA`;
	return [
		create("keys", [`NULL::text[] AS ${ident(JOURNAL_KEY)}`, ...key]),
		...("merge" in route
			? [
					`${stagingTable(route, stageName("rows", at))} ON COMMIT DELETE ROWS`,
					create("rejected", key),
				]
			: [
					create(
						"rows",
						route.columns.map(({ column }) => ident(column.name)),
					),
				]),
	].join(";\n");
}

function sameKey(
	columns: readonly string[],
	left: string,
	right: string,
): string {
	return columns
		.map((name) => `${ident(left, name)} = ${ident(right, name)}`)
		.join(" AND ");
}

function sqlOf(route: Route, name: string): string {
	const found = route.columns.find(({ column }) => column.name === name);
	if (!found)
		throw new Error(`${tableName(route.to)} gets no value for ${name}`);
	return found.sql;
}

function isLabelled(route: Route): route is LabelledRoute {
	return "label" in route;
}

/** The keys of a table's entries; markers have none. */
function notedKeys(id: number): string {
	return `SELECT DISTINCT key FROM cutover.journal WHERE table_id = ${id} AND key <> '{}'`;
}

/** SQL of a key's column, given the key as the journal has it under the alias j. */
function typedKey(followed: FollowedTable, { name, type }: Column): string {
	const position = (followed.key?.indexOf(name) ?? -1) + 1;
	if (position === 0)
		throw new Error(`the journal's key of table ${followed.id} lacks ${name}`);
	return `j.key[${position}]::${type}`;
}

/**
 * The noted keys in both forms. The other side's is made by the route's own SQL,
 * over a t that has nothing but the key's columns: the row itself may be gone.
 */
function selectKeys(route: Route, followed: FollowedTable): string {
	const typed = (route.key?.from ?? []).map(
		(column) => `${typedKey(followed, column)} AS ${ident(column.name)}`,
	);
	const written = (route.key?.to ?? []).map((name) => sqlOf(route, name));
	return `
		SELECT ${[`t.${ident(JOURNAL_KEY)}`, ...written].join(", ")}
		FROM (
			SELECT ${[`j.key AS ${ident(JOURNAL_KEY)}`, ...typed].join(", ")}
			FROM (${notedKeys(followed.id)}) j
		) t`;
}

/**
 * The limit takes nothing away: it tells the planner how few keys there are, which
 * it cannot know of a table that is emptied all the time; without it, it may read
 * a large table as a whole.
 */
function notedRows(
	route: Route,
	followed: FollowedTable,
	entries: number,
): string {
	const from = route.key?.from ?? [];
	const columns = from.map(({ name }) => ident("t", name));
	const typed = from.map((column) => typedKey(followed, column));
	return `(${columns.join(", ")}) IN (
		SELECT ${typed.join(", ")} FROM (${notedKeys(followed.id)} LIMIT ${entries}) j
	)`;
}
