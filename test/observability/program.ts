import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../rehearsal/state";

/**
 * The full path of a program that set-up provides, on PATH or in its cache.
 *
 * @param names as it is called at its makers', and in Debian
 * @throws Error where it is in neither: `npm test` gets it.
 */
export function program(...names: string[]): string {
	const folders = [
		...(process.env.PATH ?? "").split(delimiter),
		join(cacheFolder, "bin"),
	];
	const found = folders
		.flatMap((folder) => names.map((name) => join(folder, name)))
		.find((file) => {
			try {
				accessSync(file, constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
	if (!found) throw new Error(`${names[0]} is not on PATH: npm test gets it`);
	return found;
}

/**
 * Runs such a program to its end.
 *
 * @returns what it wrote to standard output.
 * @throws Error with its output where it exits other than 0.
 */
export async function runProgram(
	name: string,
	args: string[],
): Promise<string> {
	const run = promisify(execFile);
	return run(program(name), args, { maxBuffer: 2 ** 24 }).then(
		({ stdout }) => stdout,
		({ message, stdout, stderr }) => {
			throw new Error(`${message}\n${stdout}${stderr}`);
		},
	);
}
