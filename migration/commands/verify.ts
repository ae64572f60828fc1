import type { ClientBase } from "pg";
import { findTable, obstacles } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { type Catalog, type Table, tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { readRewrites } from "../copy/guard";
import { readManifest } from "../copy/manifest";
import { selectTables } from "../copy/select";
import { setSequences } from "../copy/sequences";
import { type Comparison, compareSameShape } from "../digest/comparison";
import { compareDefinitions } from "../digest/definitions";
import { type Difference, describeDifference } from "../digest/difference";
import { repairTables } from "../digest/repair";
import { type ReportedTable, verificationTable } from "../digest/report";
import {
	laggingSequences,
	type SequencePair,
	sequenceDifference,
} from "../digest/sequences";
import { withSnapshot } from "../digest/sessions";
import {
	describeMoving,
	readSourceState,
	type SourceState,
} from "../digest/state";
import {
	type Sessions,
	type Verification,
	verifyManifest,
	verifyTables,
} from "../digest/verify";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf, targetOf } from "../options";
import { hasUserMap } from "../users/map";
import { declaredUserColumns, type UserRewrite } from "../users/references";
import type { Outcome } from "./outcome";

/**
 * Compares the target with the live source, with an export, or with both. Equal
 * only if every row of every table and every sequence is.
 */
export async function runVerify(options: Options): Promise<Outcome> {
	if (!options.source && !options.directory)
		throw new MigrationError({
			expected: "something to compare the target with",
			found: "neither a source nor --dir",
			fix: "give --source (or SOURCE_DATABASE_URL), --dir, or both",
		});
	const startedAt = performance.now();
	const live = options.source ? await verifyLive(options) : undefined;
	const exported = options.directory
		? await verifyExport(options, options.directory)
		: undefined;
	const seconds = (performance.now() - startedAt) / 1000;
	if (!options.repair || !live || live.differences.length === 0)
		return report(live, exported, seconds);
	return repair(options, live);
}

/** What a verification of the live source found. */
export interface LiveVerification extends Verification {
	readonly tables: readonly ReportedTable[];
	readonly state: SourceState;
	readonly plan: Plan;
}

/** Verifies all tables, or those of the given names. */
async function verifyLive(
	options: Options,
	only?: ReadonlySet<string>,
): Promise<LiveVerification> {
	return withBothSides(options, async (sessions) => {
		const whole = await planVerification(sessions, options);
		const plan = {
			...whole,
			comparisons: whole.comparisons.filter(
				({ table }) => only?.has(table) ?? true,
			),
		};
		const state = await readSourceState(
			first(sessions.source),
			plan.comparisons,
		);
		const { tables, differences } = await verifyTables(
			sessions,
			plan.comparisons,
			options,
		);
		return {
			tables,
			differences: [...differences, ...(await plan.further(sessions))],
			state,
			plan,
		};
	});
}

