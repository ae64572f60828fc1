import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Runs a program with this one's terminal and hands signals on to it.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd: string, env: NodeJS.ProcessEnv, onOutput?: (text: string) => void}} options
 *   onOutput also gets what the program prints on standard output
 * @returns {Promise<number>} its exit code; 128 + the signal's number when a signal ended it
 */
export function runProgram(command, args, { cwd, env, onOutput }) {
	return new Promise((resolve, reject) => {
		const stdout = onOutput ? "pipe" : "inherit";
		const child = spawn(command, args, {
			cwd,
			env,
			stdio: ["inherit", stdout, "inherit"],
		});
		child.stdout?.on("data", (chunk) => {
			process.stdout.write(chunk);
			onOutput(chunk.toString());
		});
		const forward = (signal) => {
			// A terminal sends ^C to the whole group: the program has it already.
			if (signal === "SIGINT" && process.stdin.isTTY) return;
			child.kill(signal);
		};
		for (const signal of SIGNALS) process.on(signal, forward);
		const done = () => {
			for (const signal of SIGNALS) process.off(signal, forward);
		};
		child.on("error", (error) => {
			done();
			reject(error);
		});
		child.on("close", (code, signal) => {
			done();
			resolve(code ?? 128 + signalNumber(signal));
		});
	});
}

export const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

function signalNumber(signal) {
	return constants.signals[signal] ?? 0;
}
