import type { ClientBase } from "pg";
import { findTable, obstacles } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import type { Catalog, Table } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { readRewrites } from "../copy/guard";
import { selectTables } from "../copy/select";
import { ExitCode, MigrationError } from "../errors";
import { mappingOf } from "../mapping";
import { checkMapping, refuseUnfit } from "../mapping/check";
import { compileMapping } from "../mapping/mapping";
import { unacceptedRejects } from "../mapping/rejects";
import type { AcceptedReject } from "../mapping/types";
import type { Route } from "../route";
import { relationExists } from "../sql";
import { hasUserMap } from "../users/map";
import { declaredUserColumns, type UserRewrite } from "../users/references";
import { type Comparison, compareRoutes, compareSameShape } from "./comparison";
import { compareDefinitions } from "./definitions";
import type { Difference } from "./difference";
import {
	laggingSequences,
	type SequencePair,
	sequenceDifference,
} from "./sequences";

/** What a verification compares. */
export interface VerifyPlan {
	readonly comparisons: readonly Comparison[];
	readonly sequences: SequencePair;
	/** What is compared besides rows, now: sequences, definitions, rejected rows. */
	readonly further: (
		source: ClientBase,
		target: ClientBase,
	) => Promise<Difference[]>;
}

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
 * operator chose, else tables of the same name. In sessions of its own, as a mapping
 * is tried statement by statement, and one that fails ends a transaction.
 */
export async function planBetween(
	addresses: {
		readonly source: DatabaseAddress;
		readonly target: DatabaseAddress;
	},
	options: PlanOptions & Parameters<typeof mappingOf>[0],
): Promise<VerifyPlan> {
	const readOnly = { readOnly: true };
	return withConnection(addresses.source, readOnly, (source) =>
		withConnection(addresses.target, readOnly, (target) =>
			planComparisons(source, target, options),
		),
	);
}

async function planComparisons(
	source: ClientBase,
	target: ClientBase,
	options: PlanOptions & Parameters<typeof mappingOf>[0],
): Promise<VerifyPlan> {
	const mapping = mappingOf(options);
	if (!mapping) return planSameShape(source, target, options);
	const clients = { source, target };
	refuseUnfit(await checkMapping(mapping, clients));
	// A sync keeps a mirror of the user map on the source.
	const compiled = await compileMapping(mapping, clients, {
		users: await relationExists(source, "cutover.user_map"),
	});
	return planMapped({
		routes: compiled.forward.routes,
		target: compiled.target.catalog.tables,
		accepted: compiled.accepted,
	});
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
		readCatalog(source, schemas),
		readCatalog(target, schemas),
	]);
	const tables = selectTables(left, options.exclude);
	refuseOtherShape(obstacles(left, tables, right));
	const rewrites = await rewritesOf(target, () =>
		declaredUserColumns(left, options.userColumns),
	);
	const sequences = {
		source: sequencesOf(left, tables),
		target: right.sequences,
	};
	return {
		comparisons: compareSameShape(tables, right.tables, rewrites),
		sequences,
		further: async (from, to) => [
			...(await laggingSequences(from, to, sequences)).map(sequenceDifference),
			...(options.schema ? compareDefinitions(left, right, tables) : []),
		],
	};
}

/**
 * What a mapping's routes read with what they are to have written. Rejected rows that
 * nobody has accepted are differences: they are missing on the target.
 */
export function planMapped(mapping: {
	readonly routes: readonly Route[];
	readonly target: readonly Table[];
	readonly accepted: readonly AcceptedReject[];
}): VerifyPlan {
	return {
		comparisons: compareRoutes(mapping.routes, mapping.target),
		sequences: { source: [], target: [] },
		further: async (_, target) =>
			(await unacceptedRejects(target, mapping.accepted)).map(
				({ table, reason, rows }) => ({
					table,
					kind: "rejects",
					detail: `${rows} rows rejected and not accepted: ${reason}`,
				}),
			),
	};
}

/**
 * The columns in which the target holds new ids: as the last import or sync noted
 * them, else as declared. Without a user map there are no new ids.
 */
export async function rewritesOf(
	target: ClientBase,
	declared: () => readonly UserRewrite[],
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
function sequencesOf(catalog: Catalog, tables: readonly Table[]) {
	return catalog.sequences.filter(
		({ schema, ownedBy }) =>
			ownedBy === null ||
			findTable(tables, { schema, name: ownedBy.table }) !== undefined,
	);
}
