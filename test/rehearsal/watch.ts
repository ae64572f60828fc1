import { expect } from "../../cutover/check";
import { ExitCode } from "../../cutover/errors";
import { run } from "../../cutover/run";
import type { Rehearsal } from "./rehearsal";

/**
 * Looks once, as an operator does behind the switch. So soon after it there is no go
 * yet; what must not be is a return advised, or no answer.
 */
export async function watchSays({ folder }: Rehearsal): Promise<string> {
	const { exitCode, stdout, all } = await run(
		"npm",
		["run", "--silent", "watch", "--", "-s", "production", "--once"],
		{ cwd: folder },
	);
	expect(
		exitCode === 0 || exitCode === ExitCode.undecided,
		`it ended with ${exitCode}: ${all.trim()}`,
	);
	return stdout.trim();
}
