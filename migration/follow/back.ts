import type { ClientBase } from "pg";
import { removeGuard } from "../digest/guard";
import { ExitCode, MigrationError } from "../errors";
import { unfreeze } from "../freeze/barrier";
import { type Installed, installJournal } from "../journal/install";
import { relationExists } from "../sql";
import { ensureUserMap } from "../users/map";
import type { Sessions } from "./cycle";
import type { Pair } from "./pair";
import { persist } from "./persist";
import { isDrained } from "./state";
import type { SyncOptions } from "./sync";
import type { Way } from "./way";

/** A way back that is ready for what the new system will write. */
export interface WayBack {
	readonly way: Way;
	readonly installed: Installed;
}

/**
 * Begins the way back, before the new system takes its first write: from now on
 * every write to it is noted. It is opened, where an earlier return has left it
 * closed. The other side is read, to know its tables, and nothing else: it must be
 * able to serve again as it is.
 */
export async function beginWayBack(
	pair: Pair,
	wayOf: (sessions: Sessions) => Promise<Way>,
	options: SyncOptions,
): Promise<WayBack> {
	await pair.open();
	return persist(pair, options, async () => {
		const sessions = await pair.open();
		const { read } = sessions;
		await refuseUndrained(read);
		const way = await wayOf(sessions);
		// From now on it is the new system that writes there.
		await removeGuard(pair.addresses.read, read, options.lockTimeout);
		if (way.userColumns.length > 0) await ensureUserMap(read);
		const installed = await installJournal(
			pair.addresses.read,
			read,
			way.tables,
			{ ...options, dependents: way.dependents },
		);
		await unfreeze(pair.addresses.read, { ...options, dryRun: false });
		return { way, installed };
	});
}

/** The way back begins where both sides are equal: after the way there was drained. */
async function refuseUndrained(read: ClientBase): Promise<void> {
	if (
		!(await relationExists(read, "cutover.follower")) ||
		(await isDrained(read))
	)
		return;
	throw new MigrationError(
		{
			expected: "a target that has all of the source's rows",
			found: "one that is still being filled or followed",
			fix: "freeze the source, then run sync --drain; the way back begins after that",
		},
		ExitCode.refused,
	);
}
