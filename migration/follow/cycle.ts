import type { Client } from "pg";
import type { DatabaseAddress } from "../connection";
import { beginSnapshot, shareSnapshot } from "../copy/lane";
import { relayCopy } from "../copy/relay";
import { checkJournal } from "../journal/check";
import { withTablesLocked } from "../journal/lock";
import type { NumberedDependent } from "../journal/notes";
import { readFollowed } from "../journal/state";
import { noteShapes, takeInPartitions } from "../journal/take-in";
import { fromTable, ident } from "../sql";
import { type Applied, applyRoutes, noteRejects, type Work } from "./apply";
import { addRows, type Expandable, expandNotes } from "./expand";
import { describeFailure } from "./failure";
import type { RoutePlan } from "./plan";
import { withoutChecksMeanwhile } from "./suspend";
import {
	changedUsers,
	readNewMap,
	rowsNaming,
	type UserColumn,
	writeMirror,
} from "./users";

/** What a cycle works on. */
export interface FollowPlan {
	readonly read: DatabaseAddress;
	readonly write: DatabaseAddress;
	readonly routes: readonly RoutePlan[];
	/** All tables in the journal. */
	readonly tables: readonly Expandable[];
	readonly dependents: readonly NumberedDependent[];
	/** User columns of the side that is read; empty where ids are not rewritten. */
	readonly userColumns: readonly UserColumn[];
	/** The user map is the other side's, and this side has a mirror of it. */
	readonly mirrored: boolean;
	/** Milliseconds to wait for locks, where a table has to be changed. */
	readonly lockTimeout: number;
	/**
	 * Triggers and keys of the side that is written to are out of the way in the
	 * cycle's own transaction alone: nobody else has seen to it.
	 */
	readonly checked: boolean;
	/** Numbers of the tables that this run has asked for as a whole, and not had yet. */
	readonly asked: Set<number>;
}

/** The sessions of a cycle. */
export interface Sessions {
	readonly read: Client;
	readonly write: Client;
	/** On the side that is read, outside the cycle's transaction. */
	readonly beside: Client;
	/** Routes whose temporary tables the writing session has, and for how many cycles unused. */
	readonly staged: Map<RoutePlan, number>;
	/** The side that is written to is followed itself: what we write must not travel back. */
	readonly echoes: boolean;
}

export interface CycleOptions {
	/** Whether a table that has to be copied as a whole can wait; its entries stay. */
	readonly postpone?: (plan: RoutePlan) => boolean;
	/** Makes the cycle go all the way where there is no entry. */
	readonly always?: boolean;
	/**
	 * The other side's tables were copied in several snapshots: that a row stands there
	 * does not tell that those which hang on it were copied with it.
	 */
	readonly unsettled?: boolean;
	/** Looks for rows that do not fit among all rows, and not only the noted ones. */
	readonly allRejects?: boolean;
	/** Further work while both sides hold the rows of one snapshot; see atSnapshot. */
	readonly inSnapshot?: (snapshot: string) => Promise<void>;
}

export interface CycleResult extends Applied {
	/** Entries that the snapshot saw and that are applied now. */
	readonly entries: number;
	/** Entries that wait, of tables that are copied as a whole. */
	readonly postponed: number;
	/** Age of the oldest entry when the snapshot was taken. */
	readonly lagSeconds: number;
	/** ISO 8601, by the clock of the side that is read. */
	readonly snapshotAt: string;
}

/**
 * Shorter than deadlock_timeout: it is us who give way to somebody's ALTER TABLE.
 */
const LOCK_MS = 800;

const UNDEFINED_TABLE = "42P01";

/**
 * Brings the other side to one snapshot of this one: reads all entries that the
 * snapshot sees and the rows as they are in it, replaces those rows on the other
 * side in one transaction there, and only then takes the entries out. Wherever it
 * is cut short, the next cycle does the same again, or more.
 */
