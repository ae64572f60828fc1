import { z } from "zod";
import { now } from "./clock";
import { ExitCode, UserError } from "./errors";
import { writeEvidence } from "./evidence";
import { exportedDatabase, exportProven } from "./export";
import { type Machine, onDroplet } from "./machine";
import { mappingOptions } from "./migration-tool";
import { sshTarget } from "./ssh";

/** What a way back of the data needs, in a destroy or by flag. */
export const returnSettings = z.strictObject({
	stack: z.string(),
	ssh: sshTarget,
	/** The cutover image, as it runs on the Droplet. */
	image: z.string(),
	/** As `mappingOptions` takes them. */
	mapping: z.string().optional(),
	acceptRejects: z.array(z.string()),
	/** The new system's. */
	database: exportedDatabase,
	sourceDatabaseUrl: z.string(),
	stackAuth: z.strictObject({
		apiUrl: z.string(),
		projectId: z.string(),
		secretServerKey: z.string(),
	}),
	/**
	 * Seconds that the source stays frozen once its data are back. Absent in a
	 * destroy, which lifts the barrier itself when the names are back.
	 */
	maxFreeze: z.int().positive().optional(),
});

export type ReturnSettings = z.infer<typeof returnSettings>;

/** What a return has brought back. */
export interface ReturnReport {
	/** False where the new system has taken no write since a switch: nothing was done. */
	readonly returned: boolean;
	/** Folder of the proven export on this machine; null where nothing was done. */
	readonly export: string | null;
	/** Users made in the source. */
	readonly newUsers: number;
	/** Rows written to the source, and rows replaced or deleted there. */
	readonly rowsWritten: number;
	readonly rowsDeleted: number;
	/** Rows that have no way back, by table: they are in the export. */
	readonly withoutWayBack: readonly {
		readonly table: string;
		readonly reason: string;
		readonly rows: number;
	}[];
	/** Rows proven equal on both sides. */
	readonly rowsEqual: number;
}

/**
 * Seconds that the new system stays closed after a return by flag: longer than any
 * resolver holds a name that led there (cutover:dnsTtl is 300), so that nobody's write
 * is taken and lost, and no longer than a mended release would wait for.
 */
const closedFor = 3600;

/**
 * Brings what the new system has written since the switch back to the source. By
 * facts: does nothing where the new system's database has no journal for the way
 * back. Run again after it was cut short, it converges. Progress goes to standard
 * error, the report to evidence/STACK/return.json as well.
 *
 * @param machine where the migration runs; a test has another than the Droplet.
 * @throws UserError where a step fails: then the new system takes writes again, the
 *   source is still frozen, and nothing else was changed.
 */
export async function returnToSource(
	settings: ReturnSettings,
	machine: Machine = onDroplet(settings),
): Promise<ReturnReport> {
	const tool = new Tool(settings, machine);
	const { journal } = journalState.parse(
		await tool.both("sync", "--reverse", "--state"),
	);
	if (!journal) return nothingReturned;
	const report = await bringBack(settings, tool, machine).catch(
		async (error: unknown) => {
			throw await openedAgain(tool, error);
		},
	);
	await tool.both("sync", "--reverse", "--remove");
	if (settings.maxFreeze !== undefined)
		await readyAgain(settings.maxFreeze, tool, report);
	await writeEvidence(
		settings.stack,
		"return.json",
		`${JSON.stringify({ at: now().toISOString(), ...report }, null, "\t")}\n`,
	);
	return report;
}

/** All that may fail, and leaves the way back as it stands. */
async function bringBack(
	settings: ReturnSettings,
	tool: Tool,
	machine: Machine,
): Promise<ReturnReport> {
	await tool.onTarget("freeze", "--cancel-writers");
	say("the new system takes no more writes");
	const folder = await exportProven(settings.stack, settings.database, machine);
	say(`its data are exported, and the export restores: ${folder}`);
	const { made } = newUsers.parse(await tool.both("users", "--reverse"));
	for (const { id, email, remarks } of made)
		say(`new user ${[id, email ?? "without address", ...remarks].join(": ")}`);
	const mapping = mappingOptions(settings);
	const replayed = replay.parse(
		await tool.both("sync", "--reverse", "--drain", ...mapping),
	);
	say(
		`${replayed.rowsWritten} rows written to the source, ${replayed.rowsDeleted} replaced or deleted there`,
	);
	const proof = proven.parse(
		await tool.both("verify", "--returned", ...mapping),
	);
	if (!proof.equal) throw notEqual(proof.differences);
	const withoutWayBack = [
		...proof.withoutWayBack,
		...replayed.withoutWayBack.map((stranded) => ({
			...stranded,
			reason:
				"no such table in the old system: rows are in its schema returned",
		})),
	];
	for (const { table, reason, rows } of withoutWayBack)
		say(`${table}: ${rows} rows have no way back: ${reason}`);
	say(`${proof.rows} rows are equal on both sides`);
	return {
		returned: true,
		export: folder,
		newUsers: made.length,
		rowsWritten: replayed.rowsWritten,
		rowsDeleted: replayed.rowsDeleted,
		withoutWayBack,
		rowsEqual: proof.rows,
	};
}

