import { ExitCode, MigrationError } from "../errors";
import type { Command, Options } from "../options";
import type { Outcome } from "./outcome";

type Run = (options: Options) => Promise<Outcome>;

/**
 * Loaded when asked for: all of them take twice the time of one. By require and not
 * import(), which would go through a second loader.
 */
const COMMANDS: Record<Command, () => Run> = {
	probe: () => (require("./probe") as typeof import("./probe")).runProbe,
	copy: () => (require("./copy") as typeof import("./copy")).runCopy,
	sync: () => (require("./sync") as typeof import("./sync")).runSync,
	export: () => (require("./export") as typeof import("./export")).runExport,
	users: () => (require("./users") as typeof import("./users")).runUsers,
	import: () => (require("./import") as typeof import("./import")).runImport,
	verify: () => (require("./verify") as typeof import("./verify")).runVerify,
	freeze: () => (require("./freeze") as typeof import("./freeze")).runFreeze,
	unfreeze: () =>
		(require("./freeze") as typeof import("./freeze")).runUnfreeze,
	received: () =>
		(require("./received") as typeof import("./received")).runReceived,
	watch: () => (require("./watch") as typeof import("./watch")).runWatch,
	heartbeat: () =>
		(require("./heartbeat") as typeof import("./heartbeat")).runHeartbeat,
};

/** Runs one command; a state that a person can put right is a MigrationError. */
export async function runCommand(options: Options): Promise<Outcome> {
	const { metrics } = options;
	let exitCode: number = ExitCode.failure;
	metrics.begin();
	try {
		const outcome = await COMMANDS[options.command]()(options);
		exitCode = outcome.exitCode;
		return outcome;
	} catch (error) {
		if (error instanceof MigrationError) exitCode = error.exitCode;
		throw error;
	} finally {
		metrics.end(exitCode);
	}
}
