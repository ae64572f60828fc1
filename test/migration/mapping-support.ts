import type { Client } from "pg";
import { connect } from "../../migration/connection";
import { relayCopy } from "../../migration/copy/relay";
import {
	type Comparison,
	compareRoutes,
} from "../../migration/digest/comparison";
import type { Difference } from "../../migration/digest/difference";
import { withSnapshots } from "../../migration/digest/sessions";
import { verifyTables } from "../../migration/digest/verify";
import { beginWayBack } from "../../migration/follow/back";
import { Pair as SyncPair } from "../../migration/follow/pair";
import {
	beginSync,
	catchUp,
	drain,
	type Sync,
} from "../../migration/follow/sync";
import { archiveSchema } from "../../migration/mapping/archive";
import {
	type CompiledMapping,
	compileMapping,
} from "../../migration/mapping/mapping";
import { mergeStatements, stagingTable } from "../../migration/mapping/merge";
import { copyRejects, ensureRejects } from "../../migration/mapping/rejects";
import type { Mapping } from "../../migration/mapping/types";
import { mappedBack, mappedForward } from "../../migration/mapping/way";
import { type Route, selectRows } from "../../migration/route";
import { ident, idents } from "../../migration/sql";
import { ensureUserMap } from "../../migration/users/map";
import { type Database, emptyDatabase, run } from "./databases";

const WAIT = 10_000;

/** Two databases and sessions of the engine's own on both. */
export interface Pair {
	readonly source: Client;
	readonly target: Client;
	readonly databases: { readonly source: Database; readonly target: Database };
	close(): Promise<void>;
}

/** A PostgreSQL 15 and a 17 with these schemas. */
export async function pair(
	sourceSql: string,
	targetSql: string,
): Promise<Pair> {
	const databases = {
		source: await emptyDatabase(15),
		target: await emptyDatabase(17),
	};
	await run(databases.source.url, sourceSql);
	await run(databases.target.url, targetSql);
	return sessions(databases);
}

/** Opens the engine's sessions on two databases. */
export async function sessions(databases: Pair["databases"]): Promise<Pair> {
	const source = await connect(
		{ label: "source", url: databases.source.url },
		{ readOnly: false },
	);
	const target = await connect(
		{ label: "target", url: databases.target.url },
		{ readOnly: false },
	);
	return {
		source,
		target,
		databases,
		async close() {
			await source.end();
			await target.end();
		},
	};
}

/** Compiles with user ids rewritten, the map being empty unless the test fills it. */
export async function compiled(
	mapping: Mapping,
	{ source, target }: Pair,
): Promise<CompiledMapping> {
	await ensureUserMap(source);
	await ensureUserMap(target);
	return compileMapping(mapping, { source, target }, { users: true });
}

/** Brings all rows of the way there, rejects noted, one table after the other. */
export async function copyAll(
	{ source, target }: Pair,
	{ forward, archive }: CompiledMapping,
): Promise<Record<string, { copied: number; rejected: number }>> {
	await ensureRejects(target);
	const schema = archiveSchema(archive);
	for (const sql of [...schema.create, ...schema.finish])
		await target.query(sql);
	const counts: Record<string, { copied: number; rejected: number }> = {};
	await target.query("BEGIN");
	// Tables come in no order here; the real copy makes foreign keys afterwards.
	const { rows } = await target.query<{ name: string; key: string }>(`
		SELECT conrelid::regclass::text AS name, quote_ident(conname) AS key
		FROM pg_constraint WHERE contype = 'f'`);
	for (const { name, key } of rows)
		await target.query(
			`ALTER TABLE ${name} ALTER CONSTRAINT ${key} DEFERRABLE INITIALLY DEFERRED`,
		);
	for (const route of forward.routes)
		counts[route.label] = {
			copied: await copyRoute(source, target, route),
			rejected: await copyRejects(source, target, route),
		};
	await target.query("COMMIT");
	return counts;
}

/** Brings a route's rows. */
export async function copyRoute(
	from: Client,
	to: Client,
	route: Route,
	into = ident(route.to.schema, route.to.name),
): Promise<number> {
	const format = `FORMAT ${route.format}`;
	const { rows } = await relayCopy(from, to, {
		out: `COPY (${selectRows(route)}) TO STDOUT (${format})`,
		into: `COPY ${into} (${idents(route.columns.map(({ column }) => column.name))}) FROM STDIN (${format})`,
	});
	return rows;
}

