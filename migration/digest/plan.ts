import type { ClientBase } from "pg";
import { findTable, obstacles } from "../catalog/compare";
import { readSchemas } from "../catalog/schemas";
import { readDefinitions, readShape, type Shape } from "../catalog/shape";
import type { Table } from "../catalog/types";
import { withConnection } from "../connection";
import { readRewrites } from "../copy/guard";
import { releasingLocks } from "../copy/lane";
import { selectTables } from "../copy/select";
import { ExitCode, MigrationError } from "../errors";
import type { Options } from "../options";
import { hasUserMap } from "../users/map";
import { declaredUserColumns, type UserRewrite } from "../users/references";
import { type Comparison, compareSameShape } from "./comparison";
import { compareDefinitions } from "./definitions";
import type { Difference } from "./difference";
import type { OneWay } from "./returned";
import {
	laggingSequences,
	type SequencePair,
	sequenceDifference,
} from "./sequences";
import type { Databases } from "./sessions";

/** What a verification compares. */
export interface VerifyPlan {
	readonly comparisons: readonly Comparison[];
	readonly sequences: SequencePair;
	/** What has no way back; nothing where both sides have the same schema. */
	readonly oneWay?: OneWay;
	/** What is compared besides rows, now: sequences, definitions, rejected rows. */
	readonly further: (
		source: ClientBase,
		target: ClientBase,
	) => Promise<Difference[]>;
}

/** See mappingOf. */
export type MappingOptions = Pick<Options, "mapping" | "acceptRejects"> &
	Partial<Pick<Options, "returned">>;

/** What the operator says about which tables and columns. */
export interface PlanOptions {
	readonly exclude: readonly string[];
	/** Columns that hold user ids without a foreign key that says so. */
	readonly userColumns: readonly string[];
	/** Compare definitions as well: for a target made in the source's image. */
	readonly schema: boolean;
}

/**
 * What is to be compared between two live databases: by the mapping that the
 * operator chose, else tables of the same name.
 */
export async function planBetween(
	addresses: Databases,
	options: PlanOptions & MappingOptions,
): Promise<VerifyPlan> {
	const mapped = await planByMapping(addresses, options);
	if (mapped) return mapped;
	const readOnly = { readOnly: true };
	return withConnection(addresses.source, readOnly, (source) =>
		withConnection(addresses.target, readOnly, (target) =>
			planSameShape(source, target, options),
		),
	);
}

/** What is to be compared where the operator chose a mapping; else null. */
export async function planByMapping(
	addresses: Databases,
	options: MappingOptions,
): Promise<VerifyPlan | null> {
	if (options.mapping === undefined && options.acceptRejects.length === 0)
		return null;
	// Mappings are a third of all that a verification would load.
	const { planMapped } = require("./mapped") as typeof import("./mapped");
	return planMapped(addresses, options);
}

/**
 * Every table of the application's schemas with the one of the same name, new user
 * ids counting as the old ones.
 *
 * @throws MigrationError (exit 3) where the target lacks tables or columns.
 */
export async function planSameShape(
	source: ClientBase,
	target: ClientBase,
	options: PlanOptions,
): Promise<VerifyPlan> {
	const schemas = await readSchemas(source);
	const [left, right] = await Promise.all([
		readShape(source, schemas),
		readShape(target, schemas),
	]);
	const tables = selectTables(left, options.exclude);
	refuseOtherShape(obstacles(left, tables, right));
	const rewrites = await rewritesOf(target, async () => {
		const { foreignKeys } = await readDefinitions(source, schemas);
		return declaredUserColumns(
			{ tables: left.tables, foreignKeys },
			options.userColumns,
		);
	});
	const sequences = {
		source: sequencesOf(left, tables),
		target: right.sequences,
	};
	return {
		comparisons: compareSameShape(tables, right.tables, rewrites),
		sequences,
		further: async (from, to) => [
			...(await laggingSequences(from, to, sequences)).map(sequenceDifference),
			...(options.schema
				? compareDefinitions(
						await readDefinitions(from, schemas),
						await readDefinitions(to, schemas),
						tables,
					)
				: []),
		],
	};
}

/**
 * The same for sessions whose snapshots go on: keeps no lock. pg_partition_tree
 * takes one on every partition, behind which a TRUNCATE would wait for the digests.
 */
export function planInSnapshots(
	source: ClientBase,
	target: ClientBase,
	options: PlanOptions,
): Promise<VerifyPlan> {
	return releasingLocks(source, () =>
		releasingLocks(target, () => planSameShape(source, target, options)),
	);
}

/**
 * The columns in which the target holds new ids: as the last import or sync noted
 * them, else as declared. Without a user map there are no new ids.
 */
export async function rewritesOf(
	target: ClientBase,
	declared: () => Promise<readonly UserRewrite[]>,
): Promise<readonly UserRewrite[]> {
	if (!(await hasUserMap(target))) return [];
	return (await readRewrites(target)) ?? declared();
}

/** Fails where the target cannot hold what it is compared with. */
export function refuseOtherShape(found: readonly string[]): void {
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

/** All sequences but those of tables that are left behind. */
function sequencesOf(shape: Shape, tables: readonly Table[]) {
	return shape.sequences.filter(
		({ schema, ownedBy }) =>
			ownedBy === null ||
			findTable(tables, { schema, name: ownedBy.table }) !== undefined,
	);
}
