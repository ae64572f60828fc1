import { access, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Catalog, Table } from "../catalog/types";
import { MigrationError } from "../errors";
import type { UserRewrite } from "../users/references";
import type { FileSum } from "./files";
import type { CopyFormat } from "./format";

/** Raised when a reader of an older export could not make sense of a new one. */
const MANIFEST_VERSION = 3;

/**
 * What an export directory holds. Written last and renamed into place, so that a
 * directory with a manifest is whole and one without never is.
 */
export interface Manifest {
	readonly version: number;
	readonly server: { readonly versionText: string; readonly database: string };
	/** Time at which the snapshot was taken, by the server's clock. */
	readonly snapshotAt: string;
	/** WAL position just after the snapshot was taken. */
	readonly walPosition: string;
	readonly tables: readonly ExportedTable[];
	readonly sequences: readonly SequenceValue[];
	readonly userColumns: readonly UserRewrite[];
	/** null where the exported database has no auth.users. */
	readonly users: ExportedLines | null;
	/**
	 * Of an export of the new system: which of its user ids stands for which of the
	 * old system's, and in which columns. null where the database has no such map.
	 */
	readonly userMap:
		| (ExportedLines & { readonly columns: readonly UserRewrite[] })
		| null;
	/** The whole catalog, from which `import --create-schema` makes the tables. */
	readonly catalog: Catalog;
}

/** A compressed file with one JSON object a line. */
export interface ExportedLines extends FileSum {
	readonly file: string;
	readonly count: number;
}

export interface ExportedTable {
	readonly schema: string;
	readonly name: string;
	readonly format: CopyFormat;
	/** Names of the columns in the files, in their order. */
	readonly columns: readonly string[];
	readonly rows: number;
	/** Before compression. */
	readonly bytes: number;
	/** Of all rows: the sum of the files' digests. */
	readonly digest: string;
	/** The table's rows, each in one of the files; several where the table is large. */
	readonly files: readonly ExportedFile[];
}

/** A compressed COPY of a table or of a part of it. */
export interface ExportedFile extends FileSum {
	readonly file: string;
	readonly rows: number;
	readonly digest: string;
}

export interface SequenceValue {
	readonly schema: string;
	readonly name: string;
	readonly ownedBy: { readonly table: string; readonly column: string } | null;
	/** bigint as text. */
	readonly lastValue: string;
	readonly isCalled: boolean;
}

const FILE = "manifest.json";

/** Writes the manifest, which makes the export whole. */
export async function writeManifest(
	directory: string,
	contents: Omit<Manifest, "version">,
): Promise<Manifest> {
	const manifest = { version: MANIFEST_VERSION, ...contents };
	const path = join(directory, FILE);
	await writeFile(`${path}.part`, `${JSON.stringify(manifest, null, "\t")}\n`, {
		flush: true,
	});
	await rename(`${path}.part`, path);
	return manifest;
}

/** Whether the directory holds a whole export. */
export async function hasManifest(directory: string): Promise<boolean> {
	return access(join(directory, FILE)).then(
		() => true,
		() => false,
	);
}

/** Reads the manifest of a whole export, else says what is wrong with it. */
export async function readManifest(directory: string): Promise<Manifest> {
	let text: string;
	try {
		text = await readFile(join(directory, FILE), "utf8");
	} catch {
		throw new MigrationError({
			expected: `a whole export in ${directory}`,
			found: `no ${FILE}, which is written last: there is no export, or it was cut short`,
			fix: "run export again",
		});
	}
	const manifest = JSON.parse(text) as Manifest;
	if (manifest.version !== MANIFEST_VERSION)
		throw new MigrationError({
			expected: `an export of format ${MANIFEST_VERSION}`,
			found: `format ${manifest.version} in ${directory}`,
			fix: "run export again with this release",
		});
	return manifest;
}

/** All data files of an export, with their digests. */
export function filesOf({
	tables,
	users,
	userMap,
}: Manifest): { readonly file: string; readonly sha256: string }[] {
	return [
		...tables.flatMap(({ files }) => files),
		...(users ? [users] : []),
		...(userMap ? [userMap] : []),
	];
}

/** The schemas of what an export holds, and the one that is always there. */
export function schemasOf({ tables, catalog }: Manifest): string[] {
	const parts = [...tables, ...catalog.enums, ...catalog.sequences];
	return [...new Set(["public", ...parts.map(({ schema }) => schema)])];
}

/** The exported table as the catalog describes it. */
export function catalogTable(
	manifest: Manifest,
	exported: Pick<ExportedTable, "schema" | "name">,
): Table {
	const table = manifest.catalog.tables.find(
		({ schema, name }) => schema === exported.schema && name === exported.name,
	);
	if (!table)
		throw new Error(
			`the manifest's catalog lacks ${exported.schema}.${exported.name}`,
		);
	return table;
}
