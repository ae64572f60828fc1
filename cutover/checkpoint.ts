import { parseArgs } from "node:util";
import {
	type Answers,
	answersIn,
	ask,
	exampleAnswers,
	listed,
} from "./answers";
import { runChecks } from "./check";
import { checkpoints } from "./checkpoints";
import type { Question } from "./checkpoints/checkpoint";
import { Site } from "./checks/site";
import { ExitCode, UserError } from "./errors";
import { sign } from "./evidence";
import { main } from "./main";
import { redact } from "./redact";
import { commitOfProgram } from "./release";
import { runOrThrow } from "./run";
import {
	type CheckpointName,
	checkpointNames,
	type Signature,
} from "./signatures";
import { readStack } from "./stack";
import { simpleName } from "./stack-name";
import { table } from "./table";

const usage = "npm run checkpoint -- NAME -s STACK [--answers FILE]";

/** Of the environment; what they hold stands in no evidence. */
const secretVariables = [
	"CUTOVER_TEST_PASSWORD",
	"DIGITALOCEAN_TOKEN",
	"PULUMI_CONFIG_PASSPHRASE",
];

/**
 * Runs a checkpoint's checks side by side, shows them, asks what no machine can
 * know, writes the evidence and signs it in the stack's configuration. Exit codes:
 * 2 bad input, 3 a check failed, 4 a person said no, 1 anything else; only 0
 * leaves a signature.
 */
main(async () => {
	const { name, stack, file } = commandLine();
	const { outputs, config, secrets } = await readStack(stack);
	const site = new Site(simpleName(stack), outputs, config);
	const { checks, questions } = checkpoints[name];
	// Before the checks, which take minutes: a person is asked only after them.
	const given = await answersGiven(name, file, questions(site));
	const hidden = [
		...secrets,
		...secretVariables.flatMap((variable) => process.env[variable] ?? []),
	];
	const results = (await runChecks(checks(site))).map((result) => ({
		...result,
		detail: redact(result.detail, hidden),
	}));
	process.stdout.write(`${table(results)}\n`);
	const failed = results.filter(({ status }) => status === "failed");
	if (failed.length > 0)
		throw new UserError(
			{
				expected: `all ${results.length} checks of ${name} to pass`,
				found: `${failed.length} failed: ${failed.map((check) => check.name).join(", ")}`,
				fix: "look where the table says, then run it again; nothing was signed",
			},
			ExitCode.differences,
		);
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
	process.stdout.write(
		`${name} signed by ${person} for release ${release}: evidence/${site.stack}/${name}.json and Pulumi.${site.stack}.yaml; commit both, then npm run status -- -s ${stack}\n`,
	);
});

function commandLine(): {
	name: CheckpointName;
	stack: string;
	file: string | undefined;
} {
	const { values, positionals } = parse();
	const [name, ...rest] = positionals;
	const known = checkpointNames.find((checkpoint) => checkpoint === name);
	if (!known || rest.length > 0 || !values.stack)
		throw new UserError({
			expected: `one of ${checkpointNames.join(", ")}, and a stack`,
			found: positionals.join(" ") || "no checkpoint",
			fix: usage,
		});
	return { name: known, stack: values.stack, file: values.answers };
}

function parse() {
	try {
		return parseArgs({
			allowPositionals: true,
			options: {
				stack: { type: "string", short: "s" },
				answers: { type: "string" },
			},
		});
	} catch (error) {
		throw new UserError({
			expected: "options of this command",
			found: (error as Error).message,
			fix: usage,
		});
	}
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
