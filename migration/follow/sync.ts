import type { ClientBase } from "pg";
import { routeName } from "../copy/chunks";
import { endLeftovers } from "../copy/lane";
import { type CopyOptions, type CopyResult, copyRoutes } from "../copy/live";
import { hasRecord, readChunks, readStatements } from "../copy/record";
import { ExitCode, MigrationError } from "../errors";
import { standingFreeze } from "../freeze/record";
import { type Installed, installJournal } from "../journal/install";
import { hasJournal } from "../journal/state";
import { ensureRejects } from "../mapping/rejects";
import { relationExists } from "../sql";
import { ensureUserMap } from "../users/map";
import { type FollowPlan, flush, type Sessions } from "./cycle";
import { Follower } from "./follower";
import { openPlan } from "./open-plan";
import type { Pair } from "./pair";
import { type Persistence, persist } from "./persist";
import { type Prepared, prepareTarget } from "./prepare";
import { carrySequences } from "./sequences";
import {
	askForWhole,
	claimJournal,
	ensureState,
	type RouteState,
	readRouteStates,
	recordRoutes,
	setDrained,
} from "./state";
import {
	restoreChecks,
	suspendChecks,
	type UnvalidatedKey,
	unvalidatedKeys,
	validateKeys,
	validateSmallKeys,
} from "./suspend";
import { CREATE_TOUCHED } from "./touched";
import { CREATE_MIRROR, readNewMap, writeMirror } from "./users";
import { noteUserColumns, type Way } from "./way";

/** `forward`: from the old system to the new one; `back`: what the new one wrote since the switch. */
export type Direction = "forward" | "back";

export interface SyncOptions extends Persistence {
	readonly direction: Direction;
	/** Milliseconds to wait where tables have to be locked or another sync to end. */
	readonly lockTimeout: number;
	/** Tables, by name, that are to be brought again as a whole. */
	readonly recopy: readonly string[];
	/** The target's rows may give way, whatever they are. */
	readonly replace: boolean;
	/** Tables, parts of tables or indexes at a time. */
	readonly jobs: number;
	readonly onProgress?: CopyOptions["onProgress"];
}

/** A sync whose journal stands and whose tables have been filled. */
export interface Sync {
	readonly follower: Follower;
	readonly way: Way;
	readonly installed: Installed;
	readonly prepared: Prepared | null;
	/** What this run copied; null where nothing was left to copy. */
	readonly copied: CopyResult | null;
}

/**
 * Installs the journal, fills the other side's tables, as far as an earlier run has
 * not, and makes ready to follow. Whatever was cut short is taken up where it stood,
 * by this run where a connection was lost. `wayOf` works out what goes which way.
 */
export async function beginSync(
	pair: Pair,
	wayOf: (sessions: Sessions) => Promise<Way>,
	options: SyncOptions,
): Promise<Sync> {
	// What fails here would fail again: a wrong address, another sync.
	await pair.open();
	return persist(pair, { ...options, snapshots: true }, async () =>
		takeUp(pair, await wayOf(await pair.open()), options),
	);
}

async function takeUp(
	pair: Pair,
	way: Way,
	options: SyncOptions,
): Promise<Sync> {
	const sessions = await pair.open();
	const { read, write } = sessions;
	const forward = options.direction === "forward";
	// Before anything is looked at that they might still change.
	await endLeftovers(write);
	if (!forward) {
		await refuseWithoutJournal(read);
		await ensureRejects(write);
		await way.prepare?.();
		// Rows that an earlier return could not bring are not this one's.
		if (!(await relationExists(write, "cutover.follower")))
			await write.query("DELETE FROM cutover.reject");
	}
	// Before anything is changed: the journal may be another database's.
	if (await hasJournal(read)) await claimJournal(read, write);
	const prepared = forward
		? await prepareTarget(pair.addresses, write, way, options)
		: null;
	await ensureState(write);
	await write.query(CREATE_TOUCHED);
	if (way.userColumns.length > 0 && forward)
		await noteUserColumns(write, way.userColumnsThere);
	const installed = await installJournal(
		pair.addresses.read,
		read,
		way.tables,
		{ ...options, dependents: way.dependents },
	);
	await claimJournal(read, write);
	await setDrained(write, false);
	if (way.mirrored) await read.query(CREATE_MIRROR);
	else if (way.userColumns.length > 0) await ensureUserMap(read);
	const asked = new Set<number>();
	const planNow = async () =>
		openPlan(
			pair.addresses,
			(await pair.open()).write,
			{ ...way, orphans: way.orphans ?? false, checked: !forward },
			installed,
			options.lockTimeout,
			asked,
		);
	const plan = await planNow();
	const states = await readRouteStates(
		write,
		plan.routes,
		installed.followed,
		options.recopy,
	);
	const copied = forward
		? await fill(pair, sessions, { plan, states, installed, prepared }, options)
		: null;
	if (!forward)
		// Both sides were equal when the journal began.
		for (const id of await bring(sessions, states, installed, {
			newIsEqual: true,
		}))
			asked.add(id);
	if (forward)
		await suspendChecks(
			pair.addresses.write,
			(await pair.open()).write,
			plan.routes.map(({ target }) => target),
			options.lockTimeout,
		);
	// The copy has made foreign keys that were not there before.
	const follower = new Follower(await planNow(), pair, options);
	// A cycle, so not before the keys wait: after a drain they are back.
	if (forward && plan.routes.some(({ labelled }) => labelled))
		await follower.noteRejects();
	return { follower, way, installed, prepared, copied };
}

interface Filling {
	readonly plan: FollowPlan;
	readonly states: readonly RouteState[];
	readonly installed: Installed;
	readonly prepared: Prepared | null;
}

