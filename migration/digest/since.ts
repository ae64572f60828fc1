import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";
import { checkJournal } from "../journal/check";
import { type FollowedTable, hasJournal, readFollowed } from "../journal/state";
import { relationExists } from "../sql";
import {
	type Baseline,
	fingerprint,
	followedBy,
	readBaselines,
} from "./baseline";
import type { Comparison } from "./comparison";
import { type Members, readMembers, readWriters, type Writers } from "./guard";
import type { NameOptions } from "./name";
import type { ReportedTable } from "./report";
import type { SourceState } from "./state";
import { compareTouched } from "./touched";
import { type Sessions, type Verification, verifyTables } from "./verify";

/** A verification that tells of each table how it was read. */
export interface VerificationSince extends Verification {
	readonly tables: readonly ReportedTable[];
}

/**
 * The proof at the freeze, in a time that does not grow with the data: of a table
 * that was proven equal during the sync, only the rows that the follower has
 * written since are compared, as nothing else can have changed. That is so where
 *
 * - on the source the barrier stands, the journal is empty and every trigger of it
 *   is there as it was installed: all that was written there has gone through the
 *   follower;
 * - on the target nobody but the follower has written since: the guard is there on
 *   every partition, as it was, has noted nobody, and no table got another file.
 *
 * A table for which this does not hold, or whose rows cannot be found by a key, is
 * read as a whole, and the report says why.
 *
 * @throws MigrationError (exit 4) where the source is not frozen and drained.
 */
export async function verifySinceBaseline(
	sessions: Sessions,
	comparisons: readonly Comparison[],
	state: SourceState,
	options: NameOptions,
): Promise<VerificationSince> {
	const [source, target] = [sessions.source[0], sessions.target[0]];
	if (!source || !target) throw new Error("no session to verify with");
	const followed = await refuseUndrained(source, state);
	const baselines = await readAll(target);
	const writers = await readWriters(target);
	const members = await readMembers(
		target,
		comparisons.map((comparison) => comparison.target),
	);
	const reasons = new Map(
		comparisons.flatMap((comparison) => {
			const reason = reasonToRead(
				comparison,
				followedBy(comparison, followed),
				baselines.get(comparison.table),
				members.get(comparison.table) ?? {},
				writers,
			);
			return reason ? [[comparison.table, reason]] : [];
		}),
	);
	const touched = comparisons.filter(({ table }) => !reasons.has(table));
	const compared = await compareTouched(
		sessions,
		touched.map((comparison) => ({
			comparison,
			key: followedBy(comparison, followed)[0]?.key ?? [],
		})),
	);
	for (const { table, keys, equal } of compared) {
		const oids = Object.keys(members.get(table) ?? {});
		if (!equal) reasons.set(table, "rows written since the baseline differ");
		// A follower that forgets to note keys must not make a proof out of nothing.
		else if (keys === 0 && oids.some((oid) => writers.get(oid)?.follower))
			reasons.set(table, "the follower wrote rows and noted no keys");
	}
	const whole = await verifyTables(
		sessions,
		comparisons.filter(({ table }) => reasons.has(table)),
		options,
	);
	const tables = comparisons.flatMap((comparison): ReportedTable[] => {
		const { table } = comparison;
		const read = whole.tables.find((one) => one.table === table);
		if (read) return [{ ...read, read: `all rows: ${reasons.get(table)}` }];
		const found = compared.find((one) => one.table === table);
		const baseline = baselines.get(comparison.table);
		if (!found || !baseline) return [];
		const { rows, digest } = baseline;
		return [
			{
				table,
				source: { rows, digest },
				target: { rows, digest },
				equal: true,
				rewritten: false,
				seconds: found.seconds,
				read: `${found.keys} keys written since the baseline`,
			},
		];
	});
	return { tables, differences: whole.differences };
}

/** The tables that the journal follows, all of it applied and nothing to come. */
async function refuseUndrained(
	source: ClientBase,
	state: SourceState,
): Promise<FollowedTable[]> {
	const refuse = (expected: string, found: string, fix: string) => {
		throw new MigrationError({ expected, found, fix }, ExitCode.refused);
	};
	if (!state.frozen)
		refuse(
			"the write barrier on every table of the source",
			state.open.length > 0
				? `none on ${state.open.slice(0, 5).join(", ")}${state.open.length > 5 ? ` and ${state.open.length - 5} more` : ""}`
				: "none",
			"freeze the source first; verify without --since-baseline compares as it is",
		);
	if (!(await hasJournal(source)))
		refuse(
			"a source that a sync follows",
			"no journal on it",
			"verify without --since-baseline",
		);
	if (state.pending !== 0)
		refuse(
			"an empty journal",
			`${state.pending} changes that are not on the target yet`,
			"let sync drain it (sync --drain)",
		);
	const followed = await readFollowed(source);
	// Throws where a trigger is gone or was off for a time.
	const { attached } = await checkJournal(source, followed);
	return followed.filter(
		({ id }) => !attached.some(({ table }) => table.id === id),
	);
}

/** Why the baseline of a table does not hold, or does not help; undefined where it does. */
export function reasonToRead(
	comparison: Comparison,
	followed: readonly FollowedTable[],
	baseline: Baseline | undefined,
	members: Members,
	writers: ReadonlyMap<string, Writers>,
): string | undefined {
	if (!baseline) return "it has no baseline";
	if (comparison.source.length !== 1 || comparison.routes.length !== 1)
		return "several tables fill it";
	if (comparison.key === null || !comparison.routes[0]?.key)
		return "it has no key";
	const [table] = followed;
	if (!table) return "the journal does not follow it";
	if (table.key === null) return "it has no key";
	if (baseline.epochs.join() !== followed.map(({ epoch }) => epoch).join())
		return "the journal was installed anew since";
	if (baseline.comparison !== fingerprint(comparison))
		return "it is compared by other rules than at the baseline";
	for (const oid of Object.keys({ ...baseline.members, ...members })) {
		const [was, is] = [baseline.members[oid], members[oid]];
		const name = (is ?? was)?.name ?? oid;
		const stranger = writers.get(oid)?.stranger;
		if (stranger) return `somebody else wrote to ${name} (${stranger})`;
		if (!was || !is) return `partition ${name} came or went since`;
		if (is.guard === null || is.guard !== was.guard)
			return `the guard on ${name} was off`;
		if (is.file !== was.file) return `${name} was written anew since`;
	}
	return undefined;
}

async function readAll(target: ClientBase): Promise<Map<string, Baseline>> {
	return (await relationExists(target, "cutover.proof_guard"))
		? readBaselines(target)
		: new Map();
}
