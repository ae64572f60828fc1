import { randomBytes } from "node:crypto";
import type { Client, ClientBase } from "pg";
import { connect, type DatabaseAddress, isConnectionLost } from "../connection";
import { literal } from "../sql";

/** A snapshot that a session keeps open for others. */
export interface Snapshot {
	readonly id: string;
	/** ISO 8601, by the source's clock. */
	readonly at: string;
}

/**
 * Opens the transaction whose snapshot all lanes share. It holds until the
 * session's transaction ends; writers go on undisturbed.
 */
export async function exportSnapshot(lead: ClientBase): Promise<Snapshot> {
	await lead.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	return shareSnapshot(lead);
}

/** Lets others read what the session's open transaction sees. */
export async function shareSnapshot(lead: ClientBase): Promise<Snapshot> {
	const { rows } = await lead.query<Snapshot>(`
		SELECT pg_export_snapshot() AS "id",
			to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "at"
	`);
	const [snapshot] = rows;
	if (!snapshot) throw new Error("pg_export_snapshot returned no row");
	return snapshot;
}

/** SQL that opens a transaction over the shared snapshot. */
export function beginSnapshot({ id }: Pick<Snapshot, "id">): string {
	return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${literal(id)}`;
}

/** Does `work` in a transaction over the shared snapshot. */
export async function readSnapshot<T>(
	source: ClientBase,
	snapshot: Snapshot,
	work: () => Promise<T>,
): Promise<T> {
	await source.query(beginSnapshot(snapshot));
	const result = await work();
	await source.query("COMMIT");
	return result;
}

/**
 * Does `work` and lets go of the locks that it took, though the session's
 * transaction, and its snapshot, go on. Sessions that kept them would come to wait
 * for each other for good: a TRUNCATE of the application waits for one of them, and
 * whoever wants to read the table next waits behind the TRUNCATE.
 */
export async function releasingLocks<T>(
	session: ClientBase,
	work: () => Promise<T>,
): Promise<T> {
	await session.query("SAVEPOINT reading");
	const result = await work();
	await session.query(
		"ROLLBACK TO SAVEPOINT reading; RELEASE SAVEPOINT reading",
	);
	return result;
}

/** How the lanes' sessions on the target call themselves, each with a number of its own. */
export const LANE = "cutover-migration lane";

/** Has the copy's own session on the target count as a lane: it empties tables. */
export async function callLane(target: ClientBase): Promise<void> {
	await target.query(`SET application_name = ${literal(`${LANE} 0`)}`);
}

/** Milliseconds that an ended session may take to be gone. */
const TO_BE_GONE = 10_000;

/**
 * Ends the sessions that the lanes of a killed run have left on the target: a
 * server carries a statement out to its end, commit included, before it sees that
 * nobody waits for the answer. Only for the one run that may copy into this target.
 */
export async function endLeftovers(
	target: ClientBase,
	name = LANE,
): Promise<void> {
	await target.query(`
		SELECT pg_terminate_backend(pid, ${TO_BE_GONE}) FROM pg_stat_activity
		WHERE datname = current_database() AND usename = current_user
			AND starts_with(application_name, ${literal(name)}) AND pid <> pg_backend_pid()
	`);
}

/**
 * A crash may take the last transactions of a session that does not wait for the
 * disk, but their record goes with them; the copy's last transaction waits.
 */
const TARGET_SETTINGS = "SET synchronous_commit = off; SET jit = off";

const SOURCE_SETTINGS = "SET jit = off";

const MOST_ATTEMPTS = 4;

/** A session on each side, opened when first asked for, and anew after one is lost. */
export class Lane {
	private readonly sessions = new Map<"source" | "target", Client>();
	private readonly name = `${LANE} ${randomBytes(4).toString("hex")}`;

	constructor(
		private readonly addresses: {
			readonly source: DatabaseAddress;
			readonly target: DatabaseAddress;
		},
	) {}

	source(): Promise<Client> {
		return this.session("source", SOURCE_SETTINGS);
	}

	target(): Promise<Client> {
		return this.session(
			"target",
			`${TARGET_SETTINGS}; SET application_name = ${literal(this.name)}`,
		);
	}

	/**
	 * Does `work`, again with new sessions where one was lost. `again` tells it that
	 * an earlier attempt may have been carried out, though its answer was lost.
	 */
	async withRetry<T>(work: (again: boolean) => Promise<T>): Promise<T> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await work(attempt > 1);
			} catch (error) {
				await this.close();
				if (!isConnectionLost(error) || attempt === MOST_ATTEMPTS) throw error;
			}
		}
	}

	async close(): Promise<void> {
		const sessions = [...this.sessions.values()];
		this.sessions.clear();
		await Promise.all(sessions.map((session) => session.end().catch(() => {})));
	}

	private async session(
		side: "source" | "target",
		settings: string,
	): Promise<Client> {
		const open = this.sessions.get(side);
		if (open) return open;
		const session = await connect(this.addresses[side], {
			readOnly: side === "source",
		});
		this.sessions.set(side, session);
		// A session that was lost may still be at work there.
		if (side === "target") await endLeftovers(session, this.name);
		await session.query(settings);
		return session;
	}
}
