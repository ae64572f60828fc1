/** Exit codes by kind of failure, the same for every command of the project. */
export const ExitCode = {
	failure: 1,
	badInput: 2,
	differences: 3,
	refused: 4,
	/** Of `npm run watch`: neither a go nor a return is called for. */
	undecided: 5,
} as const;

/**
 * A mistake or a state that a person can put right. Printed without a stack
 * trace: what was expected, what was found, what to do next.
 */
export class UserError extends Error {
	override readonly name = "UserError";
	readonly expected: string;
	readonly found: string;
	readonly fix: string;
	readonly exitCode: number;

	constructor(
		parts: { expected: string; found: string; fix: string },
		exitCode: number = ExitCode.badInput,
	) {
		super(
			`expected ${parts.expected}\n   found ${parts.found}\n   to do ${parts.fix}`,
		);
		this.expected = parts.expected;
		this.found = parts.found;
		this.fix = parts.fix;
		this.exitCode = exitCode;
	}
}
