import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { exportDatabase } from "../copy/export";
import { filesOf } from "../copy/manifest";
import { countTables, selectTables } from "../copy/select";
import { ExitCode } from "../errors";
import { directoryOf, type Options, sourceOf } from "../options";
import { size } from "../progress";
import { declaredUserColumns } from "../users/references";
import { countUsers, hasAuth } from "../users/source";
import type { Outcome } from "./outcome";

/** Most exports need nothing of an import. */
const loadProof = () => require("./prove") as typeof import("./prove");

/** Writes the export, or says what it would hold. */
export async function runExport(options: Options): Promise<Outcome> {
	const directory = directoryOf(options);
	if (options.dryRun) return planExport(options);
	const { manifest, filesDoneBefore, textUserColumns } = await exportDatabase(
		sourceOf(options),
		{ ...options, directory },
	);
	const proven = options.prove
		? await loadProof().proveExport(options, directory)
		: undefined;
	const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
	const bytes = manifest.tables.reduce((sum, table) => sum + table.bytes, 0);
	const userColumns = manifest.userColumns.map(
		({ schema, table, column }) =>
			`${tableName({ schema, name: table })}.${column}`,
	);
	return {
		json: {
			directory,
			snapshotAt: manifest.snapshotAt,
			walPosition: manifest.walPosition,
			tables: manifest.tables.length,
			rows,
			bytes,
			users: manifest.users?.count ?? 0,
			userColumns,
			textUserColumns,
			files: filesOf(manifest).length,
			filesDoneBefore,
			proven: proven ?? null,
			counts: Object.fromEntries(
				manifest.tables.map((table) => [tableName(table), table.rows]),
			),
		},
		lines: [
			`exported ${rows} rows of ${manifest.tables.length} tables, ${size(bytes)}, ${manifest.users?.count ?? 0} users, as of ${manifest.snapshotAt}`,
			...manifest.userColumns
				.filter(({ reason }) => reason === "found by data")
				.map(
					({ schema, table, column }) =>
						`${tableName({ schema, name: table })}.${column} holds user ids though no foreign key says so: it will be rewritten`,
				),
			...textUserColumns.map(
				(name) =>
					`${name} holds user ids as text: it will NOT be rewritten; map it if the new application looks users up by it`,
			),
			...(proven
				? [
						`proven: restored, ${proven.rows} rows of ${proven.tables} tables equal to what was exported, and dropped again, in ${proven.seconds.toFixed(1)} s`,
					]
				: []),
			...(filesDoneBefore > 0
				? [`${filesDoneBefore} files were whole from the run before`]
				: []),
		],
		exitCode: ExitCode.done,
	};
}

async function planExport(options: Options): Promise<Outcome> {
	return withConnection(
		sourceOf(options),
		{ readOnly: true },
		async (client) => {
			const catalog = await readCatalog(client, await readSchemas(client));
			const tables = selectTables(catalog, options.exclude);
			const counts = await countTables(client, tables);
			const rows = Object.values(counts).reduce((sum, n) => sum + n, 0);
			const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
			const users = (await hasAuth(client)) ? await countUsers(client) : {};
			return {
				json: {
					dryRun: true,
					tables: tables.length,
					rows,
					bytes,
					users,
					userColumns: declaredUserColumns(catalog, options.userColumns).map(
						({ schema, table, column }) =>
							`${tableName({ schema, name: table })}.${column}`,
					),
					counts,
				},
				lines: [
					`would export ${rows} rows of ${tables.length} tables, about ${size(bytes)} before compression`,
					...Object.entries(counts).map(([name, n]) => `  ${name}: ${n} rows`),
					`users: ${
						Object.entries(users)
							.map(([kind, n]) => `${n} ${kind}`)
							.join(", ") || "none"
					}`,
				],
				exitCode: ExitCode.done,
			};
		},
	);
}
