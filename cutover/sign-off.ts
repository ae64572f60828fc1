import {
	type Answers,
	answersIn,
	ask,
	exampleAnswers,
	listed,
} from "./answers";
import { type CheckResult, runChecks } from "./check";
import type { Checkpoint, Question } from "./checkpoints/checkpoint";
import { Site } from "./checks/site";
import { ExitCode, UserError } from "./errors";
import { sign } from "./evidence";
import { redact } from "./redact";
import { commitOfProgram } from "./release";
import { runOrThrow } from "./run";
import type { CheckpointName, Signature } from "./signatures";
import { readStack } from "./stack";
import { simpleName } from "./stack-name";
import { table } from "./table";

/** Of the environment; what they hold stands in no evidence. */
const secretVariables = [
	"CUTOVER_TEST_PASSWORD",
	"DIGITALOCEAN_TOKEN",
	"PULUMI_CONFIG_PASSPHRASE",
];

/**
 * Runs a checkpoint's checks side by side, shows them, asks what no machine can
 * know, writes the evidence and signs it in the stack's configuration.
 *
 * @param stack as Pulumi takes it.
 * @param file of answers; without one, a person at the terminal is asked.
 * @returns what happened, for the person.
 * @throws UserError before anything is signed: bad input where nobody can be
 *   asked, differences where a check failed, refused where a person said no.
 */
export async function signOff(
	name: CheckpointName,
	stack: string,
	{ checks, questions }: Checkpoint,
	file?: string,
): Promise<string> {
	const { outputs, config, secrets } = await readStack(stack);
	const site = new Site(simpleName(stack), outputs, config);
	// Before the checks, which take minutes: a person is asked only after them.
	const given = await answersGiven(name, file, questions(site));
	const results = hide(await runChecks(checks(site)), secrets);
	process.stdout.write(`${table(results)}\n`);
	refuseFailed(name, results);
	const { person, manual } = given ?? (await ask(name, questions(site)));
	const { release, images, migration } = outputs;
	const signature = await sign({
		...{ checkpoint: name, stack: site.stack, person, release },
		about: {
			commit: await commitOfProgram(),
			mapping: migration.mapping ?? "none",
			...images,
		},
		checks: results,
		manual,
	});
	await record(stack, name, signature);
	return `${name} signed by ${person} for release ${release}, in evidence/${site.stack}/${name}.json and Pulumi.${site.stack}.yaml: commit both; what comes next: npm run status -- -s ${stack}`;
}

/** Out of the file; undefined where a person at the terminal will be asked. */
async function answersGiven(
	name: CheckpointName,
	file: string | undefined,
	questions: Question[],
): Promise<Answers | undefined> {
	if (file) return answersIn(file, questions);
	if (process.stdin.isTTY) return undefined;
	throw new UserError({
		expected: `a person at a terminal for ${name}, or --answers FILE`,
		found: "neither",
		fix: `write a file ${exampleAnswers(questions)} with answers to${listed(questions)}`,
	});
}

function hide(results: CheckResult[], secrets: string[]): CheckResult[] {
	const hidden = [
		...secrets,
		...secretVariables.flatMap((variable) => process.env[variable] ?? []),
	];
	return results.map((result) => ({
		...result,
		detail: redact(result.detail, hidden),
	}));
}

function refuseFailed(name: CheckpointName, results: CheckResult[]): void {
	const failed = results.filter(({ status }) => status === "failed");
	if (failed.length === 0) return;
	throw new UserError(
		{
			expected: `all ${results.length} checks of ${name} to pass`,
			found: `${failed.length} failed: ${failed.map((check) => check.name).join(", ")}`,
			fix: "look where the table says, then run it again; nothing was signed",
		},
		ExitCode.differences,
	);
}

/** One write, so that a killed run leaves no half of a signature. */
async function record(
	stack: string,
	name: CheckpointName,
	signature: Signature,
): Promise<void> {
	const pairs = Object.entries(signature).flatMap(([key, value]) => [
		"--plaintext",
		`cutover:signatures.${name}.${key}=${value}`,
	]);
	await runOrThrow("pulumi", [
		...["config", "set-all", "-s", stack, "--path", ...pairs],
		"--non-interactive",
	]);
}