/**
 * Back at the rung of a freeze: the new system equals the source in all, so that a
 * second switch may follow, and the source opens by itself when none does. The data
 * are back by then: where a part of this fails it is said, and the return goes on.
 */
async function readyAgain(
	maxFreeze: number,
	tool: Tool,
	{ withoutWayBack }: ReturnReport,
): Promise<void> {
	const mapping = mappingOptions(tool.settings);
	try {
		await tool.both("sync", "--drain", ...mapping);
		if (withoutWayBack.length > 0)
			await tool.both("verify", "--repair", ...mapping);
	} catch (error) {
		say(
			`the new system is not the source's equal yet: freeze anew before the next switch (${shown(error)})`,
		);
	}
	await tool.onTarget("freeze", "--renew", String(closedFor));
	await tool.both("freeze", "--renew", String(maxFreeze));
	say(`the source takes writes again in ${maxFreeze} s at the latest`);
}

/** The error to throw, after the new system has been opened again. */
async function openedAgain(tool: Tool, error: unknown): Promise<UserError> {
	const opened = await tool.onTarget("unfreeze").then(
		() => "the new system takes writes again",
		(again: unknown) =>
			`the new system IS STILL FROZEN (${shown(again)}): migrate unfreeze opens it`,
	);
	return new UserError(
		{
			expected: "the new system's writes to go back to the source",
			found: shown(error),
			fix: `see to it, then run the same command again; nothing was destroyed or pointed back, the source is still frozen, and ${opened}`,
		},
		ExitCode.refused,
	);
}

function notEqual(differences: Differences): Error {
	const kinds = differences.map(
		({ table, kind, columns }) =>
			`${table}: ${kind}${columns ? ` in ${columns.join(", ")}` : ""}`,
	);
	const named = [...new Set(kinds)].slice(0, 5);
	return new Error(
		`${differences.length} differences between source and target after the replay: ${named.join("; ")}; migrate verify --returned names the rows`,
	);
}

const differences = z.array(
	z.object({
		table: z.string(),
		kind: z.string(),
		columns: z.array(z.string()).optional(),
	}),
);
type Differences = z.infer<typeof differences>;

/** What the migration's commands answer, as far as it matters here. */
const journalState = z.object({ journal: z.boolean() });
const newUsers = z.object({
	made: z.array(
		z.object({
			id: z.string(),
			email: z.string().nullable(),
			remarks: z.array(z.string()),
		}),
	),
});
const stranded = z.array(z.object({ table: z.string(), rows: z.number() }));
const replay = z.object({
	rowsWritten: z.number(),
	rowsDeleted: z.number(),
	/** Of a mapping only. */
	withoutWayBack: stranded.default([]),
});
const proven = z.object({
	equal: z.boolean(),
	rows: z.number(),
	withoutWayBack: z.array(
		z.object({ table: z.string(), reason: z.string(), rows: z.number() }),
	),
	differences,
});

const nothingReturned: ReturnReport = {
	returned: false,
	export: null,
	newUsers: 0,
	rowsWritten: 0,
	rowsDeleted: 0,
	withoutWayBack: [],
	rowsEqual: 0,
};

/** The migration's command line, with both databases or with the new one in the source's place. */
class Tool {
	constructor(
		readonly settings: ReturnSettings,
		private readonly machine: Machine,
	) {}

	async both(...args: string[]): Promise<Record<string, unknown>> {
		const { sourceDatabaseUrl, database, stackAuth } = this.settings;
		return this.run(args, {
			SOURCE_DATABASE_URL: sourceDatabaseUrl,
			TARGET_DATABASE_URL: database.url,
			TARGET_DATABASE_CA: database.ca,
			STACK_AUTH_API_URL: stackAuth.apiUrl,
			STACK_AUTH_PROJECT_ID: stackAuth.projectId,
			STACK_AUTH_SECRET_SERVER_KEY: stackAuth.secretServerKey,
		});
	}

	async onTarget(...args: string[]): Promise<Record<string, unknown>> {
		const { url, ca } = this.settings.database;
		return this.run(args, { SOURCE_DATABASE_URL: url, SOURCE_DATABASE_CA: ca });
	}

	private async run(args: string[], environment: Record<string, string>) {
		const run = { arguments: args, environment };
		return (await this.machine.migrate(run)).result;
	}
}

function shown(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

function say(line: string): void {
	process.stderr.write(`return: ${line}\n`);
}
