/*
 * Gets all that is missing, runs the real program, and stops what it started:
 *
 *   node test/setup/main.mjs setup | rehearse | emulator | test | bench | clean [ARGUMENTS]
 *
 * Plain JavaScript without dependencies: it runs before npm has installed any.
 */
import { join } from "node:path";
import { Cache, cacheFolder } from "./cache.mjs";
import { runProgram, SIGNALS } from "./child.mjs";
import { clean } from "./clean.mjs";
import { Interrupted, SetupError } from "./errors.mjs";
import { interrupt } from "./exec.mjs";
import { Report } from "./report.mjs";
import { Session } from "./session.mjs";
import { runTests } from "./tests.mjs";

const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = {
	rehearse: "test/rehearsal/main.ts",
	emulator: "test/emulator/main.ts",
	bench: "bench/main.ts",
};
const COMMANDS = ["setup", "rehearse", "emulator", "test", "bench", "clean"];

async function main([command, ...args]) {
	checkCommand(command);
	const print = (line) => process.stderr.write(`${line}\n`);
	if (command === "clean") {
		await clean(ROOT, print);
		return 0;
	}
	const session = new Session(
		ROOT,
		new Cache(cacheFolder()),
		new Report(print),
	);
	const down = args.includes("--down");
	let keep = false;
	try {
		const { env } = await interruptible(() => prepare(session, command, args));
		keep = args.includes("--keep");
		if (command === "setup") return 0;
		if (command === "test") {
			await interruptible(() => session.addTestTools());
			return await runTests(ROOT, env, args);
		}
		const program = ["--import", "tsx", PROGRAMS[command], ...args];
		return await runProgram(process.execPath, program, { cwd: ROOT, env });
	} finally {
		await session.end({ keep, down });
	}
}

/** What a command needs: all of it, or the little that will do. */
function prepare(session, command, args) {
	if (args.includes("--down")) return session.startEngine();
	if (command === "bench") return session.startBench();
	return session.start({ plugins: optionValue(args, "--plugins") });
}

/** Does work that a signal ends in order: commands die, locks are given back. */
async function interruptible(work) {
	for (const signal of SIGNALS) process.on(signal, interrupt);
	try {
		return await work();
	} finally {
		for (const signal of SIGNALS) process.off(signal, interrupt);
	}
}

function checkCommand(command) {
	if (!COMMANDS.includes(command))
		throw new SetupError({
			expected: `one of the commands ${COMMANDS.join(", ")}`,
			found: command ?? "none",
			fix: "npm run setup | rehearse | emulator | bench | clean, or npm test",
		});
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major < 20 || (major === 20 && minor < 19))
		throw new SetupError({
			expected: "Node 20.19 or newer",
			found: process.version,
			fix: "install a newer Node (https://nodejs.org)",
		});
}

/** The value of `--name VALUE` or `--name=VALUE`. */
function optionValue(args, name) {
	const index = args.indexOf(name);
	if (index >= 0) return args[index + 1];
	return args
		.find((each) => each.startsWith(`${name}=`))
		?.slice(name.length + 1);
}

try {
	process.exitCode = await main(process.argv.slice(2));
} catch (error) {
	const expected = error instanceof SetupError || error instanceof Interrupted;
	process.stderr.write(`\n${expected ? error.message : error.stack}\n`);
	// As a shell reports an interrupted command.
	process.exitCode = error instanceof Interrupted ? 130 : 1;
}
