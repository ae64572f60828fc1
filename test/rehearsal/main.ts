import { cp } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../../cutover/errors";
import { main } from "../../cutover/main";
import { checkpointNames } from "../../cutover/signatures";
import { faultsAreTold } from "./alerts";
import type { Control } from "./control";
import { keptText } from "./kept";
import { plan } from "./plan";
import { playCheckpoint, playSteps } from "./play";
import { prepare } from "./prepare";
import { provenance } from "./provenance";
import { Recorder } from "./recorder";
import { returnSteps } from "./return";
import { Lifetime, rehearsalFolder, takeDown } from "./state";
import { writeSummary } from "./summary";

const checkout = join(__dirname, "..", "..");

interface Options {
	keep: boolean;
	interactive: boolean;
	/** Adds the faults of alerts.ts: a quarter of an hour more. */
	faults: boolean;
}

async function rehearse(options: Options): Promise<void> {
	const recorder = new Recorder(checkpointNames);
	const left = await takeDown();
	if (left) {
		recorder.issues.push({
			issue: `found ${left}`,
			resolution: "taken down before this one began",
		});
	}
	const lifetime = new Lifetime();
	await lifetime.begin();
	for (const [signal, exitCode] of [
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const) {
		process.once(signal, () => {
			void lifetime.end().finally(() => process.exit(exitCode));
		});
	}
	const facts = { provenance: await provenance(), configured: [] as string[] };
	let kept = false;
	try {
		await play(options, recorder, lifetime, facts);
		kept = options.keep;
	} finally {
		await copyEvidence();
		await writeSummary(checkout, recorder, facts);
		if (!kept) await lifetime.end();
		process.stdout.write(
			`\n${recorder.failure ? "stopped" : "done"}: SUMMARY.md, evidence/rehearsal/summary.json\n`,
		);
	}
}

async function play(
	options: Options,
	recorder: Recorder,
	lifetime: Lifetime,
	facts: { configured: string[] },
): Promise<void> {
	let control: Control | undefined;
	try {
		const { rehearsal, configured } = await prepare(
			checkout,
			recorder,
			lifetime,
		);
		control = rehearsal.control;
		facts.configured = configured;
		for (const checkpoint of plan(rehearsal)) {
			await playCheckpoint(rehearsal, checkpoint, options.interactive);
		}
		if (options.faults)
			await playSteps(recorder, "three faults", faultsAreTold(rehearsal));
		if (options.keep) {
			await lifetime.keep();
			process.stdout.write(keptText(rehearsal));
		} else {
			await playSteps(recorder, "return", returnSteps(rehearsal), true);
		}
	} catch (error) {
		// Shown already, step by step; what is left to say is where to look.
		if (!recorder.failure) throw error;
		for (const failure of (await control?.failures()) ?? []) {
			recorder.failure.message += `\nthe emulator says: ${failure}`;
		}
		throw new UserError(
			{
				expected: `"${recorder.failure.title}" to pass`,
				found: recorder.failure.message,
				fix: `look at SUMMARY.md and at the logs in ${join(rehearsalFolder, "logs")}`,
			},
			ExitCode.failure,
		);
	}
}

/** The stacks' own evidence lies in the rehearsal's folder; the checkout gets a copy. */
async function copyEvidence(): Promise<void> {
	const from = join(rehearsalFolder, "program", "evidence");
	const to = join(checkout, "evidence", "rehearsal");
	await cp(from, to, { recursive: true, force: true }).catch(
		(error: NodeJS.ErrnoException) => {
			if (error.code !== "ENOENT") throw error;
		},
	);
}

main(async () => {
	const { values } = parseArgs({
		options: {
			keep: { type: "boolean", default: false },
			down: { type: "boolean", default: false },
			interactive: { type: "boolean", default: false },
			faults: { type: "boolean", default: false },
			// Set-up's: it has put the folder on PATH by now.
			plugins: { type: "string" },
		},
	});
	if (values.down) {
		const left = await takeDown();
		process.stdout.write(`${left ? `taken down: ${left}` : "nothing is up"}\n`);
	} else {
		await rehearse(values);
	}
});
