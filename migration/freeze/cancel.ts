import type { ClientBase } from "pg";
import type { DatabaseAddress } from "../connection";
import { MigrationError } from "../errors";
import { withTablesLocked } from "../journal/lock";
import { ident } from "../sql";
import type { TableName } from "./record";

/** A session that was in the barrier's way. */
export interface Cancelled {
	readonly pid: number;
	readonly role: string;
	readonly application: string;
	/** As pg_stat_activity has it; null where the server hides it from our role. */
	readonly state: string | null;
	/** Age of its transaction. */
	readonly seconds: number | null;
	/** A running statement is cancelled; a session that rests in a transaction is ended. */
	readonly how: "cancelled" | "ended";
}

/** How long an ended session may take to go. */
const GONE_MS = 2000;

/** Lock modes that a lock against writers waits for. */
const IN_THE_WAY = [
	"RowExclusiveLock",
	"ShareUpdateExclusiveLock",
	"ShareLock",
	"ShareRowExclusiveLock",
	"ExclusiveLock",
	"AccessExclusiveLock",
];

export interface WriterOptions {
	/** Milliseconds to wait for writers in flight. */
	readonly lockTimeout: number;
	/** After that, roll back those who are in the way, and try once more. */
	readonly cancelWriters?: boolean;
}

/** Does `work` with the tables locked against writers; gives who had to give way. */
export async function withoutWriters(
	source: DatabaseAddress,
	client: ClientBase,
	tables: readonly TableName[],
	{ lockTimeout, cancelWriters: cancels }: WriterOptions,
	work: () => Promise<void>,
): Promise<Cancelled[]> {
	const attempt = () =>
		withTablesLocked(
			source,
			client,
			tables,
			"SHARE ROW EXCLUSIVE",
			lockTimeout,
			work,
		);
	try {
		await attempt();
		return [];
	} catch (error) {
		if (!cancels || !(error instanceof MigrationError)) throw error;
		const cancelled = await cancelWriters(client, tables, lockTimeout);
		for (const session of cancelled)
			process.stderr.write(`freeze: ${describeCancelled(session)}\n`);
		if (cancelled.length === 0) throw error;
		await attempt();
		return cancelled;
	}
}

/**
 * Makes those let go of the tables who have held them, or waited for them, for
 * `milliseconds` and longer: their transactions are rolled back. Never a session of
 * this project's own. Gives who they were; somebody whom our role may not signal is
 * left out.
 */
async function cancelWriters(
	client: ClientBase,
	tables: readonly TableName[],
	milliseconds: number,
): Promise<Cancelled[]> {
	const { rows } = await client.query<Cancelled>(
		`
		SELECT a.pid, a.usename::text AS "role", coalesce(nullif(a.application_name, ''), 'unnamed') AS "application",
			a.state, round(extract(epoch FROM clock_timestamp() - a.xact_start), 1)::float8 AS "seconds",
			CASE a.state WHEN 'active' THEN 'cancelled' ELSE 'ended' END AS "how"
		FROM pg_stat_activity a
		WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
			-- Workers of the server have no role, and give way by themselves.
			AND a.usename IS NOT NULL AND a.application_name NOT LIKE 'cutover-migration%'
			-- Without rights on a session its age is hidden.
			AND coalesce(a.xact_start <= clock_timestamp() - make_interval(secs => $2), true)
			AND EXISTS (
				SELECT FROM pg_locks l
				WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.mode = ANY ($3)
					AND l.relation IN (SELECT n.name::regclass FROM unnest($1::text[]) n (name))
			)
		ORDER BY a.pid
		`,
		[
			tables.map(({ schema, name }) => ident(schema, name)),
			milliseconds / 1000,
			IN_THE_WAY,
		],
	);
	const done: Cancelled[] = [];
	for (const session of rows) {
		const signal =
			session.how === "cancelled"
				? "pg_cancel_backend($1)"
				: `pg_terminate_backend($1, ${GONE_MS})`;
		try {
			await client.query(`SELECT ${signal}`, [session.pid]);
			done.push(session);
		} catch (error) {
			// insufficient_privilege
			if ((error as { code?: string }).code !== "42501") throw error;
		}
	}
	return done;
}

/** A session for people, without its query, which may hold the product's data. */
function describeCancelled(session: Cancelled): string {
	const { pid, role, application, state, seconds, how } = session;
	return `${how} process ${pid} (role ${role}, application ${application}, ${state ?? "state hidden"} for ${seconds ?? "?"} s)`;
}
