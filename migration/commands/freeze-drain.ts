import { withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import {
	type FreezeResult,
	freeze,
	liftLease,
	unfreeze,
} from "../freeze/barrier";
import { standingFreeze } from "../freeze/record";
import { type Options, sourceOf } from "../options";
import { hasAuth } from "../users/source";
import { describeFreeze, maxFreezeOf } from "./freeze";
import type { Outcome } from "./outcome";
import { withDrain } from "./sync";
import { runUsers } from "./users";
import { runVerify } from "./verify";

/** The triggers of a barrier that was lifted may wait for this long for their tables. */
const CLEAN_UP_MS = 5000;

type Step = readonly [name: string, run: () => Promise<Outcome>];

/**
 * All of a freeze in one process: barrier, last users, drain, proof. Whatever can be
 * done before is done while the source serves. Where a part fails, finds a difference,
 * or the deadline passes, the barrier is lifted at once and the exit code is the
 * failure's; where this process dies, the server lifts it at the deadline.
 */
export async function runFreezeDrain(options: Options): Promise<Outcome> {
	const maxFreeze = maxFreezeOf(options);
	const source = sourceOf(options);
	if (options.dryRun)
		return describeFreeze(await freeze(source, options), options);
	const parts = { ...options, directory: undefined, sendResets: false };
	options.metrics.phase("prepare");
	const users = (await withConnection(source, { readOnly: true }, hasAuth))
		? () => runUsers(parts)
		: undefined;
	const early = await users?.();
	if (early && early.exitCode !== ExitCode.done)
		return { ...early, lines: [...early.lines, "nothing was frozen"] };
	// Nothing is worth waiting for beyond the deadline.
	const patience = Math.min(options.patience, maxFreeze * 1000);
	const run = new FreezeRun(options, maxFreeze);
	try {
		return await withDrain({ ...options, patience }, (drain) =>
			run.freeze([
				...(users ? ([["users", users]] as Step[]) : []),
				["drain", drain],
				["proof", () => runVerify({ ...parts, sinceBaseline: true })],
			]),
		);
	} finally {
		// Only now: the drain's own sessions may have used the tables until here.
		if (run.lifted)
			await unfreeze(source, {
				dryRun: false,
				lockTimeout: Math.min(options.lockTimeout, CLEAN_UP_MS),
			}).catch(() => {});
	}
}

class FreezeRun {
	/** The barrier was lifted again, by us. */
	lifted = false;
	private readonly phases: Record<string, number> = {};

	constructor(
		private readonly options: Options,
		/** Seconds. */
		private readonly maxFreeze: number,
	) {}

	/** Freezes, and takes the steps until one does not end well. */
	async freeze(steps: readonly Step[]): Promise<Outcome> {
		const signal = new Interrupt();
		try {
			const frozen = await this.timed("barrier", () =>
				freeze(sourceOf(this.options), this.options),
			);
			this.noteFrozen(frozen);
			const done: Record<string, Outcome> = {};
			let exitCode: number = ExitCode.done;
			try {
				await Promise.race([
					signal.given,
					deadline(this.maxFreeze, frozen),
					(async () => {
						for (const [name, work] of steps) {
							const outcome = await this.timed(name, work);
							done[name] = outcome;
							exitCode = outcome.exitCode;
							if (exitCode !== ExitCode.done) return;
						}
						await this.refuseLapsed(frozen);
					})(),
				]);
			} catch (error) {
				throw withNote(error, await this.lift(frozen));
			}
			const note = exitCode === ExitCode.done ? [] : [await this.lift(frozen)];
			const barrier = describeFreeze(frozen, this.options);
			const outcomes = Object.entries(done);
			return {
				json: {
					...barrier.json,
					phases: this.phases,
					lifted: this.lifted,
					...Object.fromEntries(
						outcomes.map(([name, { json }]) => [name, json]),
					),
				},
				lines: [
					...barrier.lines,
					...outcomes.flatMap(([, { lines }]) => lines),
					...note,
				],
				exitCode,
			};
		} finally {
			signal.ignore();
		}
	}

	private async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
		const startedAt = performance.now();
		this.options.metrics.phase(name);
		const result = await work();
		const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(3));
		this.phases[name] = seconds;
		this.options.metrics.set("cutover_freeze_seconds", seconds, {
			phase: name,
		});
		process.stderr.write(`freeze: ${name} took ${seconds} s\n`);
		return result;
	}

	private noteFrozen({ frozenAt, until }: FreezeResult): void {
		const { metrics } = this.options;
		metrics.set("cutover_freeze_lifted", 0);
		for (const [name, time] of [
			["cutover_freeze_started_timestamp_seconds", frozenAt],
			["cutover_freeze_deadline_timestamp_seconds", until],
		] as const)
			if (time !== null) metrics.set(name, Date.parse(time) / 1000);
	}

	/** What was proven holds only where the barrier has stood to the end. */
	private async refuseLapsed(frozen: FreezeResult): Promise<void> {
		const standing = await withConnection(
			sourceOf(this.options),
			{ readOnly: true },
			standingFreeze,
		);
		if (standing?.frozenAt !== frozen.frozenAt) throw tooLate(frozen);
	}

	/** Lets the source serve again; says so, or from when on it will. Never fails. */
	private async lift({ until }: FreezeResult): Promise<string> {
		try {
			this.lifted = await liftLease(sourceOf(this.options));
			this.options.metrics.set("cutover_freeze_lifted", Number(this.lifted));
			return this.lifted
				? "the barrier is lifted: the source serves again"
				: "somebody has lifted the barrier meanwhile, or made it stay: see freeze --state";
		} catch (error) {
			return `the barrier could not be lifted (${(error as Error).message}): the source serves again from ${until} on`;
		}
	}
}

/** SIGTERM or SIGINT, from now on until it is ignored. */
class Interrupt {
	readonly given: Promise<never>;
	private onSignal = () => {};

	constructor() {
		this.given = new Promise((_, reject) => {
			this.onSignal = () => reject(interrupted());
		});
		// It may come before anybody waits for it.
		this.given.catch(() => {});
		process.once("SIGTERM", this.onSignal);
		process.once("SIGINT", this.onSignal);
	}

	ignore(): void {
		process.off("SIGTERM", this.onSignal);
		process.off("SIGINT", this.onSignal);
	}
}

/** Fails when the time is over, though a step may hang: the process ends with it. */
function deadline(seconds: number, frozen: FreezeResult): Promise<never> {
	return new Promise((_, reject) => {
		setTimeout(() => reject(tooLate(frozen)), seconds * 1000).unref();
	});
}

function withNote(error: unknown, note: string): unknown {
	if (error instanceof MigrationError)
		return new MigrationError(
			{ ...error, found: `${error.found}; ${note}` },
			error.exitCode,
		);
	process.stderr.write(`freeze: ${note}\n`);
	return error;
}

function tooLate({ until }: FreezeResult): MigrationError {
	return new MigrationError(
		{
			expected: "the freeze to be done before its deadline",
			found: `work left at ${until}`,
			fix: "see above which part took how long, then freeze again, with a longer --max-freeze if need be",
		},
		ExitCode.failure,
	);
}

function interrupted(): MigrationError {
	return new MigrationError(
		{
			expected: "the freeze to be done",
			found: "a signal to end",
			fix: "freeze again",
		},
		ExitCode.failure,
	);
}
