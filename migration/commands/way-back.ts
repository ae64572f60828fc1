import { withConnection } from "../connection";
import { ExitCode } from "../errors";
import { beginWayBack } from "../follow/back";
import type { Sessions } from "../follow/cycle";
import type { Pair, PairAddresses } from "../follow/pair";
import { isDrained } from "../follow/state";
import type { Direction, SyncOptions } from "../follow/sync";
import type { Way } from "../follow/way";
import { hasJournal, readLag } from "../journal/state";
import type { Outcome } from "./outcome";

/** `sync --reverse`: begins the way back; the source is only read. */
export async function noteFromNowOn(
	pair: Pair,
	wayOf: (sessions: Sessions) => Promise<Way>,
	options: Omit<SyncOptions, "direction">,
): Promise<Outcome> {
	const { way, installed } = await beginWayBack(pair, wayOf, {
		...options,
		direction: "back",
		onNotice: (line) => process.stderr.write(`sync: ${line}\n`),
	});
	return {
		json: {
			direction: "back",
			tables: installed.followed.length,
			journalOn: installed.added.length,
			notOwned: way.notOwned,
			keyless: installed.keyless,
		},
		lines: [
			`what the target takes from now on is noted, in ${installed.followed.length} tables; the source has not been touched`,
		],
		exitCode: ExitCode.done,
	};
}

/** `sync --state`: whether a journal stands on the side that is read, and what waits in it. */
export async function syncState(
	{ read, write }: PairAddresses,
	direction: Direction,
): Promise<Outcome> {
	const readOnly = { readOnly: true };
	const lag = await withConnection(read, readOnly, async (client) =>
		(await hasJournal(client)) ? readLag(client) : null,
	);
	const drained =
		lag?.rows === 0 && (await withConnection(write, readOnly, isDrained));
	return {
		json: {
			direction,
			journal: lag !== null,
			entries: lag?.rows ?? 0,
			drained,
		},
		lines: [
			lag
				? `a journal stands on the ${read.label}; ${lag.rows} entries wait in it`
				: `no journal on the ${read.label}`,
		],
		exitCode: ExitCode.done,
	};
}
