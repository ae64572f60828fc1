import { join } from "node:path";
import type { ClientBase } from "pg";
import { createSchema } from "../catalog/ddl";
import type { LeftOut } from "../catalog/left-out";
import { readOffer } from "../catalog/offer";
import { planSchema } from "../catalog/plan/plan";
import { tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import {
	combine,
	digestChunk,
	rewrittenSide,
	type TableDigest,
} from "../digest/table";
import { ExitCode, MigrationError } from "../errors";
import { Progress } from "../progress";
import { ident } from "../sql";
import { ensureUserMap } from "../users/map";
import { importUserMap } from "../users/map-file";
import { analyze } from "./analyze";
import { splitBlocks } from "./chunks";
import { checkFile } from "./files";
import { recordImport } from "./guard";
import {
	type ImportOptions,
	type ImportResult,
	refuseDifference,
	totals,
} from "./import";
import { Lane } from "./lane";
import { loadFile } from "./load";
import {
	catalogTable,
	type ExportedFile,
	type ExportedTable,
	filesOf,
	type Manifest,
} from "./manifest";
import {
	type ChunkRecord,
	chunkDone,
	dropRecord,
	ensureRecord,
	hasRecord,
	readChunk,
	readChunks,
	readStatements,
	statementsOf,
	writeChunks,
	writeStatements,
} from "./record";
import { setSequences } from "./sequences";
import { statementTasks } from "./statements";
import { runTasks, type Task } from "./tasks";

/** About what PostgreSQL's pages hold; only the balance of the parts hangs on it. */
const BLOCK_BYTES = 8192;

/** Of a restore, among a database's advisory locks. */
const LOCK = "hashtextextended('cutover.restore', 0)";

export interface RestoreResult<Checked> extends ImportResult {
	/** null where an earlier run had been checked and this one goes on. */
	readonly checked: Checked | null;
	/** What of the exported schema was not made. */
	readonly leftOut: readonly LeftOut[];
	/** Files that an earlier run had loaded. */
	readonly filesDoneBefore: number;
}

/**
 * Makes an exported database anew in an empty one: the bare tables in one
 * transaction, then files, indexes and keys over several sessions, and every
 * table's digest, which must be the export's. How far it has come is noted on the
 * target: called again after whatever interruption, it goes on with what is missing.
 */
export async function restoreDatabase<Checked>(
	target: DatabaseAddress,
	directory: string,
	manifest: Manifest,
	options: ImportOptions<Checked> & { readonly jobs: number },
): Promise<RestoreResult<Checked>> {
	// A damaged export changes nothing.
	for (const { file, sha256 } of filesOf(manifest))
		await checkFile(join(directory, file), sha256);
	return withConnection(target, { readOnly: false }, async (lead) => {
		await lockOut(lead);
		const made = await makeSchema(lead, directory, manifest, options);
		const lanes = Array.from(
			{ length: options.jobs },
			() => new Lane({ source: target, target }),
		);
		const load = new Load(directory, manifest, await readChunks(lead));
		try {
			const finishing = statementTasks(await readStatements(lead), {
				rows: (table) => load.filling(table),
				allRows: load.tasks,
				bytes: (table) => load.bytesOf(table),
			});
			const proof = new Proof(manifest, options.jobs, load);
			await runTasks(
				[
					...load.tasks,
					...proof.tasks,
					...finishing,
					...load.statistics([...load.tasks, ...finishing]),
				],
				lanes,
			);
			proof.check();
		} finally {
			load.end();
			await Promise.all(lanes.map((lane) => lane.close()));
		}
		await lead.query("BEGIN");
		await setSequences(lead, manifest.sequences, manifest.catalog.sequences);
		await recordImport(lead, manifest, options);
		await dropRecord(lead);
		await lead.query("COMMIT");
		return {
			...{ checked: made.checked, leftOut: made.leftOut },
			...totals(manifest),
			unmappedIds: load.unmappedIds,
			filesDoneBefore: load.doneBefore,
		};
	});
}

async function lockOut(lead: ClientBase): Promise<void> {
	const { rows } = await lead.query<{ locked: boolean }>(
		`SELECT pg_try_advisory_lock(${LOCK}) AS "locked"`,
	);
	if (rows[0]?.locked) return;
	throw new MigrationError(
		{
			expected: "one import at a time",
			found: "another one that fills this database",
			fix: "wait until it has ended",
		},
		ExitCode.refused,
	);
}

/** Makes the bare tables and lays out what is to be done; or finds that it was done. */
async function makeSchema<Checked>(
	lead: ClientBase,
	directory: string,
	manifest: Manifest,
	options: ImportOptions<Checked>,
): Promise<{ checked: Checked | null; leftOut: readonly LeftOut[] }> {
	await lead.query("BEGIN");
	const begun = await hasRecord(lead);
	const offer = await readOffer(lead, manifest.catalog);
	const { definitions, leftOut } = planSchema(manifest.catalog, offer);
	if (begun) {
		refuseOther(manifest, await readChunks(lead));
		await lead.query("COMMIT");
		return { checked: null, leftOut };
	}
	const checked = await options.check(lead);
	await lead.query(createSchema(manifest.catalog, offer));
	await ensureUserMap(lead);
	if (options.withUserMap && manifest.userMap)
		await importUserMap(lead, directory, manifest.userMap);
	await ensureRecord(lead);
	await writeChunks(
		lead,
		manifest.tables.flatMap(({ files }) =>
			files.map((file, number) => recordOf(file, number)),
		),
	);
	await writeStatements(lead, statementsOf(definitions));
	await lead.query("COMMIT");
	return { checked, leftOut };
}

/** A file as the record of a copy names a chunk: its folder tells one export from another. */
function recordOf({ file }: ExportedFile, number: number): ChunkRecord {
	return {
		...{ route: file, number, part: null, filenode: null, from: 0, to: null },
		...{ rows: null, bytes: null, snapshotAt: null },
	};
}

function refuseOther(manifest: Manifest, chunks: readonly ChunkRecord[]): void {
	const files = new Set(
		manifest.tables.flatMap(({ files }) => files.map(({ file }) => file)),
	);
	const same =
		chunks.length === files.size &&
		chunks.every(({ route }) => files.has(route));
	if (same) return;
	throw new MigrationError(
		{
			expected: "an empty database for --create-schema",
			found: "one that another export or a copy has begun to fill",
			fix: "go on with the same export, or make the database anew",
		},
		ExitCode.refused,
	);
}

type TableRef = { readonly schema: string; readonly name: string };

/** The files of one run as tasks. */
class Load {
	readonly tasks: readonly Task<Lane>[];
	readonly doneBefore: number;
	unmappedIds = 0;
	private readonly ofTable = new Map<ExportedTable, readonly Task<Lane>[]>();
	private readonly progress: Progress;

	constructor(
		private readonly directory: string,
		private readonly manifest: Manifest,
		records: readonly ChunkRecord[],
	) {
		const done = new Set(
			records.filter(({ rows }) => rows !== null).map(({ route }) => route),
		);
		const missing = manifest.tables.flatMap(({ files }) =>
			files.filter(({ file }) => !done.has(file)),
		);
		this.doneBefore = done.size;
		this.progress = new Progress(
			"import",
			missing.reduce((sum, { bytes }) => sum + bytes, 0),
		);
		for (const table of manifest.tables)
			this.ofTable.set(
				table,
				table.files
					.map((file, number) => ({ file, number }))
					.filter(({ file }) => missing.includes(file))
					.map(({ file, number }) => ({
						name: `rows of ${tableName(table)}`,
						rank: table.bytes,
						after: [],
						run: (lane) => this.load(lane, table, file, number),
					})),
			);
		this.tasks = [...this.ofTable.values()].flat();
	}

	/** The tasks that bring a table's rows; all, for one that was not exported, as a partition. */
	filling(ref: TableRef): readonly Task<Lane>[] {
		const table = this.find(ref);
		return table ? (this.ofTable.get(table) ?? []) : this.tasks;
	}

	/** The weight of the work on a table, in bytes. */
	bytesOf(ref: TableRef): number {
		return this.find(ref)?.bytes ?? 0;
	}

	statistics(after: readonly Task<Lane>[]): Task<Lane>[] {
		return this.manifest.tables.map((table) => ({
			name: `statistics of ${tableName(table)}`,
			rank: table.bytes,
			after,
			run: (lane) =>
				lane.withRetry(async () => {
					await analyze(await lane.target(), table);
				}),
		}));
	}

	end(): void {
		this.progress.end();
	}

	private find({ schema, name }: TableRef): ExportedTable | undefined {
		return this.manifest.tables.find(
			(table) => table.schema === schema && table.name === name,
		);
	}

	/** Whether a table's rows go in with the transaction that has emptied it. */
	private isFrozen(table: ExportedTable): boolean {
		return (
			table.files.length === 1 &&
			!catalogTable(this.manifest, table).partitioned
		);
	}

	private async load(
		lane: Lane,
		table: ExportedTable,
		file: ExportedFile,
		number: number,
	): Promise<void> {
		this.progress.at(tableName(table));
		const record = recordOf(file, number);
		let seen = 0;
		this.unmappedIds += await lane.withRetry(async (again) => {
			const target = await lane.target();
			if (again && (await readChunk(target, record))) return 0;
			this.progress.add({ bytes: -seen });
			seen = 0;
			const frozen = this.isFrozen(table);
			await target.query(
				frozen
					? `BEGIN; TRUNCATE ONLY ${ident(table.schema, table.name)}`
					: "BEGIN",
			);
			const unmapped = await loadFile(
				target,
				{
					directory: this.directory,
					userColumns: this.manifest.userColumns,
					onBytes: (bytes) => {
						seen += bytes;
						this.progress.add({ bytes });
					},
				},
				table,
				file,
				frozen,
			);
			const { snapshotAt } = this.manifest;
			await target.query(
				`${chunkDone(record, { ...file, snapshotAt })}; COMMIT`,
			);
			return unmapped;
		});
		this.progress.add({ rows: file.rows });
	}
}

/** The digests of the loaded tables, taken while others are still loaded. */
class Proof {
	readonly tasks: readonly Task<Lane>[];
	private readonly found = new Map<ExportedTable, TableDigest[]>();

	constructor(manifest: Manifest, jobs: number, load: Load) {
		this.tasks = manifest.tables.flatMap((exported) => {
			const digests: TableDigest[] = [];
			this.found.set(exported, digests);
			const side = rewrittenSide(
				catalogTable(manifest, exported),
				manifest.userColumns,
			);
			const blocks = Math.ceil(exported.bytes / BLOCK_BYTES);
			const ranges = catalogTable(manifest, exported).partitioned
				? [undefined]
				: splitBlocks({ bytes: exported.bytes, blocks }, jobs);
			return ranges.map((range) => ({
				name: `digest of ${tableName(exported)}`,
				// After all else that could run: nothing waits for a digest.
				rank: -1,
				after: load.filling(exported),
				run: async (lane: Lane) => {
					digests.push(
						await lane.withRetry(async () =>
							digestChunk(await lane.target(), side, range),
						),
					);
				},
			}));
		});
	}

	/** Fails unless every table holds what was exported; call it when all tasks are done. */
	check(): void {
		for (const [exported, digests] of this.found)
			refuseDifference(
				exported,
				combine(digests),
				"make the database anew and import again; check it for event triggers or extensions that change rows",
			);
	}
}
