import { setTimeout as pause } from "node:timers/promises";
import { isConnectionLost, LoginError } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { LOCK_STATES } from "../journal/lock";
import type { Pair } from "./pair";

/** Wait between two attempts to go on: doubled up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

/** An attempt that lasted longer has got somewhere: patience begins anew. */
const PROGRESS_MS = 10_000;

/** serialization_failure, too_many_connections */
const PASSING_STATES: readonly (string | undefined)[] = [
	...LOCK_STATES,
	"40001",
	"53300",
];

/**
 * What SET TRANSACTION SNAPSHOT answers once the session is gone that exported it:
 * invalid_parameter_value, object_not_in_prerequisite_state, undefined_object.
 */
const SNAPSHOT_GONE: readonly (string | undefined)[] = [
	"22023",
	"55000",
	"42704",
];

export interface Persistence {
	/** Milliseconds to go on trying while a database cannot be reached. */
	readonly patience: number;
	/** Told when a database is out of reach, and when it is back. */
	readonly onNotice?: (line: string) => void;
}

/**
 * Does `work` again, with new sessions, where it failed for a reason that passes:
 * a connection was lost, a server is starting, somebody was in the way. `work` has
 * to be such that a part of it may be done already.
 *
 * @throws MigrationError (exit 1) when patience is over.
 */
export async function persist<T>(
	pair: Pair,
	options: Persistence & {
		/** Losing a snapshot passes as well: the next attempt takes another. */
		readonly snapshots?: boolean;
		readonly onRetry?: () => void;
	},
	work: () => Promise<T>,
): Promise<T> {
	let giveUpAt = Date.now() + options.patience;
	let wait = FIRST_PAUSE_MS;
	let told = false;
	for (;;) {
		const begunAt = Date.now();
		try {
			const result = await work();
			if (told) options.onNotice?.("going on");
			return result;
		} catch (error) {
			if (!isPassing(error, options.snapshots ?? false)) throw error;
			if (Date.now() - begunAt > PROGRESS_MS) {
				giveUpAt = Date.now() + options.patience;
				wait = FIRST_PAUSE_MS;
			}
			if (Date.now() >= giveUpAt) throw outOfReach(error, options);
			await pair.close();
			options.onRetry?.();
			if (!told)
				options.onNotice?.(
					`${(error as Error).message.split("\n").join("; ")}; trying again`,
				);
			told = true;
			await pause(wait);
			wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
		}
	}
}

/**
 * A failed log-in counts: a server that is starting answers so, and with a wrong
 * password nobody gets as far as here.
 */
function isPassing(error: unknown, snapshots: boolean): boolean {
	const { code } = error as { code?: string };
	return (
		error instanceof LoginError ||
		isConnectionLost(error) ||
		PASSING_STATES.includes(code) ||
		(snapshots && SNAPSHOT_GONE.includes(code))
	);
}

function outOfReach(error: unknown, { patience }: Persistence): MigrationError {
	return new MigrationError(
		{
			expected: `both databases to answer within ${Math.round(patience / 1000)} s`,
			found: (error as Error).message.split("\n").join("; "),
			fix: "see what keeps them, then run sync again: it goes on where it stood, and the journal has what was written since",
		},
		ExitCode.failure,
	);
}
