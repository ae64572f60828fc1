import type { ClientBase } from "pg";
import { obstacles } from "../catalog/compare";
import { readShape } from "../catalog/shape";
import { tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { readManifest, schemasOf } from "../copy/manifest";
import { setSequences } from "../copy/sequences";
import { describeDifference } from "../digest/difference";
import {
	planByMapping,
	planInSnapshots,
	refuseOtherShape,
	rewritesOf,
	type VerifyPlan,
} from "../digest/plan";
import { type ReportedTable, verificationTable } from "../digest/report";
import type { WithoutWayBack } from "../digest/returned";
import { laggingSequences, type SequencePair } from "../digest/sequences";
import { withSnapshot, withSnapshots } from "../digest/sessions";
import {
	describeMoving,
	readSourceState,
	type SourceState,
} from "../digest/state";
import {
	type Verification,
	verifyManifest,
	verifyTables,
} from "../digest/verify";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf, targetOf } from "../options";
import { count } from "../progress";
import type { Outcome } from "./outcome";
import { noteProof } from "./sync-proof";

/**
 * Compares the target with the live source, with an export, or with both. Equal
 * only if every row of every table and every sequence is. With --repair what differs
 * is made equal and compared again.
 */
export async function runVerify(options: Options): Promise<Outcome> {
	if (!options.source && (!options.directory || options.repair))
		throw new MigrationError({
			expected: options.repair
				? "a source to repair the target from"
				: "something to compare the target with",
			found: options.repair ? "none" : "neither a source nor --dir",
			fix: options.repair
				? "give --source (or SOURCE_DATABASE_URL)"
				: "give --source (or SOURCE_DATABASE_URL), --dir, or both",
		});
	const startedAt = performance.now();
	const live = options.source ? await verifyLive(options) : undefined;
	const exported = options.directory
		? await verifyExport(options, options.directory)
		: undefined;
	const seconds = secondsSince(startedAt);
	if (live && options.repair && live.differences.length > 0)
		return repair(options, live, seconds);
	const tables = live?.tables ?? exported?.tables ?? [];
	const differences = [live, exported].flatMap((one) => one?.differences ?? []);
	noteProof(options.metrics, { tables, differences }, seconds);
	return report(live, exported, seconds);
}

/** Most runs need none of these. */
const loadSince = () =>
	require("../digest/since") as typeof import("../digest/since");
const loadReturned = () =>
	require("../digest/returned") as typeof import("../digest/returned");
const loadRepair = () =>
	require("../digest/repair") as typeof import("../digest/repair");

/** What a verification of the live source found. */
interface LiveVerification extends Verification {
	readonly tables: readonly ReportedTable[];
	readonly state: SourceState;
	readonly plan: VerifyPlan;
	/** Only where it was asked for: rows that explain a difference. */
	readonly withoutWayBack?: readonly WithoutWayBack[];
}

/** Verifies all tables, or those of the given names. */
async function verifyLive(
	options: Options,
	only?: ReadonlySet<string>,
): Promise<LiveVerification> {
	const addresses = { source: sourceOf(options), target: targetOf(options) };
	const mapped = await planByMapping(addresses, options);
	return withSnapshots(addresses, options.jobs, async (sessions) => {
		const [from, to] = [first(sessions.source), first(sessions.target)];
		const plan = mapped ?? (await planInSnapshots(from, to, options));
		const comparisons = plan.comparisons.filter(
			({ table }) => only?.has(table) ?? true,
		);
		const state = await readSourceState(from, comparisons);
		const verification =
			options.sinceBaseline && !only
				? await loadSince().verifySinceBaseline(
						sessions,
						comparisons,
						state,
						options,
					)
				: options.returned
					? await loadReturned().verifyReturned(
							sessions,
							comparisons,
							plan.oneWay,
							options,
						)
					: await verifyTables(sessions, comparisons, options);
		return {
			...verification,
			differences: [
				...verification.differences,
				...(await plan.further(from, to)),
			],
			state,
			plan,
		};
	});
}

async function verifyExport(
	options: Options,
	directory: string,
): Promise<Verification> {
	const manifest = await readManifest(directory);
	return withSnapshot(targetOf(options), options.jobs, async (sessions) => {
		const client = first(sessions);
		const catalog = await readShape(client, schemasOf(manifest));
		refuseOtherShape(
			obstacles(manifest.catalog, manifest.catalog.tables, catalog),
		);
		// An export of the new system holds its ids, as the target does.
		const rewrites = manifest.users
			? await rewritesOf(client, async () => manifest.userColumns)
			: [];
		return verifyManifest(sessions, manifest, catalog, rewrites);
	});
}

