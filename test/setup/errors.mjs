/**
 * A failure the person at the terminal can do something about. Printed without
 * a stack trace: what was expected, what was found, what to do. The program
 * itself has cutover/errors.ts for this; set-up runs before TypeScript can.
 */
export class SetupError extends Error {
	/** @param {{expected: string, found: string, fix: string}} facts */
	constructor({ expected, found, fix }) {
		super(`Expected ${expected}\n  Found: ${found}\n  To do: ${fix}`);
		this.name = "SetupError";
	}
}

/** A command that ended badly; `output` is the end of what it printed. */
export class CommandError extends Error {
	/** @param {string} message @param {string} output */
	constructor(message, output) {
		super(output ? `${message}\n${output}` : message);
		this.name = "CommandError";
		this.output = output;
	}
}

/** The work was ended on purpose: by a signal, or because its neighbour failed. */
export class Interrupted extends Error {
	constructor() {
		super("interrupted");
		this.name = "Interrupted";
	}
}
