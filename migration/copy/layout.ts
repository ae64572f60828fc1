import type { ClientBase } from "pg";
import type { Definition } from "../catalog/definitions";
import type { Route } from "../route";
import { ident } from "../sql";
import { routeName, splitBlocks } from "./chunks";
import {
	type ChunkRecord,
	ensureRecord,
	readChunks,
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
	const files = await readFiles(source, plan.routes);
	if (known.length === 0) {
		for (const drop of plan.drops ?? []) await target.query(drop);
		await writeStatements(
			target,
			plan.definitions.flatMap(({ schema, table, statements }) =>
				statements.map(({ phase, sql }) => ({ phase, schema, table, sql })),
			),
		);
	}
	const chunks: Chunk[] = [];
	for (const route of plan.routes) {
		const name = routeName(route);
		const file = files.get(route) ?? { blocks: 0, filenode: null };
		const before = known.filter((chunk) => chunk.route === name);
		const valid =
			before.length > 0 &&
			(before.length === 1 || before[0]?.filenode === file.filenode);
		const alone = isAlone(route, plan.routes);
		const records = valid
			? before
			: splitBlocks({ bytes: route.from.bytes, blocks: file.blocks }, jobs).map(
					(range, number): ChunkRecord => ({
						...range,
						...file,
						route: name,
						number,
						rows: null,
						bytes: null,
						snapshotAt: null,
					}),
				);
		const whole = records.length === 1 && alone;
		if (!valid) {
			// Rows of a rewritten table stand in other blocks: its chunks begin again.
			await target.query(`DELETE FROM cutover.copy_chunk WHERE route = $1`, [
				name,
			]);
			await writeChunks(target, records);
			if (!whole && alone)
				await target.query(
					`TRUNCATE ${route.from.partitioned ? "" : "ONLY "}${ident(route.to.schema, route.to.name)}`,
				);
		}
		chunks.push(
			...records.map((record) => ({ ...record, source: route, whole })),
		);
	}
	await target.query("COMMIT");
	return chunks;
}

/** Whether no other route writes to the same table. */
function isAlone(route: Route, routes: readonly Route[]): boolean {
	return routes.every(
		({ to }) =>
			to === route.to ||
			to.schema !== route.to.schema ||
			to.name !== route.to.name,
	);
}

interface TableFile {
	readonly blocks: number;
	/** null for a partitioned table, which has no file. */
	readonly filenode: number | null;
}

async function readFiles(
	source: ClientBase,
	routes: readonly Route[],
): Promise<Map<Route, TableFile>> {
	const names = routes.map(({ from }) => ident(from.schema, from.name));
	const { rows } = await source.query<TableFile>(
		`
		SELECT (pg_relation_size(name::regclass) / current_setting('block_size')::int)::float8 AS "blocks",
			pg_relation_filenode(name::regclass)::int8::float8 AS "filenode"
		FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at)
		ORDER BY at
		`,
		[names],
	);
	return new Map(
		routes.flatMap((route, at) => {
			const row = rows[at];
			return row ? [[route, row]] : [];
		}),
	);
}