/** Repairs the tables that differ, then verifies them again. */
async function repair(
	options: Options,
	before: LiveVerification,
): Promise<Outcome> {
	const differing = new Set(
		before.tables.flatMap(({ table, equal }) => (equal ? [] : [table])),
	);
	const repaired = await repairTables(
		{ source: sourceOf(options), target: targetOf(options) },
		before.plan.comparisons.filter(({ table }) => differing.has(table)),
		before.state,
		options.lockTimeout,
	);
	const sequences = await repairSequences(options, before.plan.sequences);
	const startedAt = performance.now();
	const after = await verifyLive(options, differing);
	const again = report(
		after,
		undefined,
		(performance.now() - startedAt) / 1000,
	);
	return {
		json: {
			...again.json,
			before: before.differences,
			repaired,
			repairedSequences: sequences,
		},
		lines: [
			"before the repair:",
			...report(before, undefined, 0).lines,
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

/**
 * The source's snapshot comes first: what a follower had applied by then is in the
 * target's.
 */
function withBothSides<T>(
	options: Options,
	work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
	return withSnapshot(sourceOf(options), options.jobs, (source) =>
		withSnapshot(targetOf(options), options.jobs, (target) =>
			work({ source, target }),
		),
	);
}

interface Plan {
	readonly comparisons: readonly Comparison[];
	readonly sequences: SequencePair;
	/** What is compared besides rows: sequences, and definitions where asked for. */
	readonly further: (sessions: Sessions) => Promise<Difference[]>;
}

async function planVerification(
	{ source, target }: Sessions,
	options: Options,
): Promise<Plan> {
	const [from, to] = [first(source), first(target)];
	const schemas = await readSchemas(from);
	const [left, right] = await Promise.all([
		readCatalog(from, schemas),
		readCatalog(to, schemas),
	]);
	const tables = selectTables(left, options.exclude);
	refuseOtherShape(obstacles(left, tables, right));
	const rewrites = await rewritesOf(to, () =>
		declaredUserColumns(left, options.userColumns),
	);
	const sequences = {
		source: sequencesOf(left, tables),
		target: right.sequences,
	};
	return {
		comparisons: compareSameShape(tables, right.tables, rewrites),
		sequences,
		further: async (sessions) => [
			...(
				await laggingSequences(
					first(sessions.source),
					first(sessions.target),
					sequences,
				)
			).map(sequenceDifference),
			...(options.schema ? compareDefinitions(left, right, tables) : []),
		],
	};
}

/** All sequences but those of tables that are left behind. */
function sequencesOf(catalog: Catalog, tables: readonly Table[]) {
	return catalog.sequences.filter(
		({ schema, ownedBy }) =>
			ownedBy === null ||
			findTable(tables, { schema, name: ownedBy.table }) !== undefined,
	);
}

async function verifyExport(
	options: Options,
	directory: string,
): Promise<Verification> {
	const manifest = await readManifest(directory);
	const schemas = [
		...new Set(["public", ...manifest.tables.map(({ schema }) => schema)]),
	];
	return withSnapshot(targetOf(options), options.jobs, async (sessions) => {
		const client = first(sessions);
		const catalog = await readCatalog(client, schemas);
		refuseOtherShape(
			obstacles(manifest.catalog, manifest.catalog.tables, catalog),
		);
		const rewrites = await rewritesOf(client, () => manifest.userColumns);
		return verifyManifest(sessions, manifest, catalog, rewrites);
	});
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
	const equal = differences.length === 0;
	return {
		json: {
			equal,
			against: [...(live ? ["source"] : []), ...(exported ? ["export"] : [])],
			tables: tables.length,
			rows,
			rowsPerSecond: Math.round(rows / seconds),
			counts: Object.fromEntries(
				tables.map(({ table, source, target }) => [
					table,
					{ source: source.rows, target: target.rows },
				]),
			),
			...(live && {
				source: { frozen: live.state.frozen, pending: live.state.pending },
			}),
			differing: Object.fromEntries(
				tables.flatMap(({ table, differing }) =>
					differing ? [[table, differing]] : [],
				),
			),
			differences,
		},
		lines: [
			...verificationTable(tables),
			equal
				? `equal: ${rows.toLocaleString("en-US")} rows of ${tables.length} tables, ${Math.round(rows / seconds).toLocaleString("en-US")} rows/s`
				: `${differences.length} differences named`,
			...differences.map(describeDifference),
			...(!equal && live ? describeMoving(live.state) : []),
		],
		exitCode: equal ? ExitCode.done : ExitCode.differences,
	};
}

/**
 * The columns in which the target holds new ids: as the last import noted them,
 * else as declared. Without a user map there are no new ids.
 */
async function rewritesOf(
	target: ClientBase,
	declared: () => readonly UserRewrite[],
): Promise<readonly UserRewrite[]> {
	if (!(await hasUserMap(target))) return [];
	return (await readRewrites(target)) ?? declared();
}

function refuseOtherShape(found: readonly string[]): void {
	if (found.length > 0)
		throw new MigrationError(
			{
				expected: "every table and column of the source on the target",
				found: found.join("\n         "),
				fix: "let the new application make its schema; --exclude what was left behind",
			},
			ExitCode.differences,
		);
}

function first(sessions: readonly ClientBase[]): ClientBase {
	const [session] = sessions;
	if (!session) throw new Error("no session to verify with");
	return session;
}
