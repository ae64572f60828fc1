import type { ClientBase } from "pg";
import { type Definition, PHASES, type Phase } from "../catalog/definitions";
import { literal, relationExists } from "../sql";
import type { BlockRange } from "./chunks";

/**
 * How far a copy has come, on the target: each line is written in the transaction
 * that does what it says, so a copy that was cut short goes on exactly where it
 * stood.
 */
const CREATE_RECORD = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.copy_chunk (
		route text NOT NULL,
		number integer NOT NULL,
		part text,
		from_block bigint NOT NULL,
		to_block bigint,
		filenode bigint,
		rows bigint,
		bytes bigint,
		snapshot_at text,
		done_at timestamptz,
		PRIMARY KEY (route, number)
	);
	CREATE TABLE IF NOT EXISTS cutover.copy_statement (
		position integer PRIMARY KEY,
		phase text NOT NULL,
		schema_name text NOT NULL,
		table_name text NOT NULL,
		sql text NOT NULL,
		done_at timestamptz
	);
`;

/** A part of a route, and what became of it. */
export interface ChunkRecord extends BlockRange {
	readonly route: string;
	readonly number: number;
	/** The partition that is read, qualified and quoted; null for a table without. */
	readonly part: string | null;
	/** The table's file when the chunks were laid out: a rewrite moves all rows. */
	readonly filenode: number | null;
	/** Rows and bytes copied; null while it is not done. */
	readonly rows: number | null;
	readonly bytes: number | null;
	/** The snapshot that it was read in. */
	readonly snapshotAt: string | null;
}

/** A statement that makes what was not there, or was taken away, during the copy. */
export interface StatementRecord {
	readonly position: number;
	readonly phase: Phase;
	readonly schema: string;
	readonly table: string;
	readonly sql: string;
	readonly done: boolean;
}

/** Makes the record's tables where they are missing. */
export async function ensureRecord(target: ClientBase): Promise<void> {
	await target.query(CREATE_RECORD);
}

/** Whether a copy has begun on this target and was not wound up. */
export async function hasRecord(target: ClientBase): Promise<boolean> {
	return relationExists(target, "cutover.copy_chunk");
}

/** Removes the record of a copy that is over. */
export async function dropRecord(target: ClientBase): Promise<void> {
	await target.query(
		"DROP TABLE IF EXISTS cutover.copy_chunk, cutover.copy_statement",
	);
}

export async function readChunks(target: ClientBase): Promise<ChunkRecord[]> {
	const { rows } = await target.query<ChunkRecord>(`
		SELECT route, number, part, from_block::float8 AS "from", to_block::float8 AS "to",
			filenode::float8 AS "filenode", rows::float8 AS "rows", bytes::float8 AS "bytes",
			snapshot_at AS "snapshotAt"
		FROM cutover.copy_chunk
		ORDER BY route, number
	`);
	return rows;
}

/** What a chunk brought; undefined while it is not done. */
export async function readChunk(
	target: ClientBase,
	{ route, number }: ChunkRecord,
): Promise<{ rows: number; bytes: number } | undefined> {
	const { rows } = await target.query(
		`
		SELECT rows::float8 AS "rows", bytes::float8 AS "bytes" FROM cutover.copy_chunk
		WHERE route = $1 AND number = $2 AND done_at IS NOT NULL
		`,
		[route, number],
	);
	return rows[0];
}

/** Notes how the routes are divided. */
export async function writeChunks(
	target: ClientBase,
	chunks: readonly ChunkRecord[],
): Promise<void> {
	await target.query(
		`
		INSERT INTO cutover.copy_chunk (route, number, part, from_block, to_block, filenode)
		SELECT route, number, part, "from", "to", filenode
		FROM jsonb_to_recordset($1) AS c (route text, number integer, part text, "from" bigint, "to" bigint, filenode bigint)
		`,
		[JSON.stringify(chunks)],
	);
}

/** SQL that notes a chunk as done, for the transaction that brings its rows. */
export function chunkDone(
	{ route, number }: ChunkRecord,
	copied: {
		readonly rows: number;
		readonly bytes: number;
		readonly snapshotAt: string;
	},
): string {
	return `
		UPDATE cutover.copy_chunk
		SET rows = ${copied.rows}, bytes = ${copied.bytes},
			snapshot_at = ${literal(copied.snapshotAt)}, done_at = clock_timestamp()
		WHERE route = ${literal(route)} AND number = ${number}
	`;
}

export async function readStatements(
	target: ClientBase,
): Promise<StatementRecord[]> {
	const { rows } = await target.query<StatementRecord>(`
		SELECT position, phase, schema_name AS "schema", table_name AS "table", sql,
			done_at IS NOT NULL AS "done"
		FROM cutover.copy_statement
		ORDER BY position
	`);
	return rows.filter(({ phase }) => PHASES.includes(phase));
}

export type NewStatement = Omit<StatementRecord, "position" | "done">;

/** The statements of definitions, in their order. */
export function statementsOf(
	definitions: readonly Definition[],
): NewStatement[] {
	return definitions.flatMap(({ schema, table, statements }) =>
		statements.map(({ phase, sql }) => ({ phase, schema, table, sql })),
	);
}

/** Notes what is to be made once rows are in. */
export async function writeStatements(
	target: ClientBase,
	statements: readonly NewStatement[],
): Promise<void> {
	await target.query(
		`
		INSERT INTO cutover.copy_statement (position, phase, schema_name, table_name, sql)
		SELECT row_number() OVER (), s ->> 'phase', s ->> 'schema', s ->> 'table', s ->> 'sql'
		FROM jsonb_array_elements($1) WITH ORDINALITY AS e (s, at)
		ORDER BY at
		`,
		[JSON.stringify(statements)],
	);
}

/** SQL that notes a statement as carried out, for the transaction that does. */
export function statementDone({ position }: StatementRecord): string {
	return `UPDATE cutover.copy_statement SET done_at = clock_timestamp() WHERE position = ${position}`;
}
