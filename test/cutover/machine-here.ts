import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "../../cutover/machine";
import { migrate } from "../migration/cli";

/**
 * Runs the migration's command line on this machine instead of in its container on
 * the Droplet; the same program, with its environment by standard input.
 *
 * @param directory for exports; the test's own.
 */
export function machineHere(directory: string): Machine & { ran: string[] } {
	const folder = join(directory, "there");
	const ran: string[] = [];
	return {
		ran,
		folder,
		async migrate({ arguments: words, environment }) {
			ran.push(words.join(" "));
			const { exitCode, json, stderr } = await migrate(
				[...words, "--environment-stdin", "--json"],
				{},
				JSON.stringify(environment),
			);
			if (exitCode !== 0 && exitCode !== 3)
				throw new Error(
					`${words.join(" ")} ended with ${exitCode}: ${stderr.trim().slice(-800)}`,
				);
			return { exitCode, result: json };
		},
		clear: () => rm(folder, { recursive: true, force: true }),
		fetch: (into) => cp(folder, into, { recursive: true }),
	};
}
