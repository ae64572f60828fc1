import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { CheckResult } from "../../cutover/check";
import { checkpoints } from "../../cutover/checkpoints";
import { readEvidence } from "../../cutover/evidence";
import { run } from "../../cutover/run";
import type { CheckpointName, Signature } from "../../cutover/signatures";
import { signaturesOf } from "../../cutover/standing";
import type { Rehearsal } from "./rehearsal";

export interface Signed {
	checks: CheckResult[];
	signature: Signature;
}

const nobody = "the rehearsal (nobody was asked)";

/**
 * Runs `npm run checkpoint` as a person does: with a file of answers that says
 * that nobody was asked, or at this terminal. The old system's sensors go on
 * sending meanwhile, wherever their webhooks lead.
 *
 * @throws Error with the table of the checks where one failed.
 */
export async function signCheckpoint(
	rehearsal: Rehearsal,
	name: CheckpointName,
	stack: string,
	interactive: boolean,
): Promise<Signed> {
	const command = ["run", "--silent", "checkpoint", "--", name, "-s", stack];
	const { email, password } = rehearsal.logins.carried;
	const env = { CUTOVER_TEST_EMAIL: email, CUTOVER_TEST_PASSWORD: password };
	const sensors = sensorsGoOn(rehearsal);
	try {
		const output = interactive
			? await atTerminal(rehearsal, command, env)
			: await withAnswers(rehearsal, name, stack, command, env);
		process.stdout.write(output);
	} finally {
		await sensors.stop();
	}
	const evidence = z
		.object({ checks: z.array(z.unknown()) })
		.parse(JSON.parse((await readEvidence(stack, `${name}.json`)) ?? "{}"));
	const signature = (await signaturesOf(stack))[name];
	if (!signature) throw new Error(`${name} left no signature on ${stack}`);
	return { checks: evidence.checks as CheckResult[], signature };
}

async function withAnswers(
	rehearsal: Rehearsal,
	name: CheckpointName,
	stack: string,
	command: string[],
	env: Record<string, string>,
): Promise<string> {
	const questions = checkpoints[name].questions(rehearsal.site(stack));
	const answers = Object.fromEntries(
		questions.map(({ id }) => [id, { yes: true, note: "nobody was asked" }]),
	);
	await mkdir(rehearsal.logs, { recursive: true });
	const file = join(rehearsal.logs, `answers-${name}.json`);
	await writeFile(file, JSON.stringify({ person: nobody, answers }));
	const result = await run("npm", [...command, "--answers", file], {
		cwd: rehearsal.folder,
		env,
	});
	await writeFile(join(rehearsal.logs, `checkpoint-${name}.log`), result.all);
	if (result.exitCode !== 0) throw new Error(result.all.trim());
	return result.stdout;
}

/** The terminal is the person's: nothing is kept of it but evidence and signature. */
function atTerminal(
	rehearsal: Rehearsal,
	command: string[],
	env: Record<string, string>,
): Promise<string> {
	return new Promise((resolve, reject) => {
		const child = spawn("npm", command, {
			cwd: rehearsal.folder,
			env: { ...process.env, ...env },
			stdio: "inherit",
		});
		child.once("error", reject);
		child.once("close", (code) =>
			code === 0
				? resolve("")
				: reject(new Error(`npm run checkpoint ended with ${code}`)),
		);
	});
}

/** An uplink a second until it is stopped; what becomes of each the checks see. */
function sensorsGoOn({ control }: Rehearsal): { stop(): Promise<void> } {
	let running = true;
	const loop = (async () => {
		while (running) {
			await control.sendUplink(3.5).catch(() => undefined);
			await delay(1_000);
		}
	})();
	return {
		async stop() {
			running = false;
			await loop;
		},
	};
}
