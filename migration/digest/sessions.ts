import type { ClientBase } from "pg";
import { connect, type DatabaseAddress } from "../connection";
import { exportSnapshot } from "../copy/lane";
import { literal } from "../sql";

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
 * same snapshot: what they digest in parts is one state of the whole. `at` is the
 * snapshot's time by the server's clock.
 */
export async function withSnapshot<T>(
	address: DatabaseAddress,
	count: number,
	work: (sessions: readonly ClientBase[], at: string) => Promise<T>,
): Promise<T> {
	return withSessions(address, count, async (sessions) => {
		const [lead, ...others] = sessions as [ClientBase, ...ClientBase[]];
		const { id, at } = await exportSnapshot(lead);
		await takeSnapshot(others, id);
		return work(sessions, at);
	});
}

/** Runs `work` with sessions that see the snapshot that another transaction exports. */
export async function withSnapshotOf<T>(
	exporter: ClientBase,
	address: DatabaseAddress,
	count: number,
	work: (sessions: readonly ClientBase[]) => Promise<T>,
): Promise<T> {
	return withSessions(address, count, async (sessions) => {
		const { rows } = await exporter.query<{ id: string }>(
			`SELECT pg_export_snapshot() AS "id"`,
		);
		await takeSnapshot(sessions, rows[0]?.id ?? "");
		return work(sessions);
	});
}

async function takeSnapshot(
	sessions: readonly ClientBase[],
	id: string,
): Promise<void> {
	await Promise.all(
		sessions.map((session) =>
			session.query(`
				BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
				SET TRANSACTION SNAPSHOT ${literal(id)}
			`),
		),
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
