import { setTimeout as pause } from "node:timers/promises";
import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";

/** Keys of our advisory lock: "cut" and what it is for. */
const LOCK = "x'637574'::integer, 1";

const PAUSE_MS = 200;

/**
 * Keeps every other sync off this database until the session ends. Taken on both
 * sides, by the sessions that do the work: as long as one of a killed process is
 * still busy on a server, nobody else begins.
 *
 * @throws MigrationError (exit 4) with who holds it, after `wait` milliseconds.
 */
export async function lockDatabase(
	client: ClientBase,
	label: string,
	wait: number,
): Promise<void> {
	const deadline = performance.now() + wait;
	for (;;) {
		const { rows } = await client.query(
			`SELECT pg_try_advisory_lock(${LOCK}) AS "locked"`,
		);
		if (rows[0]?.locked === true) return;
		if (performance.now() >= deadline) break;
		await pause(PAUSE_MS);
	}
	throw new MigrationError(
		{
			expected: `no other sync on the ${label}`,
			found: (await holder(client)) ?? "one that has ended since",
			fix: "let it end or stop it (SIGTERM), then run again",
		},
		ExitCode.refused,
	);
}

async function holder(client: ClientBase): Promise<string | undefined> {
	const { rows } = await client.query<{ holder: string }>(`
		SELECT format('%s (process %s, role %s, from %s) since %s',
			coalesce(nullif(a.application_name, ''), 'unnamed'), a.pid, a.usename,
			coalesce(host(a.client_addr), 'a local socket'),
			to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS "holder"
		FROM pg_locks l
		JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND (l.classid::bigint::integer, l.objid::bigint::integer) = (${LOCK})
	`);
	return rows[0]?.holder;
}
