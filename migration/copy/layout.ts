import type { ClientBase } from "pg";
import type { Definition } from "../catalog/definitions";
import type { Route } from "../route";
import { fromTable, ident } from "../sql";
import { routeName, splitBlocks } from "./chunks";
import {
	type ChunkRecord,
	ensureRecord,
	type NewStatement,
	readChunks,
	statementsOf,
	writeChunks,
	writeStatements,
} from "./record";

export interface CopyPlan {
	readonly routes: readonly Route[];
	/** What is made once the rows are in, in a valid order within each phase. */
	readonly definitions: readonly Definition[];
	/** What is taken away before the first row comes; see strip. */
	readonly drops?: readonly string[];
}

/** A route's part, with what its copy has to know. */
export interface Chunk extends ChunkRecord {
	readonly source: Route;
	/** The only part of its table: it may empty the table and load it frozen. */
	readonly whole: boolean;
	/** The table that it fills is partitioned, whatever the source's is. */
	readonly intoPartitioned: boolean;
}

/**
 * Divides the routes into chunks, or reads how an earlier run divided them. A first
 * run takes away and notes what is made afterwards, and empties the tables that
 * several chunks fill; all in one transaction, so that a record is whole or not there.
 */
export async function layOut(
	source: ClientBase,
	target: ClientBase,
	plan: CopyPlan,
	jobs: number,
): Promise<Chunk[]> {
	await target.query("BEGIN");
	await ensureRecord(target);
	const known = await readChunks(target);
	const parts = await readParts(source, plan.routes);
	const partitioned = await readPartitioned(target, plan.routes);
	if (known.length === 0) {
		for (const drop of plan.drops ?? []) await target.query(drop);
		await writeStatements(
			target,
			await largestIndexFirst(source, plan.definitions),
		);
	}
	const chunks: Chunk[] = [];
	for (const routes of byTarget(plan.routes)) {
		const before = routes.map((route) =>
			known.filter(({ route: name }) => name === routeName(route)),
		);
		const valid = routes.every((route, at) =>
			isValid(before[at] ?? [], parts.get(route) ?? []),
		);
		const records = valid
			? before
			: routes.map((route) => divide(route, parts.get(route) ?? [], jobs));
		const whole = records.flat().length === 1;
		if (!valid) await begin(target, routes, records);
		const [first] = routes;
		const intoPartitioned = first !== undefined && partitioned.has(first);
		// A table that comes as a whole is emptied with its rows' transaction.
		if (!valid && !whole && first)
			await target.query(emptyTable(first, intoPartitioned));
		for (const [at, route] of routes.entries())
			for (const record of records[at] ?? [])
				chunks.push({ ...record, source: route, whole, intoPartitioned });
	}
	await target.query("COMMIT");
	return chunks;
}

/**
 * The definitions' statements, the largest index first as far as the source has it:
 * one that is begun last keeps a single lane busy while the others have ended.
 */
async function largestIndexFirst(
	source: ClientBase,
	definitions: readonly Definition[],
): Promise<NewStatement[]> {
	const { rows } = await source.query<{ bytes: number }>(
		`
		SELECT coalesce(pg_relation_size(to_regclass(n.name)), 0)::float8 AS "bytes"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at) ORDER BY n.at
		`,
		[definitions.map(({ schema, name }) => ident(schema, name))],
	);
	const bySize = definitions
		.map((definition, at) => ({ definition, bytes: rows[at]?.bytes ?? 0 }))
		.sort((a, b) => b.bytes - a.bytes)
		.map(({ definition }) => definition);
	return [
		...statementsOf(bySize).filter(({ phase }) => phase === "index"),
		...statementsOf(definitions).filter(({ phase }) => phase !== "index"),
	];
}

/** Routes that fill one table, together: it is emptied for all of them or for none. */
function byTarget(routes: readonly Route[]): Route[][] {
	const groups = new Map<string, Route[]>();
	for (const route of routes) {
		const name = ident(route.to.schema, route.to.name);
		groups.set(name, [...(groups.get(name) ?? []), route]);
	}
	return [...groups.values()];
}