export async function runCycle(
	plan: FollowPlan,
	sessions: Sessions,
	options: CycleOptions = {},
): Promise<CycleResult> {
	const { read, write, beside } = sessions;
	for (;;) {
		await beginRead(read, plan.tables);
		try {
			const checked = await checkJournal(read, await readFollowed(read));
			if (checked.attached.length > 0) {
				await read.query("ROLLBACK");
				await takeInPartitions(
					plan.read,
					read,
					checked.attached,
					plan.lockTimeout,
				);
				continue;
			}
			if (checked.drifted.length > 0) await noteShapes(read, checked.drifted);
			const users = await takeUsers(plan, sessions);
			await expandNotes(
				read,
				options.unsettled ? null : write,
				plan.tables,
				plan.dependents,
			);
			const found = await readEntries(read, plan, options);
			if (found.entries === 0 && !users && !options.always) {
				await read.query("COMMIT");
				return { ...found, ...NOTHING };
			}
			await makeStages(sessions, found.work);
			const applied = await inOneTransaction(plan, write, async () => {
				await write.query("SET CONSTRAINTS ALL DEFERRED");
				if (users) {
					// Rows stand on the other side under the ids that were valid so far.
					await stageKeys(sessions, found.work);
					await users.write();
				}
				const done = await applyRoutes(sessions, found.work);
				if (options.allRejects)
					for (const route of plan.routes)
						await noteRejects(read, write, route, null);
				if (sessions.echoes && !isMerging(plan))
					await write.query(
						"DELETE FROM cutover.journal WHERE xmin = pg_current_xact_id()::xid",
					);
				await flush(sessions);
				return done;
			});
			const kept = options.inSnapshot && (await keepSnapshot(sessions));
			await read.query(
				"DELETE FROM cutover.journal WHERE table_id <> ALL ($1)",
				[found.waiting],
			);
			await read.query("COMMIT");
			for (const { plan: route, whole } of found.work)
				if (whole) plan.asked.delete(route.id);
			if (kept) {
				await options.inSnapshot?.(kept);
				await beside.query("COMMIT");
			}
			return { ...found, ...applied };
		} catch (error) {
			await Promise.all(
				[read, write, beside].map((client) =>
					client.query("ROLLBACK").catch(() => {}),
				),
			);
			throw describeFailure(error);
		}
	}
}

/** What is merged is not the other side's row as it is: that has to come again from there. */
export function isMerging({ routes }: Pick<FollowPlan, "routes">): boolean {
	return routes.some(({ merge }) => merge !== null);
}

/** All that a cycle writes to the other side, whole or not at all. */
async function inOneTransaction<T>(
	plan: FollowPlan,
	write: Client,
	work: () => Promise<T>,
): Promise<T> {
	if (!plan.checked) {
		await write.query("BEGIN");
		const result = await work();
		await write.query("COMMIT");
		return result;
	}
	const targets = plan.routes.map(({ target }) => target);
	return withTablesLocked(
		plan.write,
		write,
		targets,
		"ACCESS EXCLUSIVE",
		plan.lockTimeout,
		() =>
			withoutChecksMeanwhile(write, targets, { keys: !isMerging(plan) }, work),
	);
}

/**
 * Keeps the cycle's snapshot in the session beside it; gives its id. The cycle's own
 * transaction holds a lock on every table: a TRUNCATE or ALTER TABLE would wait for
 * the end of whatever is done in the snapshot, and all who use the table behind it.
 */
async function keepSnapshot({
	read,
	beside,
}: Pick<Sessions, "read" | "beside">): Promise<string> {
	await beside.query(beginSnapshot(await shareSnapshot(read)));
	return (await shareSnapshot(beside)).id;
}

const NOTHING: Applied = { deleted: 0, written: 0, bytes: 0, whole: [] };

/**
 * Opens the transaction whose snapshot is read. TRUNCATE and those ALTER TABLE that
 * write a table anew do not wait for snapshots: a snapshot from before sees an
 * empty table. So the tables are locked first, against nothing else, and the
 * snapshot is taken then.
 */
async function beginRead(
	read: Client,
	tables: readonly Expandable[],
): Promise<void> {
	await read.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
	await read.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
	if (tables.length === 0) return;
	try {
		await read.query(
			`LOCK TABLE ${tables.map(({ table }) => ident(table.schema, table.name)).join(", ")} IN ACCESS SHARE MODE`,
		);
	} catch (error) {
		await read.query("ROLLBACK").catch(() => {});
		// A table that is gone, or has another name, is named there.
		if ((error as { code?: string }).code === UNDEFINED_TABLE)
			await checkJournal(read, await readFollowed(read));
		throw error;
	}
}

/**
 * Where users have new ids, puts the rows that name them into the journal; gives
 * how to make the mirror say so as well.
 */
async function takeUsers(
	{ mirrored, tables, dependents, userColumns }: FollowPlan,
	{ read, write }: Sessions,
): Promise<{ write: () => Promise<void> } | null> {
	if (!mirrored) return null;
	const map = await readNewMap(read, write);
	if (!map) return null;
	const changed = await changedUsers(read, map);
	for (const entry of tables) {
		const { table, followed } = entry;
		const columns = userColumns
			.filter(
				({ schema, table: name }) =>
					schema === table.schema && name === table.name,
			)
			.map(({ column }) => column);
		if (columns.length > 0)
			await addRows(read, tables, dependents, entry, {
				keys: rowsNaming(fromTable(table), followed.key, columns),
				parameters: [changed],
			});
	}
	return { write: () => writeMirror(read, map) };
}

interface Entries {
	readonly entries: number;
	readonly postponed: number;
	readonly lagSeconds: number;
	readonly snapshotAt: string;
	readonly work: readonly Work[];
	/** Numbers of the tables whose entries wait. */
	readonly waiting: readonly number[];
}