/**
 * Copies what was never copied, by the copy where it has not ended yet; a table that
 * came later, or whose copy lacks writes, is brought by the follower.
 */
async function fill(
	pair: Pair,
	sessions: Sessions,
	{ plan, states, installed, prepared }: Filling,
	options: SyncOptions,
): Promise<CopyResult | null> {
	const { write } = sessions;
	const record = (await hasRecord(write)) ? await readChunks(write) : [];
	const begun = new Set(record.map(({ route }) => route));
	// Whatever was noted of its routes: a run may have been killed before it laid out.
	const fresh = record.length === 0;
	const first = states.filter(
		({ plan }) => fresh || begun.has(routeName(plan.route)),
	);
	if (record.every(({ rows }) => rows === null))
		await fillMirror(plan, sessions);
	const pending =
		fresh ||
		record.some(({ rows }) => rows === null) ||
		(await readStatements(write)).some(({ done }) => !done);
	await recordRoutes(
		write,
		first
			.filter(({ state }) => fresh || state === "new")
			.map(({ plan }) => plan),
		installed.followed,
	);
	const copied = pending
		? await copyRoutes(
				{ source: pair.addresses.read, target: pair.addresses.write },
				{
					routes: first.map(({ plan }) => plan.route),
					definitions: prepared?.plan.definitions ?? [],
					drops: prepared?.plan.drops ?? [],
				},
				{
					jobs: options.jobs,
					...(options.onProgress && { onProgress: options.onProgress }),
					flush: async () => flush(await pair.open()),
					settle: async () => {
						await new Follower(plan, pair, options).cycle({ unsettled: true });
					},
				},
			)
		: null;
	const later = states.filter(
		(one) => !first.includes(one) || (!fresh && one.state === "outdated"),
	);
	await bring(await pair.open(), later, installed, { newIsEqual: false });
	return copied;
}

/**
 * Has the follower bring tables as a whole whose rows are missing or out of date.
 * Gives their numbers.
 */
async function bring(
	{ read, write }: Sessions,
	states: readonly RouteState[],
	installed: Installed,
	{ newIsEqual }: { readonly newIsEqual: boolean },
): Promise<number[]> {
	const stale = states.filter(({ state }) => state !== "current");
	if (stale.length === 0) return [];
	const asked = stale.filter(
		({ state }) => state === "outdated" || !newIsEqual,
	);
	// Asked for first: noted without having been asked for, they would never come.
	await askForWhole(
		read,
		asked.map(({ plan }) => plan),
	);
	await recordRoutes(
		write,
		stale.map(({ plan }) => plan),
		installed.followed,
	);
	return asked.map(({ plan }) => plan.id);
}

/** Before the first row is copied, the mirror is made without a cycle. */
async function fillMirror(
	{ mirrored }: FollowPlan,
	{ read, write }: Sessions,
): Promise<void> {
	if (!mirrored) return;
	const map = await readNewMap(read, write);
	if (!map) return;
	await read.query("BEGIN");
	await writeMirror(read, map);
	await read.query("COMMIT");
}

/** Rows that were written before the journal stood would be missed without a word. */
async function refuseWithoutJournal(read: ClientBase): Promise<void> {
	if (await hasJournal(read)) return;
	throw new MigrationError(
		{
			expected:
				"a target whose writes have been noted since it was equal to the source",
			found: "no journal on it",
			fix: "begin with sync --reverse, before the target takes its first write",
		},
		ExitCode.refused,
	);
}

/** Follows until the other side is no more than seconds behind; sequences come last. */
export async function catchUp(
	pair: Pair,
	{ follower, way }: Sync,
	options: Persistence,
): Promise<void> {
	await follower.catchUp();
	await persist(pair, options, async () => {
		const { read, write } = await pair.open();
		await carrySequences(read, write, way);
	});
}

/** What drain has left to do once traffic has moved. */
export interface Drained {
	readonly sequences: number;
	/** Triggers, keys and the like that are as they were before. */
	readonly restored: number;
	/** Keys that hold for new rows, while the rows that are there were not looked at. */
	readonly unvalidated: readonly UnvalidatedKey[];
}

/**
 * Brings over the last entries of a frozen database, sets the sequences and puts
 * back what was suspended. What is left takes as long as the tables are large:
 * validating their foreign keys, which `validateAll` does, beside the traffic.
 */
export async function drain(
	pair: Pair,
	{ follower, way }: Sync,
	options: SyncOptions,
): Promise<Drained> {
	await refuseOpen((await pair.open()).read, pair.addresses.read.label);
	await follower.drain();
	return persist(pair, options, async () => {
		const { read, write } = await pair.open();
		const sequences = await carrySequences(read, write, way);
		const restored = await restoreChecks(
			pair.addresses.write,
			write,
			options.lockTimeout,
		);
		const unvalidated = await validateSmallKeys(write);
		await setDrained(write, true);
		return { sequences, restored, unvalidated };
	});
}

/** While anybody can write, a journal that is empty will not stay so. */
async function refuseOpen(read: ClientBase, label: string): Promise<void> {
	if (await standingFreeze(read)) return;
	throw new MigrationError(
		{
			expected: `a ${label} that is frozen`,
			found: "one that can be written to",
			fix: "freeze it first; sync without --drain follows as long as it is written to",
		},
		ExitCode.refused,
	);
}

/** Validates all foreign keys that were put back without a look at the rows. */
export async function validateAll(write: ClientBase): Promise<string[]> {
	const keys = await unvalidatedKeys(write);
	await validateKeys(write, keys);
	return keys.map(({ name }) => name);
}
