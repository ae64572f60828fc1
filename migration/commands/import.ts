import { join } from "node:path";
import type { ClientBase } from "pg";
import { obstacles } from "../catalog/compare";
import { describeLeftOut } from "../catalog/left-out";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { checkTarget, type Removal } from "../copy/guard";
import { importDatabase } from "../copy/import";
import {
	hasManifest,
	type Manifest,
	readManifest,
	schemasOf,
} from "../copy/manifest";
import { restoreDatabase } from "../copy/restore";
import { countTables, selectTables } from "../copy/select";
import { ExitCode, MigrationError } from "../errors";
import { directoryOf, type Options, sourceOf, targetOf } from "../options";
import { size } from "../progress";
import { hasUserMap, readUserMap } from "../users/map";
import { declaredUserColumns } from "../users/references";
import { countUsers, hasAuth, readUsers } from "../users/source";
import type { Outcome } from "./outcome";

/** Loads the export into the target, or says what that would do. */
export async function runImport(options: Options): Promise<Outcome> {
	const directory = directoryOf(options);
	if (options.dryRun && options.source && !(await hasManifest(directory)))
		return planFromSource(options);
	const manifest = await readManifest(directory);
	return options.dryRun
		? planFromExport(options, directory, manifest)
		: load(options, directory, manifest);
}

async function load(
	options: Options,
	directory: string,
	manifest: Manifest,
): Promise<Outcome> {
	if (options.withUserMap) refuseWithoutMap(manifest, directory);
	const how = {
		...options,
		check: async (client: ClientBase) => {
			const found = await check(client, directory, manifest, options);
			if (!options.allowUnmapped) refuseUndecided(found.undecided);
			return found;
		},
	};
	const target = targetOf(options);
	const { checked, leftOut, filesDoneBefore, ...result } = options.createSchema
		? await restoreDatabase(target, directory, manifest, how)
		: {
				...(await importDatabase(target, directory, manifest, how)),
				...{ leftOut: [], filesDoneBefore: 0 },
			};
	const removals = checked?.removals ?? [];
	return {
		json: {
			...result,
			leftOut,
			filesDoneBefore,
			users: options.withUserMap ? manifest.userMap?.count : undefined,
			removals,
			snapshotAt: manifest.snapshotAt,
			counts: Object.fromEntries(
				manifest.tables.map((table) => [tableName(table), table.rows]),
			),
		},
		lines: [
			`imported ${result.rows} rows of ${result.tables} tables, ${size(result.bytes)}; every digest equals the export's`,
			...removals.map(describeRemoval),
			...(filesDoneBefore > 0
				? [`${filesDoneBefore} files were loaded by the run before`]
				: []),
			...(options.withUserMap
				? [`the user map is back, with ${manifest.userMap?.count} users`]
				: []),
			...(result.unmappedIds > 0
				? [
						`${result.unmappedIds} ids name users that have not moved: left as they were`,
					]
				: []),
			...leftOut.map((entry) => `left out: ${describeLeftOut(entry)}`),
		],
		exitCode: ExitCode.done,
	};
}

async function planFromExport(
	options: Options,
	directory: string,
	manifest: Manifest,
): Promise<Outcome> {
	const { removals, undecided } = await withConnection(
		targetOf(options),
		{ readOnly: true },
		(client) => check(client, directory, manifest, options),
	);
	const rows = sum(manifest.tables.map((table) => table.rows));
	const bytes = sum(manifest.tables.map((table) => table.bytes));
	const tables = manifest.tables.length;
	return {
		json: { dryRun: true, tables, rows, bytes, removals, undecided },
		lines: [
			`would import ${rows} rows of ${tables} tables, ${size(bytes)}, taken at ${manifest.snapshotAt}`,
			...removals.map(describeRemoval),
			...(undecided.length > 0
				? [`${undecided.length} users have no decision yet: run users first`]
				: []),
		],
		exitCode: ExitCode.done,
	};
}

