import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import { type Catalog, type Table, tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { digestTable, rewrittenSide, sameDigest } from "../digest/table";
import { ExitCode, MigrationError } from "../errors";
import { Progress } from "../progress";
import { ident } from "../sql";
import { ensureUserMap } from "../users/map";
import { importUserMap } from "../users/map-file";
import { analyze } from "./analyze";
import { withoutChecks } from "./checks";
import { recordImport } from "./guard";
import { loadFile } from "./load";
import {
	catalogTable,
	type ExportedTable,
	type Manifest,
	schemasOf,
} from "./manifest";
import {
	advanceSequence,
	furthestRow,
	servedColumns,
	setSequences,
} from "./sequences";

const LOCK_NOT_AVAILABLE = "55P03";

export interface ImportOptions<Checked> {
	/** Milliseconds. */
	readonly lockTimeout: number;
	/** Also the user map that the export holds. */
	readonly withUserMap: boolean;
	/** May refuse; sees the target before anything is changed. */
	readonly check: (client: ClientBase) => Promise<Checked>;
}

export interface ImportResult {
	readonly tables: number;
	readonly rows: number;
	readonly bytes: number;
	/** Ids in user columns that no migrated user had: left as they are. */
	readonly unmappedIds: number;
}

/**
 * Loads an export into a target that has its tables, in one transaction: all of it
 * is there afterwards, or nothing has changed. No trigger fires, seeded rows give
 * way, old user ids become new ones, and every table's digest must equal the
 * export's before the transaction commits. `check` sees the target locked, so that
 * no row can slip in between its look and the load.
 */
export async function importDatabase<Checked>(
	target: DatabaseAddress,
	directory: string,
	manifest: Manifest,
	options: ImportOptions<Checked>,
): Promise<ImportResult & { checked: Checked }> {
	return withConnection(target, { readOnly: false }, async (client) => {
		await client.query("BEGIN");
		await lockTables(client, manifest, options.lockTimeout);
		const checked = await options.check(client);
		await ensureUserMap(client);
		const catalog = await readCatalog(client, schemasOf(manifest));
		const tables = manifest.tables.map((exported) => ({
			exported,
			table: targetTable(catalog, exported),
		}));
		let unmappedIds = 0;
		await withoutChecks(client, catalog, tables, async () => {
			if (tables.length > 0)
				await client.query(
					`TRUNCATE ${tables.map(({ table }) => ident(table.schema, table.name)).join(", ")}`,
				);
			unmappedIds = await loadTables(client, directory, manifest, tables);
		});
		await setSequences(client, manifest.sequences, catalog.sequences);
		for (const served of servedColumns(catalog, manifest.tables))
			await advanceSequence(
				client,
				served.sequence,
				await furthestRow(client, served),
			);
		if (options.withUserMap && manifest.userMap)
			await importUserMap(client, directory, manifest.userMap);
		await recordImport(client, manifest, options);
		await client.query("COMMIT");
		// Statistics, visibility and the planner's row counts: the first queries
		// of the new system would otherwise plan for empty tables.
		for (const { table } of tables) await analyze(client, table);
		return { checked, ...totals(manifest), unmappedIds };
	});
}

/** What an export holds in all. */
export function totals({ tables }: Manifest) {
	return {
		tables: tables.length,
		rows: sum(tables, ({ rows }) => rows),
		bytes: sum(tables, ({ bytes }) => bytes),
	};
}

/** Fails (exit 3) where a table does not hold what was exported. */
export function refuseDifference(
	exported: ExportedTable,
	found: { readonly rows: number; readonly digest: string },
	fix: string,
): void {
	if (sameDigest(exported, found)) return;
	throw new MigrationError(
		{
			expected: `${tableName(exported)} as exported: ${exported.rows} rows, digest ${exported.digest}`,
			found: `${found.rows} rows, digest ${found.digest} after loading`,
			fix,
		},
		ExitCode.differences,
	);
}

/** Keeps everybody else out of the tables to be loaded, as far as they exist. */
async function lockTables(
	client: ClientBase,
	manifest: Manifest,
	lockTimeout: number,
): Promise<void> {
	const { tables } = await readCatalog(client, schemasOf(manifest));
	const owned = manifest.tables
		.flatMap((exported) => findTable(tables, exported) ?? [])
		.filter(({ owned }) => owned)
		.map(({ schema, name }) => ident(schema, name));
	if (owned.length === 0) return;
	await client.query(`SET LOCAL lock_timeout = ${lockTimeout}`);
	try {
		await client.query(
			`LOCK TABLE ${owned.join(", ")} IN ACCESS EXCLUSIVE MODE`,
		);
	} catch (error) {
		if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
		throw new MigrationError(
			{
				expected: "a target that nobody else uses",
				found: `a session that kept one of its tables for ${lockTimeout / 1000} s`,
				fix: "stop the new application until the import is done, or wait with --lock-timeout",
			},
			ExitCode.refused,
		);
	}
}

interface Pair {
	readonly exported: ExportedTable;
	readonly table: Table;
}

async function loadTables(
	client: ClientBase,
	directory: string,
	manifest: Manifest,
	pairs: readonly Pair[],
): Promise<number> {
	const progress = new Progress("import", totals(manifest).bytes);
	const from = {
		directory,
		userColumns: manifest.userColumns,
		onBytes: (bytes: number) => progress.add({ bytes }),
	};
	let unmapped = 0;
	try {
		for (const { exported, table } of pairs) {
			progress.at(tableName(table));
			for (const file of exported.files) {
				// Truncated by this transaction, so rows may go in frozen.
				unmapped += await loadFile(
					client,
					from,
					exported,
					file,
					!table.partitioned,
				);
				progress.add({ rows: file.rows });
			}
			const { columns } = catalogTable(manifest, exported);
			refuseDifference(
				exported,
				await digestTable(
					client,
					rewrittenSide({ ...table, columns }, manifest.userColumns),
				),
				"nothing has been committed; check the target for rules or defaults that change rows",
			);
		}
	} finally {
		progress.end();
	}
	return unmapped;
}

function targetTable(catalog: Catalog, exported: ExportedTable): Table {
	const table = findTable(catalog.tables, exported);
	if (!table)
		throw new MigrationError({
			expected: `table ${tableName(exported)} on the target`,
			found: "none",
			fix: "let the new application make its schema first, or give --create-schema",
		});
	return table;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
	return items.reduce((total, item) => total + value(item), 0);
}
