import { stripVTControlCharacters } from "node:util";
import { runProgram } from "./child.mjs";

/** The suites in order: what fails fastest comes first, the rehearsal last. */
const SUITES = [
	{ title: "type-check", command: ["tsc", "--noEmit"] },
	{ title: "lint", command: ["biome", "check", "."] },
	{
		title: "tests",
		command: ["mocha", "--ignore", "test/rehearsal/**", "test/**/*.test.ts"],
		counts: true,
	},
	{
		title: "rehearsal",
		command: ["mocha", "test/rehearsal/**/*.test.ts"],
		counts: true,
	},
];

/**
 * Runs all suites, each even when one before failed, and prints the sum as the
 * last line.
 * @param {string} root of the repository
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} args further arguments for mocha, for instance --grep
 * @returns {Promise<number>} exit code
 */
export async function runTests(root, env, args) {
	const sum = { passed: 0, failed: 0 };
	for (const { title, command, counts } of SUITES) {
		console.log(`\n== ${title}: ${command.join(" ")}`);
		let output = "";
		const [tool, ...rest] = command;
		const code = await runProgram(
			`${root}/node_modules/.bin/${tool}`,
			counts ? [...rest, ...args] : rest,
			{
				cwd: root,
				env,
				onOutput: (text) => {
					output += text;
				},
			},
		);
		// An interrupted run has no counts worth printing.
		if (code > 128) return code;
		const found = counts ? countsOf(output) : undefined;
		sum.passed += found?.passed ?? (code === 0 ? 1 : 0);
		// A run that ends badly without a failed test failed all the same.
		sum.failed += Math.max(found?.failed ?? 0, code === 0 ? 0 : 1);
	}
	console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
	return sum.failed === 0 ? 0 : 1;
}

/**
 * What mocha's spec reporter says at the end of a run.
 * @param {string} output
 * @returns {{passed: number, failed: number}}
 */
export function countsOf(output) {
	// Colours are on where CI=true says so, terminal or not.
	const plain = stripVTControlCharacters(output);
	const number = (word) =>
		Number(
			[...plain.matchAll(new RegExp(`^ +(\\d+) ${word}\\b`, "gm"))].at(
				-1,
			)?.[1] ?? 0,
		);
	return { passed: number("passing"), failed: number("failing") };
}
