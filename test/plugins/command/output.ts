/** Name of the variables that hand a command what the last one printed. */
export const PREVIOUS_STDOUT = "PULUMI_COMMAND_STDOUT";
export const PREVIOUS_STDERR = "PULUMI_COMMAND_STDERR";

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

/** What a command printed. */
export type Output = {
	stdout: string;
	stderr: string;
};

/**
 * Collects what a command prints: each stream for itself, both as they came
 * for the error message, and line by line to the terminal as `logging` says.
 */
export class OutputCollector {
	private readonly chunks = {
		stdout: [] as Buffer[],
		stderr: [] as Buffer[],
	};
	private readonly both: Buffer[] = [];
	private readonly partial = { stdout: "", stderr: "" };

	/**
	 * @param logging streams to show; both where undefined
	 * @param show takes one line for the terminal
	 */
	constructor(
		private readonly logging: Logging | undefined,
		private readonly show: (line: string) => void,
	) {}

	/** Takes a piece of a stream. */
	add(stream: "stdout" | "stderr", chunk: Buffer): void {
		this.chunks[stream].push(chunk);
		this.both.push(chunk);
		if (this.shows(stream)) {
			const lines = (this.partial[stream] + chunk.toString()).split("\n");
			this.partial[stream] = lines.pop() ?? "";
			for (const line of lines) {
				this.show(line);
			}
		}
	}

	/** Shows what came without a newline at the end. */
	end(): void {
		for (const stream of ["stdout", "stderr"] as const) {
			if (this.partial[stream] !== "") {
				this.show(this.partial[stream]);
				this.partial[stream] = "";
			}
		}
	}

	/** The two streams, each without one newline at the end. */
	output(): Output {
		const text = (stream: "stdout" | "stderr") =>
			Buffer.concat(this.chunks[stream]).toString().replace(/\n$/, "");
		return { stdout: text("stdout"), stderr: text("stderr") };
	}

	/** Both streams in the order in which they came. */
	combined(): string {
		return Buffer.concat(this.both).toString();
	}

	private shows(stream: "stdout" | "stderr"): boolean {
		return (
			this.logging === undefined ||
			this.logging === "stdoutAndStderr" ||
			this.logging === stream
		);
	}
}

/**
 * The environment by which a command learns what the last run of the same
 * resource printed; empty where it does not want to or nothing was.
 */
export function previousOutput(
	previous: Partial<Output>,
	wanted: boolean | undefined,
): Record<string, string> {
	if (wanted === false) {
		return {};
	}
	return {
		...(previous.stdout ? { [PREVIOUS_STDOUT]: previous.stdout } : {}),
		...(previous.stderr ? { [PREVIOUS_STDERR]: previous.stderr } : {}),
	};
}
