import type { Command, Options } from "../options";
import { runCopy } from "./copy";
import { runExport } from "./export";
import { runFreeze, runUnfreeze } from "./freeze";
import { runImport } from "./import";
import type { Outcome } from "./outcome";
import { runProbe } from "./probe";
import { runSync } from "./sync";
import { runUsers } from "./users";
import { runVerify } from "./verify";

const commands: Record<Command, (options: Options) => Promise<Outcome>> = {
	probe: runProbe,
	copy: runCopy,
	sync: runSync,
	export: runExport,
	users: runUsers,
	import: runImport,
	verify: runVerify,
	freeze: runFreeze,
	unfreeze: runUnfreeze,
};

/** Runs one command; a state that a person can put right is a MigrationError. */
export function runCommand(options: Options): Promise<Outcome> {
	return commands[options.command](options);
}