async function readEntries(
	read: Client,
	plan: FollowPlan,
	{ postpone = () => false }: CycleOptions,
): Promise<Entries> {
	const { rows } = await read.query<{
		id: number | null;
		entries: number;
		keys: number;
		truncated: boolean;
		whole: boolean;
		lag: number;
		now: string;
	}>(`
		SELECT j.table_id AS "id", count(j.at)::float8 AS "entries",
			count(*) FILTER (WHERE j.key <> '{}')::float8 AS "keys",
			coalesce(bool_or(j.key IS NULL), false) AS "truncated",
			coalesce(bool_or(j.key = '{}'), false) AS "whole",
			coalesce(extract(epoch FROM clock_timestamp() - min(j.at) FILTER (WHERE isfinite(j.at))), 0)::float8 AS "lag",
			to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "now"
		FROM (VALUES (1)) one (x) LEFT JOIN cutover.journal j ON true
		GROUP BY j.table_id
	`);
	const work: Work[] = [];
	const waiting: number[] = [];
	for (const route of plan.routes) {
		const row = rows.find(({ id }) => id === route.id);
		if (!row) continue;
		const whole = row.whole || !route.keyed;
		// Merging takes no row away: a partition that was emptied is asked for as a whole too.
		const partTruncated =
			route.merge !== null && row.whole && !plan.asked.has(route.id);
		if (whole && postpone(route)) {
			waiting.push(route.id);
			continue;
		}
		work.push({
			plan: route,
			keys: whole ? 0 : row.keys,
			whole,
			truncated: row.truncated || partTruncated,
		});
	}
	const taken = rows.filter(({ id }) => id !== null && !waiting.includes(id));
	const sum = (list: typeof rows) =>
		list.reduce((total, { entries }) => total + entries, 0);
	return {
		entries: sum(taken),
		postponed: sum(rows) - sum(taken),
		lagSeconds: Math.max(0, ...taken.map(({ lag }) => lag)),
		snapshotAt: rows[0]?.now ?? "",
		work: withWholeTargets(work, plan.routes),
		waiting,
	};
}

/**
 * Where several tables go into one, emptying it takes the rows of the others along:
 * all of them are copied as a whole then.
 */
function withWholeTargets(
	work: readonly Work[],
	routes: readonly RoutePlan[],
): Work[] {
	const emptied = new Set(
		work
			.filter(
				({ plan, whole, truncated }) => !plan.merge && (whole || truncated),
			)
			.map(({ plan }) => plan.target),
	);
	const shared = routes.filter(
		({ target, id }) =>
			emptied.has(target) &&
			routes.some((other) => other.target === target && other.id !== id),
	);
	return routes.flatMap((plan): Work[] => {
		if (shared.includes(plan))
			return [{ plan, keys: 0, whole: true, truncated: false }];
		return work.filter((one) => one.plan === plan);
	});
}

/** So many temporary tables are kept, though nobody has used them for so many cycles. */
const STAGES_KEPT = 16;
const STAGE_IDLE_CYCLES = 100;

/**
 * Makes the temporary tables that are missing; they last as long as the session.
 * Each is emptied at every commit, used or not, so idle ones are dropped where there
 * are many: 136 of them made a commit of one row take 15 ms.
 */
async function makeStages(
	{ write, staged }: Sessions,
	work: readonly Work[],
): Promise<void> {
	for (const [plan, idle] of staged) staged.set(plan, idle + 1);
	const used = work.flatMap(({ plan, keys, whole }) =>
		keys > 0 || (whole && plan.merge) ? [plan] : [],
	);
	const missing = used.filter((plan) => !staged.has(plan));
	if (missing.length > 0)
		await write.query(
			missing
				.map(({ dropStage, createStage }) => `${dropStage};\n${createStage}`)
				.join(";\n"),
		);
	for (const plan of used) staged.set(plan, 0);
	if (staged.size <= STAGES_KEPT) return;
	const idle = [...staged.keys()].filter(
		(plan) => (staged.get(plan) ?? 0) > STAGE_IDLE_CYCLES,
	);
	if (idle.length > 0)
		await write.query(idle.map(({ dropStage }) => dropStage).join(";\n"));
	for (const plan of idle) staged.delete(plan);
}

/** Brings over the keys of all noted rows. */
async function stageKeys(
	{ read, write }: Sessions,
	work: readonly Work[],
): Promise<void> {
	for (const { plan, keys } of work)
		if (keys > 0) await relayCopy(read, write, plan.keys);
}

/**
 * Makes sure that what the snapshot shows has reached the disk: a writer that does
 * not wait for it (synchronous_commit = off) may lose its last transactions in a
 * crash, and the other side must not have them then. Our commit takes all before
 * it along.
 */
export async function flush({
	beside,
}: Pick<Sessions, "beside">): Promise<void> {
	await beside.query("UPDATE cutover.journal_reader SET id = id");
}
