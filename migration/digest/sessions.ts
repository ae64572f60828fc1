import type { ClientBase } from "pg";
import { connect, type DatabaseAddress } from "../connection";
import { beginSnapshot, exportSnapshot } from "../copy/lane";

/**
 * Compiling takes longer than it gains on expressions of this size. Further
 * processes for one query would only take the processors from other sessions.
 */
const SETTINGS = `
	SET jit = off;
	SET max_parallel_workers_per_gather = 0;
`;

/**
 * Runs `work` with so many read-only sessions of one database that all see the
 * same snapshot: what they digest in parts is one state of the whole. The snapshot
 * is a new one, or the one that another transaction has exported as `id`.
 */
export async function withSnapshot<T>(
	address: DatabaseAddress,
	count: number,
	work: (sessions: readonly ClientBase[]) => Promise<T>,
	id?: string,
): Promise<T> {
	return withSessions(address, count, async (sessions) => {
		if (id !== undefined) await takeSnapshot(sessions, id);
		else {
			const [lead, ...others] = sessions as [ClientBase, ...ClientBase[]];
			await takeSnapshot(others, (await exportSnapshot(lead)).id);
		}
		return work(sessions);
	});
}

async function takeSnapshot(
	sessions: readonly ClientBase[],
	id: string,
): Promise<void> {
	await Promise.all(
		sessions.map((session) => session.query(beginSnapshot({ id }))),
	);
}

async function withSessions<T>(
	address: DatabaseAddress,
	count: number,
	work: (sessions: readonly ClientBase[]) => Promise<T>,
): Promise<T> {
	const opened = await Promise.allSettled(
		Array.from({ length: count }, () => connect(address, { readOnly: true })),
	);
	const sessions = opened.flatMap((result) =>
		result.status === "fulfilled" ? [result.value] : [],
	);
	try {
		for (const result of opened)
			if (result.status === "rejected") throw result.reason;
		await Promise.all(sessions.map((session) => session.query(SETTINGS)));
		return await work(sessions);
	} finally {
		await Promise.all(sessions.map((session) => session.end().catch(() => {})));
	}
}
