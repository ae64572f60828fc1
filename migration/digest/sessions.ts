import type { ClientBase } from "pg";
import { connect, type DatabaseAddress } from "../connection";
import { beginSnapshot, exportSnapshot } from "../copy/lane";
import { ident } from "../sql";
import type { Sessions } from "./verify";

/** Both sides of a verification. */
export interface Databases {
	readonly source: DatabaseAddress;
	readonly target: DatabaseAddress;
}

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
	return withSessions(repeat(address, count), async (sessions) => {
		if (id === undefined) await newSnapshot(sessions);
		else await takeSnapshot(sessions, id);
		return work(sessions);
	});
}

/**
 * The same for both databases. The source's snapshot comes first: what a follower
 * had applied by then is in the target's.
 */
export async function withSnapshots<T>(
	addresses: Databases,
	count: number,
	work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
	const all = [
		...repeat(addresses.source, count),
		...repeat(addresses.target, count),
	];
	return withSessions(all, async (sessions) => {
		const source = sessions.slice(0, count);
		const target = sessions.slice(count);
		await newSnapshot(source);
		await newSnapshot(target);
		return work({ source, target });
	});
}

function repeat(address: DatabaseAddress, count: number): DatabaseAddress[] {
	return Array.from({ length: count }, () => address);
}

async function newSnapshot(sessions: readonly ClientBase[]): Promise<void> {
	const [lead, ...others] = sessions as [ClientBase, ...ClientBase[]];
	await takeSnapshot(others, (await exportSnapshot(lead)).id);
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
	addresses: readonly DatabaseAddress[],
	work: (sessions: readonly ClientBase[]) => Promise<T>,
): Promise<T> {
	const opened = await Promise.allSettled(
		addresses.map((address) => connect(address, { readOnly: true })),
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

/**
 * Whether a table, or a partition of it, got another file since the session's
 * snapshot was taken. TRUNCATE and those ALTER TABLE that write all rows anew leave
 * nothing for older snapshots to see. To be asked while the lock of a read is held.
 */
export async function isRewritten(
	session: ClientBase,
	table: { readonly schema: string; readonly name: string },
): Promise<boolean> {
	// pg_class is read in the snapshot; the function tells what is there now.
	const { rows } = await session.query(
		`
		SELECT FROM pg_class c
		WHERE c.relkind = 'r' AND c.relfilenode <> coalesce(pg_relation_filenode(c.oid), 0)
			AND c.oid IN (
				SELECT $1::regclass
				UNION ALL SELECT relid FROM pg_partition_tree($1::regclass)
			)
		`,
		[ident(table.schema, table.name)],
	);
	return rows.length > 0;
}