/**
 * Before there is an export, a dry run takes the live source for it: what an
 * export made now would hold, and whether the target could take it.
 */
async function planFromSource(options: Options): Promise<Outcome> {
	const readOnly = { readOnly: true };
	return withConnection(sourceOf(options), readOnly, (source) =>
		withConnection(targetOf(options), readOnly, async (target) => {
			const schemas = await readSchemas(source);
			const catalog = await readCatalog(source, schemas);
			const tables = selectTables(catalog, options.exclude);
			const counts = await countTables(source, tables);
			const twin = await readCatalog(target, schemas);
			refuseObstacles(obstacles(catalog, tables, twin), options);
			const userColumns = declaredUserColumns(catalog, options.userColumns);
			const removals = await checkTarget(
				target,
				{ tables, userColumns },
				twin,
				options,
			);
			const users = (await hasAuth(source)) ? await countUsers(source) : {};
			const rows = sum(Object.values(counts));
			const bytes = sum(tables.map((table) => table.bytes));
			return {
				json: {
					dryRun: true,
					tables: tables.length,
					rows,
					bytes,
					users,
					removals,
					counts,
				},
				lines: [
					`no export yet; one made now would bring ${rows} rows of ${tables.length} tables, about ${size(bytes)}`,
					...removals.map(describeRemoval),
				],
				exitCode: ExitCode.done,
			};
		}),
	);
}

async function check(
	client: ClientBase,
	directory: string,
	manifest: Manifest,
	options: Options,
): Promise<{ removals: Removal[]; undecided: string[] }> {
	const catalog = await readCatalog(client, schemasOf(manifest));
	refuseObstacles(
		options.createSchema
			? catalog.tables.map(({ name }) => `${name}: there already`)
			: obstacles(manifest.catalog, manifest.catalog.tables, catalog),
		options,
	);
	return {
		removals: await checkTarget(
			client,
			{
				tables: manifest.catalog.tables,
				userColumns: manifest.userColumns,
			},
			catalog,
			options,
		),
		undecided: await undecidedUsers(client, directory, manifest),
	};
}

function refuseWithoutMap(manifest: Manifest, directory: string): void {
	if (manifest.userMap) return;
	throw new MigrationError({
		expected: `a user map in the export in ${directory}, for --with-user-map`,
		found: "none: it is not one of a database that users moved to",
		fix: "leave --with-user-map away",
	});
}

function refuseObstacles(found: readonly string[], options: Options): void {
	if (found.length === 0) return;
	throw new MigrationError({
		expected: options.createSchema
			? "an empty database for --create-schema"
			: "a target that can take every table",
		found: found.join("\n         "),
		fix: options.createSchema
			? "use an empty database, or leave --create-schema away"
			: "let the new application make its schema; --exclude what is to be left behind",
	});
}

function refuseUndecided(undecided: readonly string[]): void {
	if (undecided.length === 0) return;
	throw new MigrationError(
		{
			expected: "a decision in the user map for every user of the export",
			found: `none for ${undecided.length}, for instance ${undecided.slice(0, 3).join(", ")}`,
			fix: "run users first (its report names conflicts); --allow-unmapped keeps their old ids",
		},
		ExitCode.refused,
	);
}

function describeRemoval({ table, rows, what }: Removal): string {
	return `${table}: ${rows} rows (${what}) give way`;
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

/** Users of the export that were neither moved nor skipped. */
async function undecidedUsers(
	client: ClientBase,
	directory: string,
	manifest: Manifest,
): Promise<string[]> {
	if (!manifest.users || manifest.userColumns.length === 0) return [];
	const map = (await hasUserMap(client))
		? await readUserMap(client)
		: new Map<string, never>();
	const undecided: string[] = [];
	for await (const { id } of readUsers(join(directory, manifest.users.file))) {
		const state = map.get(id)?.state;
		if (state !== "moved" && state !== "skipped") undecided.push(id);
	}
	return undecided;
}
