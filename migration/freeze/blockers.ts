import type { ClientBase } from "pg";
import { connect, type DatabaseAddress } from "../connection";

const INTERVAL_MS = 200;

/**
 * Watches, from a session of its own, who keeps `client` waiting for a lock: once
 * the wait has timed out the server no longer knows.
 */
export async function watchBlockers(
	address: DatabaseAddress,
	client: ClientBase,
): Promise<{ seen: () => string[]; stop: () => Promise<void> }> {
	const { rows } = await client.query(`SELECT pg_backend_pid() AS "pid"`);
	const pid: number = rows[0]?.pid;
	const watcher = await connect(address, { readOnly: true });
	let seen: string[] = [];
	let looking: Promise<void> = Promise.resolve();
	const timer = setInterval(() => {
		looking = looking.then(async () => {
			const found = await blockers(watcher, pid);
			if (found.length > 0) seen = found;
		});
	}, INTERVAL_MS);
	return {
		seen: () => seen,
		stop: async () => {
			clearInterval(timer);
			await looking.catch(() => {});
			await watcher.end().catch(() => {});
		},
	};
}

/** Shows no query text: it may hold the product's data. */
async function blockers(watcher: ClientBase, pid: number): Promise<string[]> {
	const { rows } = await watcher.query<{ blocker: string }>(
		`
		SELECT format(
			'process %s (role %s, application %s, %s for %s s)',
			a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'unnamed'),
			coalesce(a.state, 'state hidden'),
			coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text, '?')
		) AS "blocker"
		FROM pg_stat_activity a
		WHERE a.pid = ANY (pg_blocking_pids($1))
		`,
		[pid],
	);
	return rows.map(({ blocker }) => blocker);
}
