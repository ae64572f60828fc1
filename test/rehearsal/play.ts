import { Listr, type ListrTask, PRESET_TIMER, PRESET_TIMESTAMP } from "listr2";
import { now } from "../../cutover/clock";
import type { PlannedCheckpoint } from "./plan";
import type { Recorder } from "./recorder";
import type { Rehearsal } from "./rehearsal";
import { signCheckpoint } from "./sign";
import type { Step } from "./step";

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

/** Plays one checkpoint: its steps, then its checks and its signature as a person gets them. */
export async function playCheckpoint(
	rehearsal: Rehearsal,
	{ name, stack, steps }: PlannedCheckpoint,
	interactive: boolean,
): Promise<void> {
	const { recorder } = rehearsal;
	const record = recorder.checkpoint(name);
	record.startedAt = now().toISOString();
	record.status = "failed";
	record.stack = stack;
	try {
		await playSteps(recorder, name, steps);
		process.stdout.write(`\n${name}: npm run checkpoint\n`);
		const { checks, signature } = await recorder.step(
			`${name}: npm run checkpoint`,
			() => signCheckpoint(rehearsal, name, stack, interactive),
			(signed) => `${signed.checks.length} checks passed`,
		);
		Object.assign(record, { checks, signature, status: "signed" });
	} finally {
		record.finishedAt = now().toISOString();
	}
}

async function show(title: string, tasks: ListrTask[]): Promise<void> {
	process.stdout.write(`\n${title}\n`);
	const list = new Listr(tasks, {
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
}
