import type { Client } from "pg";
import type { DatabaseAddress } from "../connection";
import { passBarrier } from "../freeze/barrier";
import { hasJournal } from "../journal/state";
import type { Sessions } from "./cycle";
import { lockDatabase } from "./lock";
import { openSession } from "./session";

/** The databases of a sync, by what happens to them. */
export interface PairAddresses {
	readonly read: DatabaseAddress;
	readonly write: DatabaseAddress;
}

/**
 * The sessions that a follower works with, on both sides with the lock that keeps
 * others off; opened when asked for, and anew after they were closed.
 */
export class Pair {
	private sessions: Sessions | undefined;
	private ended = false;
	/** Server processes of sessions that may not have noticed that they are lost. */
	private readonly left: { read: number[]; write: number[] } = {
		read: [],
		write: [],
	};

	constructor(
		readonly addresses: PairAddresses,
		/** Milliseconds to wait for another sync to end. */
		private readonly wait: number,
	) {}

	/** The open sessions. */
	async open(): Promise<Sessions> {
		if (this.sessions) return this.sessions;
		if (this.ended) throw new Error("the sync of this pair has ended");
		const opened: Client[] = [];
		try {
			const read = await this.openLocked("read");
			opened.push(read);
			const write = await this.openLocked("write");
			opened.push(write);
			// A frozen side takes rows from us alone.
			await passBarrier(write);
			const beside = await openSession(this.addresses.read);
			opened.push(beside);
			this.sessions = {
				read,
				write,
				beside,
				staged: new Map(),
				echoes: await hasJournal(write),
			};
			return this.sessions;
		} catch (error) {
			await endAll(opened);
			throw error;
		}
	}

	/** Closes the sessions, and with them releases the locks. */
	async close(): Promise<void> {
		const { sessions } = this;
		this.sessions = undefined;
		if (sessions)
			await endAll([sessions.read, sessions.write, sessions.beside]);
	}

	/** Closes the sessions for good: whatever is still under way ends as well. */
	async end(): Promise<void> {
		this.ended = true;
		await this.close();
	}

	private async openLocked(side: "read" | "write"): Promise<Client> {
		const address = this.addresses[side];
		const client = await openSession(address);
		try {
			await endLeftOver(client, this.left[side]);
			await lockDatabase(client, address.label, this.wait);
			const { rows } = await client.query<{ pid: number }>(
				'SELECT pg_backend_pid() AS "pid"',
			);
			this.left[side] = rows.map(({ pid }) => pid);
			return client;
		} catch (error) {
			await client.end().catch(() => {});
			throw error;
		}
	}
}

/**
 * Ends our own lost session on the server, should it still be there with its lock
 * and its transaction: what it has not committed by now must not come later.
 */
async function endLeftOver(
	client: Client,
	pids: readonly number[],
): Promise<void> {
	await client.query(
		`
		SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE pid = ANY ($1) AND pid <> pg_backend_pid()
			AND application_name = current_setting('application_name')
		`,
		[pids],
	);
}

async function endAll(sessions: readonly Client[]): Promise<void> {
	await Promise.all(sessions.map((session) => session.end().catch(() => {})));
}
