import { setTimeout as pause } from "node:timers/promises";
import type { ClientBase } from "pg";
import type { DatabaseAddress } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { watchBlockers } from "../freeze/blockers";
import { ident } from "../sql";

/** lock_not_available and deadlock_detected: somebody else was in the way. */
export const LOCK_STATES: readonly (string | undefined)[] = ["55P03", "40P01"];

/**
 * While we queue for a table, the product's sessions queue behind us. So one
 * attempt is short, and between two of them they get through. Shorter than
 * deadlock_timeout (1 s by default): where two wait for each other it is us who
 * give way, and nobody's transaction is ended.
 */
const ATTEMPT_MS = 800;
const PAUSE_MS = 500;

/** SHARE ROW EXCLUSIVE keeps writers out, ACCESS EXCLUSIVE readers as well. */
export type LockMode = "SHARE ROW EXCLUSIVE" | "ACCESS EXCLUSIVE";

/**
 * Does `work` in a transaction that has the given tables locked, their partitions
 * too: every transaction that wrote to them before is over then. Tries for
 * `lockTimeout` milliseconds, then fails (exit 4) with who is in the way; nothing
 * has changed then.
 */
export async function withTablesLocked<T>(
	address: DatabaseAddress,
	client: ClientBase,
	tables: readonly { readonly schema: string; readonly name: string }[],
	mode: LockMode,
	lockTimeout: number,
	work: () => Promise<T>,
): Promise<T> {
	const deadline = performance.now() + lockTimeout;
	const watch = await watchBlockers(address, client);
	try {
		for (;;) {
			const left = Math.max(1, Math.ceil(deadline - performance.now()));
			try {
				await client.query("BEGIN");
				await client.query(
					`SET LOCAL lock_timeout = ${Math.min(left, ATTEMPT_MS)}`,
				);
				if (tables.length > 0)
					await client.query(
						`LOCK TABLE ${tables.map(({ schema, name }) => ident(schema, name)).join(", ")}
						IN ${mode} MODE`,
					);
				const result = await work();
				await client.query("COMMIT");
				return result;
			} catch (error) {
				await client.query("ROLLBACK").catch(() => {});
				if (!LOCK_STATES.includes((error as { code?: string }).code))
					throw error;
				if (performance.now() >= deadline)
					throw inTheWay(lockTimeout, watch.seen());
			}
			await pause(PAUSE_MS);
		}
	} finally {
		await watch.stop();
	}
}

function inTheWay(
	lockTimeout: number,
	seen: readonly string[],
): MigrationError {
	return new MigrationError(
		{
			expected: `other sessions to leave the tables within ${lockTimeout / 1000} s`,
			found: `in the way: ${seen.join("; ") || "a session that has ended since"}`,
			fix: "end these sessions or wait for them, then run again; nothing has changed",
		},
		ExitCode.refused,
	);
}
