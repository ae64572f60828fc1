import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Client } from "pg";
import { type Table, tableName } from "../catalog/types";
import { digestChunk, plainSide, type Side } from "../digest/table";
import { type Route, selectRows } from "../route";
import { Blocks } from "./blocks";
import { inRange } from "./chunks";
import { SUFFIX, writeCompressed } from "./files";
import { beginSnapshot, type Snapshot } from "./lane";
import { divide, type Part } from "./layout";
import { refuseRewritten } from "./live";
import type { ExportedFile } from "./manifest";
import type { ChunkRecord } from "./record";
import { readCopy } from "./relay";

/** A table, or a part of a large or a partitioned one, that becomes one file. */
export interface FilePart {
	readonly chunk: ChunkRecord;
	/** SQL of all rows of which it is a part: altered with the table. */
	readonly of: string;
	/** Name of its file, unlike any other of an export, without folder. */
	readonly file: string;
}

/** A table with how it is divided into files. */
export interface PlannedTable {
	readonly table: Table;
	readonly route: Route;
	readonly parts: readonly FilePart[];
}

/** How a table is exported: into one file or, where it is large or partitioned, several. */
export function fileParts(
	route: Route,
	parts: readonly Part[],
	jobs: number,
): FilePart[] {
	const chunks = divide(route, parts, jobs);
	return chunks.map((chunk) => {
		const number =
			chunks.length > 1 ? `.${String(chunk.number).padStart(4, "0")}` : "";
		return {
			chunk,
			of: selectRows(route, undefined, chunk.part),
			file: `${fileName(route.from)}${number}.copy.${SUFFIX}`,
		};
	});
}

/**
 * Writes a part's rows, as the shared snapshot shows them, into its file, and
 * counts and digests the same rows in the database.
 */
export async function exportPart(
	session: Client,
	snapshot: Snapshot,
	{ table, route }: Pick<PlannedTable, "table" | "route">,
	part: FilePart,
	to: { readonly directory: string; readonly folder: string },
	onBytes: (bytes: number) => void,
): Promise<ExportedFile> {
	const { chunk } = part;
	const file = join(to.folder, part.file);
	const rows = new Blocks();
	const [copied, written] = await Promise.allSettled([
		readCopy(
			session,
			`
			${beginSnapshot(snapshot)};
			COPY (${selectRows(route, inRange(chunk), chunk.part)}) TO STDOUT (FORMAT ${route.format})
			`,
			rows,
		),
		writeCompressed(rows, join(to.directory, file), onBytes),
	]);
	// Each ends the other: the disk's own errors name the call that failed.
	if (written.status === "rejected" && isOfDisk(written.reason))
		throw written.reason;
	if (copied.status === "rejected") throw copied.reason;
	if (written.status === "rejected") throw written.reason;
	const found = await digestChunk(session, sideOf(table, chunk), chunk);
	await refuseRewritten(session, { source: route, ...chunk });
	await session.query("COMMIT");
	if (found.rows !== copied.value.rows)
		throw new Error(
			`${tableName(table)}: copied ${copied.value.rows} rows, counted ${found.rows} in the same snapshot`,
		);
	return { file, ...found, ...written.value };
}

/** All of a table's columns, of the partition that the part reads. */
function sideOf(table: Table, { part }: ChunkRecord): Side {
	const side = plainSide(table);
	return part === null
		? side
		: {
				...side,
				rows: (where?: string) =>
					`FROM ${part} t ${where ? `WHERE ${where}` : ""}`,
			};
}

function isOfDisk(error: unknown): boolean {
	return (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Longest name that file systems take, less what stands behind it. */
const LONGEST_NAME = 200;

/** Table names may hold any character; file names must not, and are short. */
function fileName(table: { readonly schema: string; readonly name: string }) {
	const name = encodeURIComponent(tableName(table)).replaceAll("*", "%2A");
	if (name.length <= LONGEST_NAME) return name;
	const digest = createHash("sha256").update(name).digest("hex").slice(0, 16);
	return `${name.slice(0, LONGEST_NAME - digest.length - 1)}-${digest}`;
}
