import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";
import { NoAnswer } from "./api";
import { change, isChange } from "./change";
import { eachConcurrently } from "./each";
import {
	countStates,
	ensureUserMap,
	hasUserMap,
	lockUserMap,
	readUserMap,
	type UserMapRow,
	writeUser,
} from "./map";
import { DELETED, type Decision, decide, type PolicyOptions } from "./policy";
import { Remarks } from "./remarks";
import type { UsersResult } from "./result";
import type { SourceUser } from "./source";
import {
	ACCOUNT_TAKEN,
	EMAIL_TAKEN,
	type StackAuth,
	USER_GONE,
} from "./stack-auth";
import {
	after,
	type Change,
	digestsOf,
	firstStep,
	NOTHING_SENT,
	type Sent,
	UNKNOWN,
	unsureOf,
} from "./wanted";

export interface UsersOptions extends PolicyOptions {
	readonly concurrency: number;
	readonly dryRun: boolean;
	/**
	 * The users are all that the source has now: whoever moved and is not among
	 * them was removed there since.
	 */
	readonly complete: boolean;
}

/** With more than this share of the moved users gone, it is another source. */
const MOST_GONE = 0.5;

/**
 * Moves users to Stack Auth and notes old and new id in the target's map. Can be
 * repeated at any time: whoever is in the map and has not changed is left alone,
 * whoever changed is changed there, whoever was in the making when a run ended is
 * looked for before being made.
 */
export async function moveUsers(
	target: ClientBase,
	stackAuth: StackAuth,
	users: AsyncGenerator<SourceUser>,
	options: UsersOptions,
): Promise<UsersResult> {
	if (!options.dryRun) {
		await lockUserMap(target);
		await ensureUserMap(target);
	}
	const map = (await hasUserMap(target))
		? await readUserMap(target)
		: new Map<string, UserMapRow>();
	const run = new Run(target, stackAuth, map, options);
	await eachConcurrently(users, options.concurrency, (user) => run.user(user));
	if (options.complete) await run.removeGone();
	await run.again();
	return run.result();
}

type Create = Extract<Decision, { kind: "create" }>;

/** A user who was refused what another user may give up in this run. */
interface Refused {
	readonly id: string;
	readonly decision: Create;
	readonly reason: string;
	/** Who they are in Stack Auth; null where they were not made. */
	readonly there: { readonly newId: string; readonly sent: Sent } | null;
}

/** What a user without a place in the source is to become: kept, but shut out. */
const SHUT_OUT: Change = {
	fields: {
		primary_email_auth_enabled: false,
		restricted_by_admin_reason: DELETED,
	},
	accounts: [],
};

class Run {
	private readonly now = new Date();
	private readonly addresses = new Set<string>();
	private readonly seen = new Set<string>();
	private readonly remarks = new Remarks();
	private readonly skipped: Record<string, number> = {};
	private readonly conflicts = new Map<string, string>();
	private refused: Refused[] = [];
	private readonly counts = {
		total: 0,
		moved: 0,
		updated: 0,
		alreadyMoved: 0,
		shutOut: 0,
		withHash: 0,
		passwordReset: 0,
	};
	/** One session serves all workers: notes are taken one after the other. */
	private noted: Promise<void> = Promise.resolve();
	private ids: Promise<ReadonlyMap<string, string>> | undefined;

	constructor(
		private readonly target: ClientBase,
		private readonly stackAuth: StackAuth,
		private readonly map: ReadonlyMap<string, UserMapRow>,
		private readonly options: UsersOptions,
	) {}

	/** Does what is to be done about one user of the source. */
	async user(user: SourceUser): Promise<void> {
		const { id } = user;
		this.counts.total++;
		this.seen.add(id);
		const decision = decide(user, this.addresses, {
			...this.options,
			now: this.now,
		});
		if (decision.kind === "skip") {
			const { reason } = decision;
			this.skipped[reason] = (this.skipped[reason] ?? 0) + 1;
			return this.guarded(id, () => this.skip(id, reason));
		}
		for (const remark of decision.remarks) this.remarks.add(remark, id);
		if (decision.user.fields.password_hash) this.counts.withHash++;
		if (decision.resetDue) this.counts.passwordReset++;
		await this.guarded(id, () => this.bring(id, decision));
	}

