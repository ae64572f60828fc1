import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";
import { NoAnswer, unreachable } from "./api";
import { hasUserMap, lockUserMap } from "./map";
import type { StackAuth } from "./stack-auth";

export interface ResetsOptions {
	/** Page of the new application that takes ?code= and a new password. */
	readonly callbackUrl: string;
	readonly perHour: number;
	readonly dryRun: boolean;
	/** Told after each mail. */
	readonly onProgress?: (sent: number, due: number) => void;
}

export interface ResetsResult {
	/** Without a password when the run began, and not mailed before. */
	readonly due: number;
	readonly sent: number;
	/** Have chosen a password since. */
	readonly settled: number;
	/** Gone from the new system, or not logging in by e-mail there. */
	readonly passedOver: number;
}

const HOUR_MS = 3_600_000;

/**
 * Mails a link to choose a password to every user who logs in by e-mail and has
 * none, evenly, as a new project of Stack Auth mails no more than about 200 an
 * hour. Each mail is noted in the map once the service has taken it, so a run that
 * was cut short goes on with the next user and keeps the pace; where the answer was
 * lost the mail may come twice. Who has chosen a password meanwhile gets none.
 */
export async function sendResets(
	target: ClientBase,
	stackAuth: StackAuth,
	options: ResetsOptions,
): Promise<ResetsResult> {
	if (!(await hasUserMap(target)))
		throw new MigrationError({
			expected: "a user map on the target",
			found: "none",
			fix: "run users first",
		});
	const { rows } = await target.query<{ old_id: string; new_id: string }>(`
		SELECT old_id, new_id FROM cutover.user_map
		WHERE state = 'moved' AND reset_due AND reset_sent_at IS NULL
		ORDER BY old_id
	`);
	const result = { due: rows.length, sent: 0, settled: 0, passedOver: 0 };
	if (options.dryRun) return result;
	await lockUserMap(target);
	let next = await firstSlot(target, options.perHour);
	for (const { old_id, new_id } of rows) {
		const user = await answered(stackAuth.user(new_id));
		if (!user?.primary_email || !user.primary_email_auth_enabled) {
			result.passedOver++;
			continue;
		}
		if (user.has_password) {
			result.settled++;
			await target.query(
				"UPDATE cutover.user_map SET reset_due = false WHERE old_id = $1",
				[old_id],
			);
			continue;
		}
		await delay(Math.max(next - Date.now(), 0));
		next = Date.now() + HOUR_MS / options.perHour;
		const refused = await answered(
			stackAuth.sendReset(user.primary_email, options.callbackUrl),
		);
		if (refused)
			throw new MigrationError(
				{
					expected: "Stack Auth to mail a link to choose a password",
					found: refused.reason,
					fix: `make the domain of ${options.callbackUrl} a trusted one of the project, then run this again: it goes on with the next user`,
				},
				ExitCode.failure,
			);
		await target.query(
			"UPDATE cutover.user_map SET reset_sent_at = clock_timestamp(), reset_due = false WHERE old_id = $1",
			[old_id],
		);
		result.sent++;
		options.onProgress?.(result.sent, result.due);
	}
	return result;
}

/** When the next mail may go, by the last one of an earlier run; milliseconds of this machine's clock. */
async function firstSlot(target: ClientBase, perHour: number): Promise<number> {
	const { rows } = await target.query<{ ago: number | null }>(`
		SELECT extract(epoch FROM clock_timestamp() - max(reset_sent_at))::float8 * 1000 AS "ago"
		FROM cutover.user_map
	`);
	const ago = rows[0]?.ago;
	return typeof ago === "number"
		? Date.now() - ago + HOUR_MS / perHour
		: Date.now();
}

/** Without the service there is nothing to go on with. */
async function answered<T>(request: Promise<T>): Promise<T> {
	try {
		return await request;
	} catch (error) {
		throw error instanceof NoAnswer ? unreachable(error.message) : error;
	}
}
