import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { createSchema, finishSchema } from "../catalog/ddl";
import { describeOthers } from "../catalog/pg-dump";
import { readCatalog } from "../catalog/read";
import { type Table, tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { digestTable, plainSide } from "../digest/table";
import { Progress } from "../progress";
import { fromTable, idents, literal } from "../sql";
import { findUserColumns } from "../users/references";
import { exportUsers, hasAuth } from "../users/source";
import { writeCompressed } from "./files";
import { copiedColumns, copyFormat } from "./format";
import { type ExportedTable, type Manifest, writeManifest } from "./manifest";
import { selectTables } from "./select";
import { readSequences } from "./sequences";

export interface ExportOptions {
	readonly directory: string;
	readonly exclude: readonly string[];
	readonly userColumns: readonly string[];
}

/** Only the owner may list what is in an export. */
const DIRECTORY_MODE = 0o700;

/**
 * Writes one consistent picture of the source into `directory`: every table as a
 * compressed COPY, what the users step needs, the schema, and last the manifest.
 * Two sessions share one snapshot, so writers go on undisturbed. Memory does not
 * grow with the data.
 *
 * The files of an export lie in a folder of their own; an earlier whole export
 * stays valid until the new manifest takes its place.
 */
export async function exportDatabase(
	source: DatabaseAddress,
	options: ExportOptions,
): Promise<Manifest> {
	return withConnection(source, { readOnly: true }, (lead) =>
		withConnection(source, { readOnly: true }, async (second) => {
			const snapshot = await shareSnapshot(lead, second);
			const { catalog } = await describeOthers(await readCatalog(lead), source);
			const tables = selectTables(catalog, options.exclude);
			const folder = `data-${snapshot.at.replace(/[^0-9]/g, "")}`;
			const path = join(options.directory, folder);
			await mkdir(options.directory, { recursive: true, mode: DIRECTORY_MODE });
			await mkdir(path, { mode: DIRECTORY_MODE });
			try {
				const exported = await exportTables([lead, second], tables, path);
				const auth = await hasAuth(lead);
				const manifest: Omit<Manifest, "version"> = {
					server: catalog.server,
					snapshotAt: snapshot.at,
					walPosition: snapshot.walPosition,
					tables: exported.map((table) => ({
						...table,
						file: join(folder, table.file),
					})),
					userColumns: auth
						? await findUserColumns(
								lead,
								{ ...catalog, tables },
								options.userColumns,
							)
						: [],
					users: auth
						? await exportUsers(lead, options.directory, folder)
						: null,
					// No snapshot holds sequences: read last, they cover every exported row.
					sequences: await readSequences(lead, catalog.sequences),
					catalog: { ...catalog, tables },
				};
				await writeFile(
					join(path, "schema.sql"),
					createSchema(manifest.catalog),
				);
				await writeFile(
					join(path, "constraints.sql"),
					finishSchema(manifest.catalog),
				);
				await writeManifest(options.directory, manifest);
				await removeEarlierData(options.directory, folder);
				return { version: 2, ...manifest };
			} catch (error) {
				await rm(path, { recursive: true, force: true });
				throw error;
			}
		}),
	);
}

interface Snapshot {
	readonly at: string;
	readonly walPosition: string;
}

async function shareSnapshot(
	lead: ClientBase,
	second: ClientBase,
): Promise<Snapshot> {
	await lead.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	const { rows } = await lead.query<Snapshot & { id: string }>(`
		SELECT pg_export_snapshot() AS "id",
			to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "at",
			pg_current_wal_insert_lsn()::text AS "walPosition"
	`);
	const [snapshot] = rows;
	if (!snapshot) throw new Error("pg_export_snapshot returned no row");
	await second.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	await second.query(`SET TRANSACTION SNAPSHOT ${literal(snapshot.id)}`);
	return snapshot;
}

/** Copies all tables, the largest first, over the given sessions. */
async function exportTables(
	sessions: readonly ClientBase[],
	tables: readonly Table[],
	directory: string,
): Promise<ExportedTable[]> {
	const queue = [...tables].sort((a, b) => b.bytes - a.bytes);
	const progress = new Progress(
		"export",
		tables.reduce((sum, table) => sum + table.bytes, 0),
	);
	const exported: ExportedTable[] = [];
	try {
		await Promise.all(
			sessions.map(async (session) => {
				for (let table = queue.shift(); table; table = queue.shift())
					exported.push(await exportTable(session, table, directory, progress));
			}),
		);
	} finally {
		// A session that failed ends the other's work at its next table.
		queue.length = 0;
		progress.end();
	}
	const order = (name: string) => tables.findIndex((t) => t.name === name);
	return exported.sort((a, b) => order(a.name) - order(b.name));
}

async function exportTable(
	session: ClientBase,
	table: Table,
	directory: string,
	progress: Progress,
): Promise<ExportedTable> {
	progress.at(tableName(table));
	const columns = copiedColumns(table.columns);
	const format = copyFormat(columns);
	const file = fileName(table);
	const stream = session.query(
		copyTo(
			`COPY (SELECT ${idents(columns.map(({ name }) => name))} FROM ${fromTable(table)}) TO STDOUT (FORMAT ${format})`,
		),
	);
	const sum = await writeCompressed(stream, join(directory, file), (bytes) =>
		progress.add({ bytes }),
	);
	const rows = stream.rowCount ?? 0;
	progress.add({ rows });
	progress.settle(table.bytes, sum.bytes);
	const { rows: counted, digest } = await digestTable(
		session,
		plainSide(table),
	);
	if (counted !== rows)
		throw new Error(
			`${tableName(table)}: copied ${rows} rows, counted ${counted} in the same snapshot`,
		);
	return {
		schema: table.schema,
		name: table.name,
		file,
		format,
		columns: columns.map(({ name }) => name),
		rows,
		...sum,
		digest,
	};
}

/** Table names may hold any character; file names must not. */
function fileName(table: Table): string {
	return `${encodeURIComponent(tableName(table)).replaceAll("*", "%2A")}.copy.gz`;
}

async function removeEarlierData(
	directory: string,
	current: string,
): Promise<void> {
	for (const name of await readdir(directory))
		if (/^data-\d+$/.test(name) && name !== current)
			await rm(join(directory, name), { recursive: true, force: true });
}