	/** Tries those again whose address or account others may have given up meanwhile, for as long as that helps. */
	async again(): Promise<void> {
		await this.giveUp();
		for (
			let before = Number.POSITIVE_INFINITY;
			this.refused.length > 0 && this.refused.length < before;
		) {
			const refused = this.refused;
			before = refused.length;
			this.refused = [];
			for (const { id, decision, there } of refused) {
				this.conflicts.delete(id);
				await this.guarded(id, () =>
					there
						? this.change(id, there.newId, there.sent, decision)
						: this.create(id, decision),
				);
			}
		}
	}

	/** Shuts those out who moved, or were about to, and are no longer in the source. */
	async removeGone(): Promise<void> {
		const rows = [...this.map.values()];
		const moved = rows.filter(({ state }) => state === "moved").length;
		const gone = rows.filter(
			({ old_id, state }) => state !== "skipped" && !this.seen.has(old_id),
		);
		const left = gone.filter(({ state }) => state === "moved").length;
		if (left > moved * MOST_GONE)
			throw new MigrationError(
				{
					expected: `most of the ${moved} users that moved to be in the source still`,
					found: `${left} of them gone`,
					fix: "check that this is the right source; nobody was shut out",
				},
				ExitCode.refused,
			);
		for (const { old_id: id } of gone)
			await this.guarded(id, () => this.skip(id, "deleted"));
	}

	async result(): Promise<UsersResult> {
		return {
			...this.counts,
			skipped: this.skipped,
			conflicts: [...this.conflicts].map(([id, reason]) => ({ id, reason })),
			remarks: this.remarks.list(),
			states: (await hasUserMap(this.target))
				? await countStates(this.target)
				: {},
		};
	}

	private async skip(id: string, reason: string): Promise<void> {
		const row = this.map.get(id);
		// Who moved while the policy was another stays; but no deleted user logs in.
		if (row?.state === "moved")
			return reason === "deleted"
				? this.shutOut(id, row.new_id ?? "", row.sent)
				: undefined;
		if (
			this.options.dryRun ||
			(row?.state === "skipped" && row.reason === reason)
		)
			return;
		const there = await this.newId(id);
		if (there) return this.shutOut(id, there, sentTo(row));
		await this.note({ old_id: id, new_id: null, state: "skipped", reason });
	}

	/** Creates the user, or brings the one that is there up to date. */
	private async bring(id: string, decision: Create): Promise<void> {
		const row = this.map.get(id);
		if (row?.state === "moved" && row.new_id)
			return this.update(row, row.new_id, decision);
		if (this.options.dryRun) {
			this.counts.moved++;
			return;
		}
		const there = await this.newId(id);
		if (there) {
			this.counts.moved++;
			const sent = sentTo(row);
			await this.moved(id, there, sent, decision);
			return this.change(id, there, sent, decision);
		}
		await this.create(id, decision);
	}

	private async create(id: string, decision: Create): Promise<void> {
		const first = firstStep(decision.user);
		await this.note({
			old_id: id,
			new_id: null,
			state: "pending",
			reason: null,
			sent: unsureOf(NOTHING_SENT, first),
		});
		const creation = await this.stackAuth.create(first, id);
		if (creation.kind === "conflict") {
			const { reason } = creation;
			await this.note({ old_id: id, new_id: null, state: "conflict", reason });
			return this.conflict({ id, decision, reason, there: null });
		}
		this.counts.moved++;
		const { id: newId, accounts } = creation;
		const sent = digestsOf({ ...first, accounts });
		await this.moved(id, newId, sent, decision);
		await this.change(id, newId, sent, decision);
	}

	private async update(
		row: UserMapRow,
		newId: string,
		decision: Create,
	): Promise<void> {
		if (!isChange(row.sent, decision.user)) {
			this.counts.alreadyMoved++;
			// What stood in the way of a change that is no longer wanted.
			if (row.reason !== null && !this.options.dryRun)
				await this.moved(row.old_id, newId, row.sent, decision);
			return;
		}
		if (this.options.dryRun) this.counts.updated++;
		else await this.change(row.old_id, newId, row.sent, decision);
	}

