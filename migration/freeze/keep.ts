import type { ClientBase } from "pg";
import { type DatabaseAddress, withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { withTablesLocked } from "../journal/lock";
import { hasJournal, readLag } from "../journal/state";
import { replaceFunction } from "./function";
import { type FreezeRecord, readFreeze, writableTables } from "./record";
import { readFreezeState } from "./state";

/**
 * Takes the deadline off a barrier that stands, as the last step before traffic goes
 * elsewhere: the source will not open by itself any more. Proves under a lock that
 * nothing has been written since the freeze. Does nothing where that is done already.
 *
 * Why no write slips through at the deadline: while we hold the lock, which every
 * writer's conflicts with, all transactions that had a table locked for writing are
 * over, and each of their statements met the barrier of before, whose deadline has not
 * passed by the server's clock even now; so each was refused. Whoever writes later gets
 * its lock only after our commit, and a session that gets a lock it did not hold takes
 * in what other sessions have changed in the catalog: it meets the new function. Without
 * our lock nothing promises that: a transaction that has the table locked already may go
 * by the function as it knows it, and write once that one's deadline has passed.
 *
 * @throws MigrationError (exit 4) with what speaks against it; nothing has changed then.
 */
export async function keepFreeze(
	source: DatabaseAddress,
	lockTimeout: number,
): Promise<FreezeRecord> {
	return withConnection(source, { readOnly: false }, async (client) => {
		const before = await readFreeze(client);
		if (before?.until === null) return before;
		const owned = (await writableTables(client)).filter(({ owned }) => owned);
		await withTablesLocked(
			source,
			client,
			owned,
			"SHARE ROW EXCLUSIVE",
			lockTimeout,
			() => keep(client, source.label),
		);
		return (await readFreeze(client)) as FreezeRecord;
	});
}

async function keep(client: ClientBase, label: string): Promise<void> {
	const refuse = (found: string) => {
		throw new MigrationError(
			{
				expected: `a ${label} to which nothing was written since its freeze, and that is frozen still`,
				found,
				fix: "take the freeze back and freeze again: what was written comes along then",
			},
			ExitCode.refused,
		);
	};
	const state = await readFreezeState(client);
	if (!state) return refuse("one that is not frozen");
	const opened = `one that serves again since ${state.until}`;
	if (state.lapsed) refuse(opened);
	if (state.missing.length > 0)
		refuse(
			`tables that the barrier did not close all the time: ${state.missing.join(", ")}`,
		);
	const written = state.writes.filter(({ owned }) => owned);
	if (written.length > 0)
		refuse(
			`writes to ${written.map(({ table, count }) => `${table} (${count})`).join(", ")}`,
		);
	const pending = (await hasJournal(client)) ? (await readLag(client)).rows : 0;
	if (pending > 0)
		refuse(`${pending} changes in the journal that are not on the target yet`);
	await client.query("UPDATE cutover.freeze SET until = NULL");
	await replaceFunction(client);
	// Last, and by the clock: see above.
	if (await lapsed(client, state)) refuse(opened);
}

async function lapsed(
	client: ClientBase,
	{ until }: FreezeRecord,
): Promise<boolean> {
	const { rows } = await client.query(
		'SELECT clock_timestamp() >= $1::timestamptz AS "lapsed"',
		[until],
	);
	return rows[0]?.lapsed !== false;
}
