/** Exit codes of the migration's commands, by kind of outcome. */
export const ExitCode = {
	done: 0,
	failure: 1,
	badInput: 2,
	differences: 3,
	refused: 4,
} as const;

/**
 * A mistake or a state that a person can put right, printed without a stack
 * trace: what was expected, what was found, what to do next. Its own class, as
 * the migration runs alone and imports nothing of the rest of the project.
 */
export class MigrationError extends Error {
	override readonly name = "MigrationError";
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