/** Repairs the tables that differ, then verifies them again. */
async function repair(
	options: Options,
	before: LiveVerification,
	seconds: number,
): Promise<Outcome> {
	const differing = new Set(
		before.tables.flatMap(({ table, equal }) => (equal ? [] : [table])),
	);
	const repaired = await loadRepair().repairTables(
		{ source: sourceOf(options), target: targetOf(options) },
		before.plan.comparisons.filter(({ table }) => differing.has(table)),
		before.state,
		options,
	);
	const sequences = await repairSequences(options, before.plan.sequences);
	const startedAt = performance.now();
	const after = await verifyLive(options, differing);
	noteProof(options.metrics, after, secondsSince(startedAt));
	const again = report(after, undefined, secondsSince(startedAt));
	return {
		json: {
			...again.json,
			before: before.differences,
			repaired,
			repairedSequences: sequences,
		},
		lines: [
			"before the repair:",
			...report(before, undefined, seconds).lines,
			...repaired.map(
				({ table, deleted, inserted }) =>
					`repaired ${table}: ${deleted} rows removed, ${inserted} brought`,
			),
			...sequences.map((name) => `repaired sequence ${name}`),
			"after the repair, the repaired tables:",
			...again.lines,
		],
		exitCode: again.exitCode,
	};
}

/** Brings sequences of the target that lag to where the source's stand; gives their names. */
async function repairSequences(
	options: Options,
	sequences: SequencePair,
): Promise<string[]> {
	return withConnection(sourceOf(options), { readOnly: true }, (source) =>
		withConnection(targetOf(options), { readOnly: false }, async (target) => {
			const lagging = (
				await laggingSequences(source, target, sequences)
			).filter(({ found }) => found !== undefined);
			await setSequences(
				target,
				lagging.map(({ value }) => value),
				sequences.target,
			);
			return lagging.map(({ value }) => tableName(value));
		}),
	);
}

function report(
	live: LiveVerification | undefined,
	exported: Verification | undefined,
	seconds: number,
): Outcome {
	const differences = [
		...(live?.differences ?? []),
		...(exported?.differences ?? []),
	];
	const tables: readonly ReportedTable[] =
		live?.tables ?? exported?.tables ?? [];
	const rows = tables.reduce((sum, { source }) => sum + source.rows, 0);
	const rowsPerSecond = Math.round(rows / seconds);
	const equal = differences.length === 0;
	return {
		json: {
			equal,
			against: [...(live ? ["source"] : []), ...(exported ? ["export"] : [])],
			tables: tables.length,
			rows,
			rowsPerSecond,
			counts: byTable(tables, ({ source, target }) => ({
				source: source.rows,
				target: target.rows,
			})),
			...(live && {
				source: { frozen: live.state.frozen, pending: live.state.pending },
			}),
			read: byTable(tables, ({ read }) => read),
			differing: byTable(tables, ({ differing }) => differing),
			...(live?.withoutWayBack && { withoutWayBack: live.withoutWayBack }),
			differences,
		},
		lines: [
			...verificationTable(tables),
			equal
				? `equal: ${count(rows)} rows of ${tables.length} tables, ${count(rowsPerSecond)} rows/s`
				: `${differences.length} differences named`,
			...(live?.withoutWayBack ?? []).map(
				({ table, reason, rows }) =>
					`${table}: ${rows} rows without a way back: ${reason}`,
			),
			...differences.map(describeDifference),
			...(!equal && live ? describeMoving(live.state) : []),
		],
		exitCode: equal ? ExitCode.done : ExitCode.differences,
	};
}

/** What there is to say of each table, by its name. */
function byTable<T>(
	tables: readonly ReportedTable[],
	of: (table: ReportedTable) => T | undefined,
): Record<string, T> {
	return Object.fromEntries(
		tables.flatMap((table) => {
			const value = of(table);
			return value === undefined ? [] : [[table.table, value]];
		}),
	);
}

function secondsSince(startedAt: number): number {
	return (performance.now() - startedAt) / 1000;
}

function first(sessions: readonly ClientBase[]): ClientBase {
	const [session] = sessions;
	if (!session) throw new Error("no session to verify with");
	return session;
}