/**
 * Carries all rows of the way back into the source, as a follower would whose
 * journal names every row.
 */
export async function mergeAll(
	{ source, target }: Pair,
	{ back }: CompiledMapping,
): Promise<Record<string, { updated: number; inserted: number }>> {
	await ensureRejects(source);
	const counts: Record<string, { updated: number; inserted: number }> = {};
	for (const route of back.routes) {
		if (!("merge" in route)) continue;
		await source.query("BEGIN");
		await source.query(stagingTable(route, "staged"));
		await copyRoute(target, source, route, '"staged"');
		await copyRejects(target, source, route);
		// Nothing is deleted: every row that is touched is there.
		const key = route.key?.to.map((name) => `${ident(name)}::text`);
		const statements = mergeStatements(route, {
			staged: "staged",
			touched: `(SELECT *, ARRAY[${key?.join(", ")}] AS key FROM staged)`,
			journalKey: "key",
			rejected: "(SELECT * FROM staged WHERE false)",
		});
		await source.query(statements.remove);
		const updated = statements.update
			? (await source.query(statements.update)).rowCount
			: 0;
		const inserted = (await source.query(statements.insert)).rowCount;
		counts[route.label] = { updated: updated ?? 0, inserted: inserted ?? 0 };
		await source.query(statements.note);
		await source.query("DROP TABLE staged; COMMIT");
	}
	return counts;
}

/** Runs a sync through a mapping that is not registered, as `sync --mapping` would. */
export async function syncMapped(
	mapping: Mapping,
	{ source, target }: Pair["databases"],
	mode: "catch up" | "drain" | "back" = "catch up",
	recopy: readonly string[] = [],
): Promise<Sync> {
	const back = mode === "back";
	const options = {
		direction: back ? ("back" as const) : ("forward" as const),
		lockTimeout: WAIT,
		patience: WAIT,
		recopy,
		replace: false,
		jobs: 2,
	};
	const { read, write } = addressesOf({ source, target });
	const pair = new SyncPair(
		back ? { read: write, write: read } : { read, write },
		WAIT,
	);
	try {
		const sync = await beginSync(
			pair,
			({ read, write }) =>
				back
					? mappedBack(mapping, { source: write, target: read })
					: mappedForward(mapping, { source: read, target: write }),
			options,
		);
		if (mode === "drain") await drain(pair, sync, options);
		else await catchUp(pair, sync, options);
		return sync;
	} finally {
		await pair.close();
	}
}

/** Begins the way back of a mapping, as `sync --reverse` would. */
export async function beginBack(
	mapping: Mapping,
	{ source, target }: Pair["databases"],
): Promise<void> {
	const { read, write } = addressesOf({ source, target });
	const pair = new SyncPair({ read: write, write: read }, WAIT);
	try {
		await beginWayBack(
			pair,
			(sessions) =>
				mappedBack(mapping, { source: sessions.write, target: sessions.read }),
			{
				direction: "back",
				lockTimeout: WAIT,
				patience: WAIT,
				recopy: [],
				replace: false,
				jobs: 2,
			},
		);
	} finally {
		await pair.close();
	}
}

/** What a mapping compares, both ways of `verify --mapping`. */
export async function comparisonsOf(
	mapping: Mapping,
	pair: Pair,
): Promise<readonly Comparison[]> {
	const { forward, target } = await compiled(mapping, pair);
	return compareRoutes(forward.routes, target.catalog.tables);
}

/** What a verification by the mapping finds; sees what other sessions have written. */
export async function differencesOf(
	mapping: Mapping,
	pair: Pair,
): Promise<readonly Difference[]> {
	const comparisons = await comparisonsOf(mapping, pair);
	const { read, write } = addressesOf(pair.databases);
	const { differences } = await withSnapshots(
		{ source: read, target: write },
		1,
		(sessions) =>
			verifyTables(sessions, comparisons, { limit: 10, showValues: true }),
	);
	return differences;
}

/** The two databases as a sync and a repair name them. */
export function addressesOf({ source, target }: Pair["databases"]) {
	return {
		read: { label: "source", url: source.url },
		write: { label: "target", url: target.url },
	};
}
