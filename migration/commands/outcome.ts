/** What a command has to say at its end. */
export interface Outcome {
	/** The line of JSON: counts, names, times; never a secret. */
	readonly json: Readonly<Record<string, unknown>>;
	/** The same for people. */
	readonly lines: readonly string[];
	readonly exitCode: number;
}
