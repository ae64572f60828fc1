import { join } from "node:path";
import type { ClientBase } from "pg";
import type { Manifest } from "../copy/manifest";
import { ensureUserMap, hasUserMap, readUserMap, writeUser } from "./map";
import { decide } from "./policy";
import { readUsers, type SourceUser } from "./source";
import type { StackAuth } from "./stack-auth";

export interface UsersOptions {
	readonly concurrency: number;
	readonly carryHashes: boolean;
	readonly oauthProviders: readonly string[];
	readonly dryRun: boolean;
}

export interface UsersResult {
	readonly total: number;
	/** Made by this run, or found after a lost answer. */
	readonly moved: number;
	/** In the map already, nothing done. */
	readonly alreadyMoved: number;
	readonly withHash: number;
	readonly passwordReset: number;
	readonly skipped: Readonly<Record<string, number>>;
	readonly conflicts: readonly { id: string; reason: string }[];
	/** What a person should know, by user. */
	readonly remarks: readonly { id: string; remark: string }[];
}

/**
 * Moves the users of an export to Stack Auth and notes old and new id in the
 * target's map. Can be repeated at any time: whoever is in the map is left alone,
 * whoever was in the making when a run ended is looked for before being made.
 */
export async function moveUsers(
	target: ClientBase,
	stackAuth: StackAuth,
	directory: string,
	manifest: Manifest,
	options: UsersOptions,
): Promise<UsersResult> {
	const result = {
		total: 0,
		moved: 0,
		alreadyMoved: 0,
		withHash: 0,
		passwordReset: 0,
		skipped: {} as Record<string, number>,
		conflicts: [] as { id: string; reason: string }[],
		remarks: [] as { id: string; remark: string }[],
	};
	if (!manifest.users) return result;
	if (!options.dryRun) await ensureUserMap(target);
	const map = (await hasUserMap(target))
		? await readUserMap(target)
		: new Map<string, never>();
	// One session serves all workers: notes are taken one after the other.
	let noted: Promise<void> = Promise.resolve();
	const note = (row: Parameters<typeof writeUser>[1]): Promise<void> => {
		noted = noted.then(() => writeUser(target, row));
		return noted;
	};
	const addresses = new Set<string>();
	const now = new Date();

	const one = async (user: SourceUser): Promise<void> => {
		result.total++;
		const decision = decide(user, addresses, { ...options, now });
		const known = map.get(user.id);
		if (decision.kind === "skip") {
			result.skipped[decision.reason] =
				(result.skipped[decision.reason] ?? 0) + 1;
			if (!options.dryRun && !known)
				await note({
					old_id: user.id,
					new_id: null,
					state: "skipped",
					reason: decision.reason,
				});
			return;
		}
		for (const remark of decision.remarks)
			result.remarks.push({ id: user.id, remark });
		const passwordCarried = decision.user.password_hash !== undefined;
		if (passwordCarried) result.withHash++;
		else result.passwordReset++;
		if (known?.state === "moved") {
			result.alreadyMoved++;
			return;
		}
		if (options.dryRun) {
			result.moved++;
			return;
		}
		await note({
			old_id: user.id,
			new_id: null,
			state: "pending",
			reason: null,
		});
		const creation = await stackAuth.create(
			decision.user,
			known !== undefined && known.state !== "skipped",
		);
		if (creation.kind === "conflict") {
			result.conflicts.push({ id: user.id, reason: creation.reason });
			await note({
				old_id: user.id,
				new_id: null,
				state: "conflict",
				reason: creation.reason,
			});
			return;
		}
		await note({
			old_id: user.id,
			new_id: creation.id,
			state: "moved",
			reason: null,
			passwordCarried,
		});
		result.moved++;
	};

	await eachConcurrently(
		readUsers(join(directory, manifest.users.file)),
		options.concurrency,
		one,
	);
	return result;
}

/**
 * Runs `work` over a stream of items, `width` at a time. After a failure no
 * further item is begun; those under way end first.
 */
async function eachConcurrently<T>(
	items: AsyncGenerator<T>,
	width: number,
	work: (item: T) => Promise<void>,
): Promise<void> {
	let failed = false;
	const results = await Promise.allSettled(
		Array.from({ length: width }, async () => {
			try {
				for (
					let next = await items.next();
					!next.done && !failed;
					next = await items.next()
				)
					await work(next.value);
			} catch (error) {
				failed = true;
				throw error;
			}
		}),
	);
	for (const result of results)
		if (result.status === "rejected") throw result.reason;
}