	/** Sends what a user lacks; noted before, as the answer may be lost. */
	private async change(
		id: string,
		newId: string,
		sent: Sent,
		decision: Create,
	): Promise<void> {
		if (!isChange(sent, decision.user)) return;
		await this.moved(id, newId, unsureOf(sent, decision.user), decision);
		const done = await change(this.stackAuth, newId, sent, decision.user);
		await this.moved(id, newId, done.sent, decision, done.refused);
		if (done.refused !== undefined)
			this.conflict({
				id,
				decision,
				reason: done.refused,
				there: { newId, sent: done.sent },
			});
		else if (this.map.get(id)?.state === "moved") this.counts.updated++;
	}

	/**
	 * Takes log-in by their former address from those who were refused a new one,
	 * where somebody else who was refused is to have it: two who swap theirs would
	 * wait for each other.
	 */
	private async giveUp(): Promise<void> {
		const wanted = new Set(
			this.refused
				.filter(({ reason }) => reason === EMAIL_TAKEN)
				.map(({ decision }) => decision.user.fields.primary_email),
		);
		const freed = async (one: Refused): Promise<Refused> => {
			const { id, decision, reason, there } = one;
			if (!there) return one;
			const { newId } = there;
			const former = (await this.stackAuth.user(newId))?.primary_email ?? null;
			if (former === decision.user.fields.primary_email || !wanted.has(former))
				return one;
			const unsure = [
				...(there.sent.unsure ?? []),
				"primary_email_auth_enabled" as const,
			];
			const sent = { ...there.sent, unsure };
			await this.moved(id, newId, sent, decision, reason);
			await this.stackAuth.update(newId, { primary_email_auth_enabled: false });
			return { ...one, there: { newId, sent } };
		};
		for (const [index, one] of this.refused.entries())
			await this.guarded(one.id, async () => {
				this.refused[index] = await freed(one);
			});
	}

	private async shutOut(id: string, newId: string, sent: Sent): Promise<void> {
		if (!isChange(sent, SHUT_OUT)) return;
		this.counts.shutOut++;
		if (this.options.dryRun) return;
		const row = { old_id: id, new_id: newId, state: "moved" as const };
		await this.note({ ...row, reason: null, sent: unsureOf(sent, SHUT_OUT) });
		const done = await change(this.stackAuth, newId, sent, SHUT_OUT);
		// Who was removed there as well is shut out enough.
		const gone = done.refused === USER_GONE;
		if (done.refused !== undefined && !gone)
			this.conflicts.set(id, done.refused);
		await this.note({
			...row,
			reason: done.refused ?? "deleted in the old system",
			sent: gone ? after(sent, SHUT_OUT) : done.sent,
		});
	}

	/**
	 * The user who stands for the old one though the map does not say so: one that
	 * a run made that ended before its note, or whose map was lost. Looked up once,
	 * and only where there is a doubt: reading all users takes its time.
	 */
	private async newId(oldId: string): Promise<string | undefined> {
		const state = this.map.get(oldId)?.state;
		const doubtful =
			this.map.size === 0 || state === "pending" || state === "conflict";
		if (!doubtful) return undefined;
		this.ids ??= this.stackAuth.byOldId().catch((error) => {
			this.ids = undefined;
			throw error;
		});
		return (await this.ids).get(oldId);
	}

	/**
	 * One user to whom the service never answers holds nobody else up, as long as
	 * it answers at all.
	 */
	private async guarded(id: string, work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			if (!(error instanceof NoAnswer)) throw error;
			await this.stackAuth.project();
			this.conflicts.set(
				id,
				`Stack Auth fails at this user each time: ${error.message}`,
			);
		}
	}

	private conflict(refused: Refused): void {
		this.conflicts.set(refused.id, refused.reason);
		if ([EMAIL_TAKEN, ACCOUNT_TAKEN].includes(refused.reason))
			this.refused.push(refused);
	}

	private moved(
		id: string,
		newId: string,
		sent: Sent,
		decision: Create,
		reason: string | null = null,
	): Promise<void> {
		return this.note({
			old_id: id,
			new_id: newId,
			state: "moved",
			reason,
			sent,
			reset_due: decision.resetDue,
		});
	}

	private note(row: Parameters<typeof writeUser>[1]): Promise<void> {
		this.noted = this.noted.then(() => writeUser(this.target, row));
		return this.noted;
	}
}

/** What a user may hold who is there though the map does not say as whom. */
function sentTo(row: UserMapRow | undefined): Sent {
	return row?.state === "pending" ? row.sent : UNKNOWN;
}
