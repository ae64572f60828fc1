import type { ClientBase } from "pg";
import { obstacles } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import type { Catalog } from "../catalog/types";
import { withConnection } from "../connection";
import { readRewrites } from "../copy/guard";
import { readManifest } from "../copy/manifest";
import { selectTables } from "../copy/select";
import { describeDifference } from "../digest/compare";
import {
	type Verification,
	verifyLive,
	verifyManifest,
	verifySequences,
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
	const live = options.source ? await compareLive(options) : undefined;
	const exported = options.directory
		? await compareExport(options, options.directory)
		: undefined;
	const differences = [
		...(live?.differences ?? []),
		...(exported?.differences ?? []),
	];
	const tables = live?.tables ?? exported?.tables ?? [];
	const rows = tables.reduce((sum, { source }) => sum + source.rows, 0);
	return {
		json: {
			equal: differences.length === 0,
			against: [...(live ? ["source"] : []), ...(exported ? ["export"] : [])],
			tables: tables.length,
			rows,
			counts: Object.fromEntries(
				tables.map(({ table, source, target }) => [
					table,
					{ source: source.rows, target: target.rows },
				]),
			),
			differences,
		},
		lines:
			differences.length === 0
				? [`equal: ${rows} rows of ${tables.length} tables`]
				: [
						`${differences.length} differences named`,
						...differences.map(describeDifference),
					],
		exitCode: differences.length === 0 ? ExitCode.done : ExitCode.differences,
	};
}

async function compareLive(options: Options): Promise<Verification> {
	const readOnly = { readOnly: true };
	const source = sourceOf(options);
	const target = targetOf(options);
	// Two sessions a side: while one waits for the other side, another works.
	return withConnection(source, readOnly, (source1) =>
		withConnection(source, readOnly, (source2) =>
			withConnection(target, readOnly, (target1) =>
				withConnection(target, readOnly, async (target2) => {
					const [left, right] = await Promise.all([
						readCatalog(source1),
						readCatalog(target1),
					]);
					const tables = selectTables(left, options.exclude);
					refuseOtherShape(obstacles(left, tables, right));
					const rewrites = await rewritesOf(target1, () =>
						declaredUserColumns(left, options.userColumns),
					);
					const rows = await verifyLive(
						{ source: [source1, source2], target: [target1, target2] },
						tables,
						right,
						rewrites,
						options.limit,
					);
					const sequences = await verifySequences(source1, target1, {
						source: left,
						target: right,
					});
					return {
						tables: rows.tables,
						differences: [...rows.differences, ...sequences],
					};
				}),
			),
		),
	);
}

async function compareExport(
	options: Options,
	directory: string,
): Promise<Verification> {
	const manifest = await readManifest(directory);
	return withConnection(
		targetOf(options),
		{ readOnly: true },
		async (client) => {
			const catalog: Catalog = await readCatalog(client);
			refuseOtherShape(
				obstacles(manifest.catalog, manifest.catalog.tables, catalog),
			);
			const rewrites = await rewritesOf(client, () => manifest.userColumns);
			return verifyManifest(client, manifest, catalog, rewrites);
		},
	);
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
