import type { Client } from "pg";
import { tableName } from "../catalog/types";
import { relayCopy } from "../copy/relay";
import { ExitCode, MigrationError } from "../errors";
import { copyRejects, removeRejects } from "../mapping/rejects";
import { fromTable, ident } from "../sql";
import { mergeRoutes } from "./merge";
import { setOrphansAside } from "./orphans";
import { type CopyStatements, JOURNAL_KEY, type RoutePlan } from "./plan";
import { noteTouched, provenTables, voidProof } from "./touched";

/** What a cycle has to do for a route. */
export interface Work {
	readonly plan: RoutePlan;
	/** Entries with a key: at least as many as there are rows to replace. */
	readonly keys: number;
	/** The table is copied as a whole, whatever the keys. */
	readonly whole: boolean;
	/** No row from before is left. */
	readonly truncated: boolean;
}

export interface Applied {
	readonly deleted: number;
	readonly written: number;
	/** On the wire, rows and keys. */
	readonly bytes: number;
	/** Tables that were copied as a whole. */
	readonly whole: readonly {
		readonly plan: RoutePlan;
		readonly rows: number;
		readonly bytes: number;
		readonly seconds: number;
	}[];
}

/**
 * Replaces the noted rows, in the open transactions of both sides. All rows go
 * before any comes, so that values which two rows have exchanged do not collide in
 * a unique index.
 */
export async function applyRoutes(
	{ read, write }: { readonly read: Client; readonly write: Client },
	work: readonly Work[],
): Promise<Applied> {
	const staged = work.filter(({ plan, keys, whole }) =>
		whole ? plan.merge : keys > 0,
	);
	let bytes = 0;
	for (const one of staged)
		for (const copy of stageCopies(one))
			bytes += (await relayCopy(read, write, copy)).bytes;
	for (const { plan, keys, whole } of work)
		await noteRejects(read, write, plan, whole ? null : keys);
	await setOrphansAside(
		write,
		staged.map(({ plan }) => plan),
	);
	for (const { plan, whole, truncated } of work)
		if (truncated || (whole && !plan.merge)) await empty(write, plan);
	const replaced = staged.filter(({ plan }) => !plan.merge);
	let deleted = 0;
	for (const { plan } of replaced)
		deleted += await changed(write, plan.deleteNoted);
	let written = 0;
	for (const { plan } of replaced)
		written += await changed(write, plan.insertNoted);
	const merged = await mergeRoutes(
		write,
		staged.map(({ plan }) => plan),
	);
	deleted += merged.deleted;
	written += merged.written;
	const proven = await provenTables(write);
	for (const { plan } of staged)
		if (proven.has(ident(plan.target.schema, plan.target.name)))
			await write.query(noteTouched(plan));
	const wholes: Applied["whole"][number][] = [];
	for (const { plan, whole } of work) {
		if (!whole || plan.merge) continue;
		const startedAt = performance.now();
		const copied = await relayCopy(read, write, plan.whole);
		const seconds = (performance.now() - startedAt) / 1000;
		wholes.push({ plan, ...copied, seconds });
		bytes += copied.bytes;
		written += copied.rows;
	}
	return { deleted, written, bytes, whole: wholes };
}

/** What a route brings into its temporary tables. */
function stageCopies({ plan, keys, whole }: Work): CopyStatements[] {
	if (plan.merge && whole) return [...plan.merge.all];
	const rejected = plan.merge?.rejectedKeys(keys);
	return [
		plan.keys,
		plan.rows(keys),
		...(rejected && rejected.out !== "" ? [rejected] : []),
	];
}

async function changed(write: Client, sql: string): Promise<number> {
	return (await write.query(sql)).rowCount ?? 0;
}

/**
 * Removes all rows of a table that is filled anew. TRUNCATE leaves no dead ones,
 * but is not possible where others refer to the table.
 */
async function empty(write: Client, plan: RoutePlan): Promise<void> {
	if (plan.merge)
		throw new MigrationError(
			{
				expected: `${plan.label} to lose its rows one by one`,
				found:
					"TRUNCATE, and on the other side there are rows that never came from here",
				fix: `delete there by hand what has gone, then run sync with --recopy ${tableName(plan.route.from)}`,
			},
			ExitCode.refused,
		);
	const from = fromTable(plan.target);
	await write.query(
		plan.referenced ? `DELETE FROM ${from}` : `TRUNCATE ${from}`,
	);
	await write.query(voidProof(plan));
}

/** Makes the entries of the reject table anew, of the noted rows or (null) of all. */
export async function noteRejects(
	read: Client,
	write: Client,
	{ labelled, stagedKeys, isNoted }: RoutePlan,
	keys: number | null,
): Promise<void> {
	if (!labelled || keys === 0) return;
	const staged = `(SELECT DISTINCT ${ident(JOURNAL_KEY)} AS key FROM ${stagedKeys.table})`;
	await write.query(
		removeRejects(labelled, keys === null ? undefined : staged),
	);
	await copyRejects(
		read,
		write,
		labelled,
		keys === null ? undefined : isNoted(keys),
	);
}
