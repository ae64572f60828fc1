import { createInterface } from "node:readline/promises";
import { Listr, type ListrTask, PRESET_TIMER, PRESET_TIMESTAMP } from "listr2";
import { type CheckResult, runCheck } from "../../cutover/check";
import { now } from "../../cutover/clock";
import { ExitCode, UserError } from "../../cutover/errors";
import { sign } from "../../cutover/evidence";
import type { PlannedCheckpoint, Step } from "./plan";
import type { Recorder } from "./recorder";
import type { Rehearsal } from "./rehearsal";

/**
 * Plays steps in order: a live list with times on a terminal, plain lines
 * without one. Stops at the first failure.
 *
 * @param final true where the results are facts for the end of SUMMARY.md.
 */
export async function playSteps(
	recorder: Recorder,
	title: string,
	steps: Step[],
	final = false,
): Promise<void> {
	await show(
		title,
		steps.map((step) => ({
			title: step.title,
			async task(_context, task) {
				const detail = await recorder.step(
					step.title,
					() => step.run(),
					(seen) => seen,
				);
				task.title = `${step.title}: ${detail}`;
				if (final) recorder.final.push({ fact: step.title, detail });
			},
		})),
	);
}

/** Plays one checkpoint: its steps, its checks side by side, its signature. */
export async function playCheckpoint(
	rehearsal: Rehearsal,
	checkpoint: PlannedCheckpoint,
	options: { interactive: boolean; release: Record<string, string> },
): Promise<void> {
	const { recorder } = rehearsal;
	const record = recorder.checkpoint(checkpoint.name);
	record.startedAt = now().toISOString();
	record.status = "failed";
	try {
		await playSteps(recorder, checkpoint.name, checkpoint.steps);
		const checks = checkpoint.checks();
		const results = new Array<CheckResult>(checks.length);
		await recorder.step(`${checkpoint.name}: ${checks.length} checks`, () =>
			show(
				`${checkpoint.name}: checks`,
				checks.map((check, index) => ({
					title: check.name,
					async task(_context, task) {
						const result = await runCheck(check);
						results[index] = result;
						if (result.status === "failed") {
							throw new Error(
								`${check.name}: ${result.detail}\n  look at: ${check.lookAt}`,
							);
						}
						task.title = `${check.name}: ${result.detail}`;
					},
				})),
				{ concurrent: true },
			).finally(() => {
				record.checks = results.filter(Boolean);
			}),
		);
		const person = options.interactive
			? await ask(checkpoint.name)
			: "the rehearsal (nobody was asked)";
		record.signature = await sign({
			checkpoint: checkpoint.name,
			stack: checkpoint.stack,
			person,
			release: options.release,
			checks: record.checks,
		});
		record.status = "signed";
		process.stdout.write(`${checkpoint.name}: signed by ${person}\n`);
	} finally {
		record.finishedAt = now().toISOString();
	}
}

async function ask(name: string): Promise<string> {
	const terminal = createInterface({
		input: process.stdin,
		output: process.stdout,
	});
	try {
		const person = await terminal.question(
			`Sign ${name}? Your name signs, an empty line refuses: `,
		);
		if (person.trim()) return person.trim();
	} finally {
		terminal.close();
	}
	throw new UserError(
		{
			expected: `a signature for ${name}`,
			found: "a refusal",
			fix: "look at what kept you from signing, then rehearse again",
		},
		ExitCode.refused,
	);
}

async function show(
	title: string,
	tasks: ListrTask[],
	options: { concurrent?: boolean } = {},
): Promise<void> {
	process.stdout.write(`\n${title}\n`);
	const list = new Listr(tasks, {
		concurrent: options.concurrent ?? false,
		// Side by side, all are seen to their end; in order, the first failure ends it.
		exitOnError: !options.concurrent,
		collectErrors: "minimal",
		renderer: "default",
		fallbackRenderer: "simple",
		rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false },
		fallbackRendererOptions: {
			timer: PRESET_TIMER,
			timestamp: PRESET_TIMESTAMP,
		},
	});
	await list.run();
	const [first] = list.errors;
	if (first) throw first.error;
}
