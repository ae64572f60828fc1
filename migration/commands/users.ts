import { withConnection } from "../connection";
import { readManifest } from "../copy/manifest";
import { ExitCode } from "../errors";
import { directoryOf, type Options, stackAuthOf, targetOf } from "../options";
import { moveUsers } from "../users/move";
import { StackAuth } from "../users/stack-auth";
import type { Outcome } from "./outcome";

/** Moves the export's users, or says how many of which kind would move. */
export async function runUsers(options: Options): Promise<Outcome> {
	const directory = directoryOf(options);
	const manifest = await readManifest(directory);
	const stackAuth = new StackAuth(stackAuthOf(options));
	await stackAuth.check();
	const result = await withConnection(
		targetOf(options),
		{ readOnly: options.dryRun },
		(target) => moveUsers(target, stackAuth, directory, manifest, options),
	);
	const { remarks, conflicts, skipped } = result;
	return {
		json: { dryRun: options.dryRun, ...result },
		lines: [
			`${options.dryRun ? "would move" : "moved"} ${result.moved} of ${result.total} users; ${result.alreadyMoved} had moved before`,
			`  ${result.withHash} with their password, ${result.passwordReset} without`,
			...Object.entries(skipped).map(
				([reason, n]) => `  ${n} skipped: ${reason}`,
			),
			...remarks.map(({ id, remark }) => `  ${id}: ${remark}`),
			...conflicts.map(({ id, reason }) => `  ${id}: NOT MOVED, ${reason}`),
		],
		exitCode: conflicts.length > 0 ? ExitCode.differences : ExitCode.done,
	};
}
