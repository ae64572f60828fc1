import type { Client } from "pg";
import { tableName } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { endLeftovers } from "../copy/lane";
import {
	dropRecord,
	hasRecord,
	readChunks,
	readStatements,
	statementDone,
} from "../copy/record";
import { dropGuard } from "../digest/guard";
import { ExitCode, MigrationError } from "../errors";
import { dropEmptySchema, unfreeze } from "../freeze/barrier";
import { removeJournal } from "../journal/remove";
import type { Pair } from "./pair";
import { dropState, isDrained } from "./state";
import { restoreChecks } from "./suspend";
import { type Direction, validateAll } from "./sync";
import {
	emptyWatched,
	endWatch,
	readWatched,
	type Watched,
	watchAnew,
} from "./watch";

/** What became of a sync that was taken back. */
export interface Removed {
	/** The tables that were followed, by name. */
	readonly followed: readonly string[];
	/** The tables that had been filled, with who else has written to them. */
	readonly left: readonly Watched[];
}

/**
 * Takes away journal and state on both sides, first what the side that is read has of
 * it; rows stay, with a note by which the next sync knows them as its own. What a copy
 * had taken away or not made yet is made, over no rows where it was cut short; what
 * was suspended is put back. Cut short itself, it goes on when called again.
 */
export async function removeSync(
	pair: Pair,
	direction: Direction,
	lockTimeout: number,
): Promise<Removed> {
	const { read, write } = await pair.open();
	const there = pair.addresses.write;
	await endLeftovers(write);
	const returned = direction === "back" && (await isDrained(write));
	const followed = await removeJournal(pair.addresses.read, read, lockTimeout);
	if (direction === "forward") {
		// A return may have left it closed; whatever fills it next has no pass.
		await unfreeze(there, { dryRun: false, lockTimeout });
		// A return leaves there which rows it could not bring.
		await read.query("DROP TABLE IF EXISTS cutover.user_map, cutover.reject");
		await dropEmptySchema(read);
		await finishCopy(there, write, lockTimeout);
	}
	if (returned) await watchAnew(pair.addresses.read, read, lockTimeout);
	await restoreChecks(there, write, lockTimeout);
	await validateAll(write);
	const left = await endWatch(there, write, lockTimeout, async () => {
		await dropGuard(write);
		await dropState(write);
		if (direction === "forward") await dropRecord(write);
	});
	await dropEmptySchema(write);
	return { followed, left };
}

/** Makes what a copy that was cut short had taken away. */
async function finishCopy(
	address: DatabaseAddress,
	write: Client,
	lockTimeout: number,
): Promise<void> {
	if (!(await hasRecord(write))) return;
	const statements = await readStatements(write);
	const chunks = await readChunks(write);
	if (
		chunks.some(({ rows }) => rows === null) ||
		statements.some(({ done }) => !done)
	)
		await emptyWatched(address, write, lockTimeout);
	const foreign = (await readWatched(write)).filter(({ stranger }) => stranger);
	for (const statement of statements)
		if (!statement.done)
			await write
				.query(`BEGIN; ${statement.sql}; ${statementDone(statement)}; COMMIT`)
				.catch((error) => {
					throw describeFailure(error, foreign);
				});
}

function describeFailure(error: unknown, foreign: readonly Watched[]): unknown {
	const { code, message } = error as { code?: string; message?: string };
	// Class 23: rows that do not fit each other.
	if (!code?.startsWith("23")) return error;
	return new MigrationError(
		{
			expected: "rows over which the target's keys can be made again",
			found: `half of a copy (${message}), kept as others have written to ${foreign.map(tableName).join(", ") || "tables that refer to it"}`,
			fix: "nothing is left on the source; keep what others wrote elsewhere, empty the target's tables and run this again; or make the database anew",
		},
		ExitCode.refused,
	);
}
