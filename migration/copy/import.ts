import { join } from "node:path";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { findTable } from "../catalog/compare";
import { createSchema, finishSchema, leftOut } from "../catalog/ddl";
import type { LeftOut } from "../catalog/left-out";
import { readOffer } from "../catalog/offer";
import { readCatalog } from "../catalog/read";
import { type Catalog, type Table, tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { digestTable, rewrittenSide } from "../digest/table";
import { ExitCode, MigrationError } from "../errors";
import { Progress } from "../progress";
import { ident, idents } from "../sql";
import { ensureUserMap } from "../users/map";
import { isRewritten, type UserRewrite } from "../users/references";
import { analyze } from "./analyze";
import { withoutChecks } from "./checks";
import { readCompressed } from "./files";
import { recordImport } from "./guard";
import { catalogTable, type ExportedTable, type Manifest } from "./manifest";
import { setSequences } from "./sequences";

const LOCK_NOT_AVAILABLE = "55P03";

export interface ImportResult {
	readonly tables: number;
	readonly rows: number;
	readonly bytes: number;
	/** Ids in user columns that no migrated user had: left as they are. */
	readonly unmappedIds: number;
	/** What of the source's schema was not made. */
	readonly leftOut: readonly LeftOut[];
}

/**
 * Loads an export into the target in one transaction: all of it is there
 * afterwards, or nothing has changed. No trigger fires, seeded rows give way, old
 * user ids become new ones, and every table's digest must equal the export's
 * before the transaction commits. `check` may refuse; it sees the target locked,
 * so that no row can slip in between its look and the load.
 */
export async function importDatabase<Checked>(
	target: DatabaseAddress,
	directory: string,
	manifest: Manifest,
	options: {
		readonly createSchema: boolean;
		/** Milliseconds. */
		readonly lockTimeout: number;
		readonly check: (client: ClientBase) => Promise<Checked>;
	},
): Promise<ImportResult & { checked: Checked }> {
	return withConnection(target, { readOnly: false }, async (client) => {
		await client.query("BEGIN");
		await lockTables(client, manifest, options.lockTimeout);
		const checked = await options.check(client);
		await ensureUserMap(client);
		const offer = options.createSchema
			? await readOffer(client, manifest.catalog)
			: undefined;
		if (offer) await client.query(createSchema(manifest.catalog, offer));
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
		if (offer) await client.query(finishSchema(manifest.catalog, offer));
		await setSequences(client, manifest.sequences, catalog.sequences);
		await recordImport(client, manifest);
		await client.query("COMMIT");
		// Statistics, visibility and the planner's row counts: the first queries
		// of the new system would otherwise plan for empty tables.
		for (const { table } of tables)
			await analyze(client, `ANALYZE ${ident(table.schema, table.name)}`);
		return {
			checked,
			tables: tables.length,
			rows: sum(manifest.tables, ({ rows }) => rows),
			bytes: sum(manifest.tables, ({ bytes }) => bytes),
			unmappedIds,
			leftOut: offer ? leftOut(manifest.catalog, offer) : [],
		};
	});
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
	const progress = new Progress(
		"import",
		sum(manifest.tables, ({ bytes }) => bytes),
	);
	let unmapped = 0;
	try {
		for (const { exported, table } of pairs) {
			progress.at(tableName(table));
			const rewrites = manifest.userColumns.filter(
				(rewrite) =>
					rewrite.schema === table.schema && rewrite.table === table.name,
			);
			const load = async (into: string, freeze: boolean) =>
				loadFile(client, join(directory, exported.file), {
					copy: `COPY ${into} (${idents(exported.columns)}) FROM STDIN (FORMAT ${exported.format}${freeze ? ", FREEZE" : ""})`,
					sha256: exported.sha256,
					progress,
				});
			if (rewrites.length === 0)
				// Truncated or created by this transaction, so rows may go in frozen.
				await load(ident(table.schema, table.name), !table.partitioned);
			else
				unmapped += await loadRewritten(
					client,
					exported,
					table,
					rewrites,
					(into) => load(into, true),
				);
			progress.add({ rows: exported.rows });
			await proveEqual(client, manifest, exported, table);
		}
	} finally {
		progress.end();
	}
	return unmapped;
}

async function loadFile(
	client: ClientBase,
	path: string,
	options: { copy: string; sha256: string; progress: Progress },
): Promise<void> {
	const sink = client.query(copyFrom(options.copy));
	const { sha256 } = await readCompressed(path, sink, (bytes) =>
		options.progress.add({ bytes }),
	);
	if (sha256 !== options.sha256)
		throw new MigrationError(
			{
				expected: `${path} as it was exported`,
				found: "other content (sha256 differs from the manifest's)",
				fix: "run export again; the target is unchanged",
			},
			ExitCode.failure,
		);
}

/**
 * Loads a table that names users: into a temporary table as exported, then into
 * its place with new ids. An UPDATE afterwards would write every row twice into
 * the table itself and leave it half empty.
 */
async function loadRewritten(
	client: ClientBase,
	exported: ExportedTable,
	table: Table,
	rewrites: readonly UserRewrite[],
	load: (into: string) => Promise<void>,
): Promise<number> {
	const columns = idents(exported.columns);
	const name = ident(table.schema, table.name);
	await client.query(
		`CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT ${columns} FROM ${name} WITH NO DATA`,
	);
	await load(ident("pg_temp", "staged"));
	const map = (column: string) =>
		ident(`m${rewrites.findIndex((rewrite) => rewrite.column === column)}`);
	const joins = rewrites.map(
		({ column }) =>
			`LEFT JOIN cutover.user_map ${map(column)} ON ${map(column)}.old_id = ${ident("s", column)}`,
	);
	const values = exported.columns.map((column) =>
		isRewritten(rewrites, table, column)
			? `coalesce(${map(column)}.new_id, ${ident("s", column)})`
			: ident("s", column),
	);
	const unmapped = rewrites.map(
		({ column }) =>
			`count(*) FILTER (WHERE ${ident("s", column)} IS NOT NULL AND ${map(column)}.new_id IS NULL)`,
	);
	const { rows } = await client.query<{ unmapped: string }>(
		`SELECT (${unmapped.join(" + ")})::text AS "unmapped" FROM pg_temp.staged s ${joins.join(" ")}`,
	);
	await client.query(`
		INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE
		SELECT ${values.join(", ")}
		FROM pg_temp.staged s ${joins.join(" ")}
	`);
	await client.query("DROP TABLE pg_temp.staged");
	return Number(rows[0]?.unmapped);
}

async function proveEqual(
	client: ClientBase,
	manifest: Manifest,
	exported: ExportedTable,
	table: Table,
): Promise<void> {
	const columns = catalogTable(manifest, exported).columns;
	const found = await digestTable(
		client,
		rewrittenSide({ ...table, columns }, manifest.userColumns),
	);
	if (found.rows !== exported.rows || found.digest !== exported.digest)
		throw new MigrationError(
			{
				expected: `${tableName(table)} as exported: ${exported.rows} rows, digest ${exported.digest}`,
				found: `${found.rows} rows, digest ${found.digest} after loading`,
				fix: "nothing has been committed; check the target for rules or defaults that change rows",
			},
			ExitCode.differences,
		);
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

function schemasOf(manifest: Manifest): string[] {
	return [
		...new Set(["public", ...manifest.tables.map(({ schema }) => schema)]),
	];
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
	return items.reduce((total, item) => total + value(item), 0);
}
