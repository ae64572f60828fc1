import { withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { type FreezeResult, freeze, unfreeze } from "../freeze/barrier";
import { readFreeze } from "../freeze/record";
import { type Options, sourceOf } from "../options";
import { hasAuth } from "../users/source";
import { describeFreeze, maxFreezeOf } from "./freeze";
import type { Outcome } from "./outcome";
import { withDrain } from "./sync";
import { runUsers } from "./users";
import { runVerify } from "./verify";

/** Triggers of a barrier that was lifted may wait for this long for their tables. */
const LIFT_MS = 5000;

/**
 * All of a freeze in one process: barrier, last users, drain, proof. Whatever can be
 * made before is made while the source serves. Where a part fails, finds a difference,
 * or the deadline passes, the barrier is lifted at once and the exit code is the
 * failure's; where this process dies, the server lifts it at the deadline.
 */
export async function runFreezeDrain(options: Options): Promise<Outcome> {
	const maxFreeze = maxFreezeOf(options);
	const source = sourceOf(options);
	if (options.dryRun)
		return describeFreeze(await freeze(source, options), options);
	const phases: Record<string, number> = {};
	const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
		const startedAt = performance.now();
		const result = await work();
		phases[name] = round((performance.now() - startedAt) / 1000);
		process.stderr.write(`freeze: ${name} took ${phases[name]} s\n`);
		return result;
	};
	const users = (await withConnection(source, { readOnly: true }, hasAuth))
		? () => runUsers({ ...options, directory: undefined, sendResets: false })
		: undefined;
	const before = await users?.();
	if (before && before.exitCode !== ExitCode.done)
		return { ...before, lines: [...before.lines, "nothing was frozen"] };
	// Nothing is worth waiting for beyond the deadline.
	const patience = Math.min(options.patience, maxFreeze * 1000);
	return withDrain({ ...options, patience }, async (drain) => {
		const frozen = await timed("barrier", () => freeze(source, options));
		const steps: [string, () => Promise<Outcome>][] = [
			...(users ? [["users", users] as [string, typeof users]] : []),
			["drain", drain],
			[
				"proof",
				() =>
					runVerify({ ...options, sinceBaseline: true, directory: undefined }),
			],
		];
		const parts: Record<string, Outcome> = {};
		const report = (): Outcome => {
			const list = Object.entries(parts);
			const { json, lines } = describeFreeze(frozen, options);
			return {
				json: {
					...json,
					phases,
					...Object.fromEntries(list.map(([name, part]) => [name, part.json])),
				},
				lines: [...lines, ...list.flatMap(([, part]) => part.lines)],
				exitCode: list.at(-1)?.[1].exitCode ?? ExitCode.done,
			};
		};
		try {
			await beforeDeadline(frozen, maxFreeze, async () => {
				for (const [name, work] of steps) {
					const part = await timed(name, work);
					parts[name] = part;
					if (part.exitCode !== ExitCode.done) return;
				}
				await refuseLapsed(options, frozen);
			});
		} catch (error) {
			throw withNote(error, await lift(options, frozen));
		}
		const outcome = report();
		if (outcome.exitCode === ExitCode.done)
			return { ...outcome, json: { ...outcome.json, lifted: false } };
		return {
			...outcome,
			json: { ...outcome.json, lifted: true },
			lines: [...outcome.lines, await lift(options, frozen)],
		};
	});
}

/**
 * Does `work`; fails where that takes longer than the freeze may last, or a signal
 * comes, though `work` may hang. It is not stopped: the process ends with its failure.
 */
async function beforeDeadline(
	{ until }: FreezeResult,
	seconds: number,
	work: () => Promise<void>,
): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	let onSignal = () => {};
	const given = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(tooLate(until)), seconds * 1000);
		onSignal = () => reject(interrupted());
		process.once("SIGTERM", onSignal);
		process.once("SIGINT", onSignal);
	});
	try {
		await Promise.race([work(), given]);
	} finally {
		clearTimeout(timer);
		process.off("SIGTERM", onSignal);
		process.off("SIGINT", onSignal);
	}
}

/** What was proven holds only where the barrier has stood to the end. */
async function refuseLapsed(
	options: Options,
	frozen: FreezeResult,
): Promise<void> {
	const now = await withConnection(
		sourceOf(options),
		{ readOnly: true },
		readFreeze,
	);
	if (!now || now.lapsed || now.frozenAt !== frozen.frozenAt)
		throw tooLate(frozen.until);
}

/** Lets the source serve again; says so, or when it will by itself. Never fails. */
async function lift(
	options: Options,
	{ until }: FreezeResult,
): Promise<string> {
	const lockTimeout = Math.min(options.lockTimeout, LIFT_MS);
	try {
		const { tables } = await unfreeze(sourceOf(options), {
			...{ dryRun: false, lockTimeout, leaseOnly: true },
		});
		if (tables.length === 0)
			return "the barrier was made to stay meanwhile, and stands";
	} catch (error) {
		// Somebody reads: only the triggers are left, which do nothing.
		if (
			!(error instanceof MigrationError) ||
			error.exitCode !== ExitCode.refused
		)
			return `the barrier could not be lifted (${(error as Error).message}): the source serves again from ${until} on`;
	}
	return "the barrier is lifted: the source serves again";
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

function tooLate(until: string | null): MigrationError {
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

function round(seconds: number): number {
	return Number(seconds.toFixed(3));
}
