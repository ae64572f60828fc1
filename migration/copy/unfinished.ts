import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { Catalog } from "../catalog/types";
import { ExitCode, MigrationError } from "../errors";
import { BARRIER_TRIGGER } from "../freeze/record";
import { ident, relationExists } from "../sql";
import { fileDigest } from "./files";
import type { ExportedFile } from "./manifest";
import type { FilePart, PlannedTable } from "./parts";

/**
 * What an export of a frozen source has on disk beside its data until it is whole:
 * how it divides the tables, and a line for each file that is whole.
 */
const HEADER = "unfinished.json";
const LINES = "finished.jsonl";

const FILE_MODE = 0o600;

interface Header {
	readonly frozen: FrozenState;
	/** By qualified and quoted table names. */
	readonly parts: Readonly<Record<string, readonly FilePart[]>>;
}

/** A freeze of a source, unlike any other of that database. */
export interface FrozenState {
	readonly database: string;
	readonly frozenAt: string;
	readonly walPosition: string;
}

/** An export that can be taken up: how it is divided, and which files are whole. */
export interface Unfinished {
	readonly folder: string;
	readonly parts: Header["parts"];
	/** By the name of their part's file. */
	readonly files: ReadonlyMap<string, ExportedFile>;
}

/**
 * The freeze that the session's snapshot sees, if any: its barrier stood, and all
 * writers were through, before the snapshot was taken. Only then do files of one
 * snapshot fit to those of a later one.
 */
export async function frozenState(
	client: ClientBase,
): Promise<FrozenState | null> {
	if (!(await relationExists(client, "cutover.freeze"))) return null;
	const { rows } = await client.query<FrozenState>(`
		SELECT current_database() AS "database", frozen_at::text AS "frozenAt",
			wal_position::text AS "walPosition"
		FROM cutover.freeze WHERE until IS NULL OR until > clock_timestamp()
	`);
	return rows[0] ?? null;
}

/** Begins to keep account, so that the export can be taken up. */
export async function beginAccount(
	path: string,
	frozen: FrozenState,
	plan: {
		readonly planned: readonly PlannedTable[];
		readonly files: ReadonlyMap<string, ExportedFile>;
	},
): Promise<void> {
	const header: Header = {
		frozen,
		parts: Object.fromEntries(
			plan.planned.map(({ table, parts }) => [
				ident(table.schema, table.name),
				parts,
			]),
		),
	};
	const lines = [...plan.files].map(([part, file]) => line(part, file));
	await writeFile(join(path, LINES), lines.join(""), { mode: FILE_MODE });
	await writeFile(join(path, HEADER), JSON.stringify(header), {
		mode: FILE_MODE,
		flush: true,
	});
}

/** Notes a file that has reached the disk. */
export async function noteFinished(
	path: string,
	part: FilePart,
	file: ExportedFile,
): Promise<void> {
	await appendFile(join(path, LINES), line(part.file, file), { flush: true });
}

/** Ends the account of an export that is whole. */
export async function endAccount(path: string): Promise<void> {
	for (const name of [HEADER, LINES])
		await rm(join(path, name), { force: true });
}

/**
 * Finds the export in `directory` that was cut short. Refuses (exit 4) where the
 * source was not frozen all the time since it began: what is missing would be of
 * another moment than what is there.
 */
export async function findUnfinished(
	directory: string,
	frozen: FrozenState | null,
): Promise<Unfinished | null> {
	const folders = (await readdir(directory)).filter((name) =>
		/^data-\d+$/.test(name),
	);
	for (const folder of folders.sort().reverse()) {
		const path = join(directory, folder);
		const text = await readFile(join(path, HEADER), "utf8").catch(() => null);
		if (text === null) continue;
		const header = JSON.parse(text) as Header;
		if (JSON.stringify(header.frozen) === JSON.stringify(frozen))
			return { folder, parts: header.parts, files: await readLines(path) };
		throw new MigrationError(
			{
				expected: `the freeze of ${header.frozen.frozenAt}, under which the export in ${path} was begun, to last`,
				found: frozen
					? `one of ${frozen.frozenAt}`
					: "a source that is not frozen",
				fix: "export without --resume: it begins anew",
			},
			ExitCode.refused,
		);
	}
	return null;
}

/**
 * What can be kept of an export that was cut short, and how each table is divided
 * then: the whole files of tables that the barrier closes, whose place on disk and
 * columns are the same, and whose content is still what was written.
 */
export async function stillWhole(
	directory: string,
	{ folder, parts: before, files }: Unfinished,
	planned: readonly PlannedTable[],
	catalog: Pick<Catalog, "triggers">,
): Promise<{
	planned: PlannedTable[];
	files: Map<string, ExportedFile>;
}> {
	const closed = new Set(
		catalog.triggers
			.filter(
				({ name, enabled }) => name === BARRIER_TRIGGER && enabled === "A",
			)
			.map(({ schema, table }) => ident(schema, table)),
	);
	const kept = new Map<string, ExportedFile>();
	const result: PlannedTable[] = [];
	for (const table of planned) {
		const name = ident(table.table.schema, table.table.name);
		const parts = before[name] ?? [];
		const same = closed.has(name) && samePlace(parts, table.parts);
		result.push(same ? { ...table, parts } : table);
		if (!same) continue;
		for (const { file } of parts) {
			const whole = files.get(file);
			if (!whole) continue;
			const path = join(directory, folder, file);
			const digest = await fileDigest(path).catch(() => null);
			if (digest === whole.sha256) kept.set(file, whole);
		}
	}
	return { planned: result, files: kept };
}

/** Whether both read the same columns of the same files on the server's disk. */
function samePlace(
	before: readonly FilePart[],
	now: readonly FilePart[],
): boolean {
	const place = (parts: readonly FilePart[]) =>
		[
			...new Set(
				parts.map(({ chunk, of }) => JSON.stringify([of, chunk.filenode])),
			),
		]
			.sort()
			.join();
	return before.length > 0 && place(before) === place(now);
}

function line(part: string, file: ExportedFile): string {
	return `${JSON.stringify({ part, ...file })}\n`;
}

/** A line that a crash cut is none. */
async function readLines(path: string): Promise<Map<string, ExportedFile>> {
	const text = await readFile(join(path, LINES), "utf8").catch(() => "");
	const files = new Map<string, ExportedFile>();
	for (const entry of text.split("\n")) {
		try {
			const { part, ...file } = JSON.parse(entry) as {
				part: string;
			} & ExportedFile;
			files.set(part, file);
		} catch {
			// The last one, half written.
		}
	}
	return files;
}
