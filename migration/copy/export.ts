import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Client, ClientBase } from "pg";
import { createSchema, finishSchema } from "../catalog/ddl";
import { tryMaintenance } from "../catalog/maintenance";
import { describeOthers } from "../catalog/pg-dump";
import { readSchemas } from "../catalog/schemas";
import { tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { combine } from "../digest/table";
import { ExitCode, MigrationError } from "../errors";
import { readMeantCatalog } from "../follow/meant";
import { Progress } from "../progress";
import { sameShape } from "../route";
import { exportUserMap } from "../users/map-file";
import { findTextUserColumns, findUserColumns } from "../users/references";
import { exportUsers, hasAuth } from "../users/source";
import {
	exportSnapshot,
	Lane,
	readSnapshot,
	releasingLocks,
	type Snapshot,
} from "./lane";
import { readParts } from "./layout";
import {
	type ExportedFile,
	type ExportedTable,
	type Manifest,
	writeManifest,
} from "./manifest";
import {
	exportPart,
	type FilePart,
	fileParts,
	type PlannedTable,
} from "./parts";
import { selectTables } from "./select";
import { readSequences } from "./sequences";
import { runTasks, type Task } from "./tasks";
import {
	beginAccount,
	endAccount,
	findUnfinished,
	frozenState,
	noteFinished,
	stillWhole,
} from "./unfinished";

export interface ExportOptions {
	readonly directory: string;
	readonly exclude: readonly string[];
	readonly userColumns: readonly string[];
	/** Files at a time. */
	readonly jobs: number;
	/** Milliseconds to wait where a sync's tables have to be locked for a look. */
	readonly lockTimeout: number;
	/** Take up an export of the same frozen source that was cut short. */
	readonly resume: boolean;
}

export interface ExportResult {
	readonly manifest: Manifest;
	/** Files that an earlier run had written. */
	readonly filesDoneBefore: number;
	/** Text columns that hold user ids: nothing rewrites them. */
	readonly textUserColumns: readonly string[];
}

/** Only the owner may list what is in an export. */
const DIRECTORY_MODE = 0o700;

/** What PostgreSQL up to 16, and from 17 on, says of a snapshot whose session is gone. */
const SNAPSHOT_GONE = ["22023", "42704"];

/**
 * Writes one consistent picture of the source into `directory`: every table as
 * compressed COPYs, what the users step needs, the schema, and last the manifest.
 * All sessions share one snapshot, so writers go on undisturbed. Memory does not
 * grow with the data. A session that is lost is replaced, and its file begun anew.
 *
 * The files of an export lie in a folder of their own; an earlier whole export
 * stays valid until the new manifest takes its place. Where the source is frozen,
 * an export that was cut short leaves what it has, for `resume`: nothing can have
 * been written since, so its whole files fit to those of a later snapshot.
 */
export async function exportDatabase(
	source: DatabaseAddress,
	options: ExportOptions,
): Promise<ExportResult> {
	const { directory, jobs } = options;
	return withConnection(source, { readOnly: true }, async (lead) => {
		const snapshot = await exportSnapshot(lead);
		const walPosition = await readWalPosition(lead);
		const frozen = await frozenState(lead);
		// A lock of the session that keeps the snapshot would last as long as that.
		const { catalog, routes, parts } = await releasingLocks(lead, () =>
			planTables(source, lead, options),
		);

		await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
		const unfinished = options.resume
			? await findUnfinished(directory, frozen)
			: null;
		const folder =
			unfinished?.folder ?? `data-${snapshot.at.replace(/\D/g, "")}`;
		const path = join(directory, folder);
		await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
		const planned = [...routes].map(([table, route]) => ({
			...{ table, route },
			parts: fileParts(route, parts.get(route) ?? [], jobs),
		}));
		const before = unfinished
			? await stillWhole(directory, unfinished, planned, catalog)
			: { planned, files: new Map<string, ExportedFile>() };
		if (frozen) await beginAccount(path, frozen, before);

		const lanes = Array.from(
			{ length: jobs },
			() => new Lane({ source, target: source }),
		);
		try {
			const files = new Files(snapshot, { directory, folder }, before, {
				onWhole: async (part, file) => {
					if (frozen) await noteFinished(path, part, file);
				},
			});
			const rest = new Rest(snapshot);
			const users = rest.add("users", async (session) =>
				(await hasAuth(session))
					? exportUsers(session, directory, folder)
					: null,
			);
			const userColumns = rest.add(
				"columns that name users",
				async (session) =>
					(await hasAuth(session))
						? findUserColumns(session, catalog, options.userColumns)
						: [],
			);
			const textUserColumns = rest.add(
				"text that names users",
				async (session) =>
					(await hasAuth(session)) ? findTextUserColumns(session, catalog) : [],
			);
			const userMap = rest.add("user map", (session) =>
				exportUserMap(session, directory, folder),
			);
			try {
				await runTasks([...rest.tasks, ...files.tasks], lanes);
			} finally {
				files.end();
			}
			await writeFile(join(path, "schema.sql"), createSchema(catalog));
			await writeFile(join(path, "constraints.sql"), finishSchema(catalog));
			const manifest = await writeManifest(directory, {
				server: catalog.server,
				snapshotAt: snapshot.at,
				walPosition,
				tables: files.tables(),
				// No snapshot holds sequences: read last, they cover every exported row.
				sequences: await readSequences(lead, catalog.sequences),
				userColumns: userColumns(),
				users: users(),
				userMap: userMap(),
				catalog,
			});
			await endAccount(path);
			await removeEarlierData(directory, folder);
			return {
				manifest,
				filesDoneBefore: before.files.size,
				textUserColumns: textUserColumns(),
			};
		} catch (error) {
			if (!frozen) await rm(path, { recursive: true, force: true });
			throw snapshotLost(error) ?? error;
		} finally {
			await Promise.all(lanes.map((lane) => lane.close()));
		}
	});
}

/** What is exported: the catalog as it is meant to be, and the parts of every table. */
async function planTables(
	source: DatabaseAddress,
	lead: Client,
	{ exclude, lockTimeout }: ExportOptions,
) {
	const { catalog: found } = await describeOthers(
		await tryMaintenance(
			await readMeantCatalog(
				source,
				lead,
				await readSchemas(lead),
				lockTimeout,
			),
			source,
		),
		source,
	);
	const catalog = { ...found, tables: selectTables(found, exclude) };
	const routes = new Map(
		catalog.tables.map((table) => [table, sameShape(table)]),
	);
	return {
		catalog,
		routes,
		parts: await readParts(lead, [...routes.values()]),
	};
}

/** The files of one run as tasks, with what has come of them. */
class Files {
	readonly tasks: readonly Task<Lane>[];
	private readonly whole: Map<string, ExportedFile>;
	private readonly progress: Progress;

	constructor(
		private readonly snapshot: Snapshot,
		private readonly to: {
			readonly directory: string;
			readonly folder: string;
		},
		private readonly plan: {
			readonly planned: readonly PlannedTable[];
			readonly files: ReadonlyMap<string, ExportedFile>;
		},
		private readonly on: {
			readonly onWhole: (part: FilePart, file: ExportedFile) => Promise<void>;
		},
	) {
		this.whole = new Map(plan.files);
		const missing = plan.planned.flatMap((planned) =>
			planned.parts
				.filter(({ file }) => !this.whole.has(file))
				.map((part) => ({ planned, part })),
		);
		this.progress = new Progress(
			"export",
			missing.reduce((sum, { planned }) => sum + share(planned), 0),
		);
		this.tasks = missing.map(({ planned, part }) => ({
			name: `rows of ${tableName(planned.table)}`,
			rank: planned.table.bytes,
			after: [],
			run: (lane) => this.write(lane, planned, part),
		}));
	}

	/** What all files hold, by table; call it when all tasks are done. */
	tables(): ExportedTable[] {
		return this.plan.planned.map(({ table, route, parts }) => {
			const files = parts.flatMap(({ file }) => this.whole.get(file) ?? []);
			return {
				schema: table.schema,
				name: table.name,
				format: route.format,
				columns: route.columns.map(({ column }) => column.name),
				bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
				...combine(files),
				files,
			};
		});
	}

	end(): void {
		this.progress.end();
	}

	private async write(
		lane: Lane,
		planned: PlannedTable,
		part: FilePart,
	): Promise<void> {
		this.progress.at(tableName(planned.table));
		let seen = 0;
		const file = await lane.withRetry(async () => {
			this.progress.add({ bytes: -seen });
			seen = 0;
			return exportPart(
				await lane.source(),
				this.snapshot,
				planned,
				part,
				this.to,
				(bytes) => {
					seen += bytes;
					this.progress.add({ bytes });
				},
			);
		});
		this.whole.set(part.file, file);
		await this.on.onWhole(part, file);
		this.progress.add({ rows: file.rows });
		this.progress.settle(share(planned), file.bytes);
	}
}

/** What else is read in the snapshot, as tasks. */
class Rest {
	readonly tasks: Task<Lane>[] = [];

	constructor(private readonly snapshot: Snapshot) {}

	/** Gives a function that gives the result, once the task is done. */
	add<T>(name: string, read: (session: Client) => Promise<T>): () => T {
		let done: { readonly value: T } | undefined;
		this.tasks.push({
			name,
			// Before all files: they may take as long as the largest.
			rank: Number.POSITIVE_INFINITY,
			after: [],
			run: (lane) =>
				lane.withRetry(async () => {
					const session = await lane.source();
					done = {
						value: await readSnapshot(session, this.snapshot, () =>
							read(session),
						),
					};
				}),
		});
		return () => {
			if (!done) throw new Error(`${name} was not read`);
			return done.value;
		};
	}
}

/** What a part is expected to weigh, for the progress. */
function share({ table, parts }: PlannedTable): number {
	return table.bytes / parts.length;
}

async function readWalPosition(client: ClientBase): Promise<string> {
	const { rows } = await client.query<{ position: string }>(
		`SELECT pg_current_wal_insert_lsn()::text AS "position"`,
	);
	return rows[0]?.position ?? "";
}

function snapshotLost(error: unknown): MigrationError | undefined {
	const { code, message = "" } = error as { code?: string; message?: string };
	if (!SNAPSHOT_GONE.includes(code ?? "") || !message.includes("snapshot"))
		return undefined;
	return new MigrationError(
		{
			expected: "the session that holds the source's snapshot to stay",
			found: "that it was lost, and the snapshot with it",
			fix: "run export again; with --resume, if the source is frozen",
		},
		ExitCode.failure,
	);
}

async function removeEarlierData(
	directory: string,
	current: string,
): Promise<void> {
	for (const name of await readdir(directory))
		if (/^data-\d+$/.test(name) && basename(name) !== current)
			await rm(join(directory, name), { recursive: true, force: true });
}
