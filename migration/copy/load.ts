import { join } from "node:path";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { ident, idents } from "../sql";
import { isRewritten, type UserRewrite } from "../users/references";
import { otherContent, readCompressed } from "./files";
import type { ExportedFile, ExportedTable } from "./manifest";

/** Where an export lies, and what of it holds user ids. */
export interface Import {
	readonly directory: string;
	readonly userColumns: readonly UserRewrite[];
	readonly onBytes: (bytes: number) => void;
}

/**
 * Loads one file of a table in the caller's transaction, with new user ids for old
 * ones. `freeze` says that this transaction has made or emptied the table.
 *
 * @returns ids in user columns that no migrated user had: left as they are
 */
export async function loadFile(
	client: ClientBase,
	from: Import,
	table: ExportedTable,
	file: ExportedFile,
	freeze: boolean,
): Promise<number> {
	const rewrites = from.userColumns.filter(
		(rewrite) =>
			rewrite.schema === table.schema && rewrite.table === table.name,
	);
	const name = ident(table.schema, table.name);
	if (rewrites.length > 0)
		return loadRewritten(client, from, table, file, rewrites);
	await copyFile(client, from, table, file, name, freeze);
	return 0;
}

async function copyFile(
	client: ClientBase,
	{ directory, onBytes }: Import,
	{ columns, format }: ExportedTable,
	{ file, sha256 }: ExportedFile,
	into: string,
	freeze: boolean,
): Promise<void> {
	const path = join(directory, file);
	const sink = client.query(
		copyFrom(
			`COPY ${into} (${idents(columns)}) FROM STDIN (FORMAT ${format}${freeze ? ", FREEZE" : ""})`,
		),
	);
	const read = await readCompressed(path, sink, onBytes);
	if (read.sha256 !== sha256) throw otherContent(path);
}

/**
 * Loads rows that name users: into a temporary table as exported, then into their
 * place with new ids. An UPDATE afterwards would write every row twice into the
 * table itself and leave it half empty.
 */
async function loadRewritten(
	client: ClientBase,
	from: Import,
	table: ExportedTable,
	file: ExportedFile,
	rewrites: readonly UserRewrite[],
): Promise<number> {
	const columns = idents(table.columns);
	const name = ident(table.schema, table.name);
	await client.query(
		`CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT ${columns} FROM ${name} WITH NO DATA`,
	);
	await copyFile(client, from, table, file, ident("pg_temp", "staged"), true);
	const map = (column: string) =>
		ident(`m${rewrites.findIndex((rewrite) => rewrite.column === column)}`);
	const joins = rewrites.map(
		({ column }) =>
			`LEFT JOIN cutover.user_map ${map(column)} ON ${map(column)}.old_id = ${ident("s", column)}`,
	);
	const values = table.columns.map((column) =>
		isRewritten(rewrites, table, column)
			? `coalesce(${map(column)}.new_id, ${ident("s", column)})`
			: ident("s", column),
	);
	const unmapped = rewrites.map(
		({ column }) =>
			`count(*) FILTER (WHERE ${ident("s", column)} IS NOT NULL AND ${map(column)}.new_id IS NULL)`,
	);
	const { rows } = await client.query<{ unmapped: number }>(
		`SELECT (${unmapped.join(" + ")})::float8 AS "unmapped" FROM pg_temp.staged s ${joins.join(" ")}`,
	);
	await client.query(`
		INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE
		SELECT ${values.join(", ")}
		FROM pg_temp.staged s ${joins.join(" ")}
	`);
	await client.query("DROP TABLE pg_temp.staged");
	return rows[0]?.unmapped ?? 0;
}
