import { UserError } from "./errors";

/**
 * Runs a command line program: a mistake of the user is printed without a
 * stack trace, and the exit code tells the kind of failure.
 */
export function main(program: () => Promise<void>): void {
	program().catch((error: unknown) => {
		if (error instanceof UserError) {
			process.stderr.write(`${error.message}\n`);
			process.exitCode = error.exitCode;
		} else {
			const shown = error instanceof Error ? error.message : String(error);
			process.stderr.write(`failed: ${shown}\n`);
			process.exitCode = 1;
		}
	});
}