/**
 * Whether chunks of an earlier run still say which rows are in. A rewrite moves
 * all rows to other blocks; that does not matter where a single chunk is open at
 * both ends.
 */
function isValid(
	before: readonly ChunkRecord[],
	parts: readonly Part[],
): boolean {
	return (
		before.length > 0 &&
		(before.length === 1 ||
			before.every(({ part, filenode }) =>
				parts.some((now) => now.part === part && now.filenode === filenode),
			))
	);
}

/** A route's chunks: several of each large table or partition. */
export function divide(
	route: Route,
	parts: readonly Part[],
	jobs: number,
): ChunkRecord[] {
	return parts
		.flatMap((part) =>
			splitBlocks(part, jobs).map(({ from, to }) => ({ ...part, from, to })),
		)
		.map(({ part, filenode, from, to }, number) => ({
			route: routeName(route),
			number,
			part,
			filenode,
			from,
			to,
			rows: null,
			bytes: null,
			snapshotAt: null,
		}));
}

async function begin(
	target: ClientBase,
	routes: readonly Route[],
	records: readonly (readonly ChunkRecord[])[],
): Promise<void> {
	await target.query("DELETE FROM cutover.copy_chunk WHERE route = ANY ($1)", [
		routes.map(routeName),
	]);
	await writeChunks(target, records.flat());
}

/** SQL that empties the table a route fills: others that inherit from it keep their rows. */
export function emptyTable({ to }: Route, partitioned: boolean): string {
	return `TRUNCATE ${fromTable({ ...to, partitioned })}`;
}

/** The routes whose tables on the target are partitioned. */
async function readPartitioned(
	target: ClientBase,
	routes: readonly Route[],
): Promise<ReadonlySet<Route>> {
	const { rows } = await target.query<{ at: number }>(
		`
		SELECT n.at::int AS "at"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
		JOIN pg_partitioned_table p ON p.partrelid = n.name::regclass
		`,
		[routes.map(({ to }) => ident(to.schema, to.name))],
	);
	return new Set(rows.flatMap(({ at }) => routes[at - 1] ?? []));
}

/** A table's own rows, or a partition's, on disk. */
export interface Part {
	/** Qualified and quoted; null for a table that is not partitioned. */
	readonly part: string | null;
	/** With what is stored out of line. */
	readonly bytes: number;
	readonly blocks: number;
	/** null where there is no file, as for a foreign table. */
	readonly filenode: number | null;
}

/** What the tables that routes read consist of. */
export async function readParts(
	source: ClientBase,
	routes: readonly Route[],
): Promise<Map<Route, Part[]>> {
	const { rows } = await source.query<Part & { at: number }>(
		`
		SELECT n.at::int AS "at",
			CASE WHEN leaf.relid <> n.name::regclass THEN format('%I.%I', s.nspname, c.relname) END AS "part",
			pg_table_size(leaf.relid)::float8 AS "bytes",
			(pg_relation_size(leaf.relid) / current_setting('block_size')::int)::float8 AS "blocks",
			pg_relation_filenode(leaf.relid)::int8::float8 AS "filenode"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
		CROSS JOIN LATERAL (
			SELECT relid FROM pg_partition_tree(n.name::regclass) WHERE isleaf
			UNION SELECT n.name::regclass WHERE NOT EXISTS (
				SELECT FROM pg_partitioned_table p WHERE p.partrelid = n.name::regclass
			)
		) leaf
		JOIN pg_class c ON c.oid = leaf.relid
		JOIN pg_namespace s ON s.oid = c.relnamespace
		ORDER BY n.at, leaf.relid
		`,
		[routes.map(({ from }) => ident(from.schema, from.name))],
	);
	return new Map(
		routes.map((route, index) => [
			route,
			rows
				.filter(({ at }) => at === index + 1)
				.map(({ part, bytes, blocks, filenode }) => ({
					part,
					bytes,
					blocks,
					filenode,
				})),
		]),
	);
}
