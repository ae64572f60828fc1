import { ExitCode } from "../errors";
import { freeze, unfreeze } from "../freeze/barrier";
import { type Options, sourceOf } from "../options";
import type { Outcome } from "./outcome";

/** Closes the source to writes, or says which tables would be closed. */
export async function runFreeze(options: Options): Promise<Outcome> {
	const result = await freeze(sourceOf(options), options);
	const state = result.alreadyFrozen
		? `frozen since ${result.frozenAt}`
		: options.dryRun
			? `would close ${result.tables.length} tables`
			: `frozen at ${result.frozenAt}, WAL position ${result.walPosition}: ${result.tables.length} tables closed`;
	return {
		json: { dryRun: options.dryRun, ...result },
		lines: [
			state,
			...(result.notOwned.length > 0
				? [
						`not ours to close: ${result.notOwned.join(", ")}`,
						"  close them at the services that write them: sign-ups off, storage uploads off, scheduled jobs off",
					]
				: []),
		],
		exitCode: ExitCode.done,
	};
}

/** Opens the source again, or says which tables would be opened. */
export async function runUnfreeze(options: Options): Promise<Outcome> {
	const { tables } = await unfreeze(sourceOf(options), options);
	return {
		json: { dryRun: options.dryRun, tables },
		lines: [
			tables.length === 0
				? "nothing is frozen"
				: `${options.dryRun ? "would open" : "opened"} ${tables.length} tables`,
		],
		exitCode: ExitCode.done,
	};
}
