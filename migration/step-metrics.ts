import { chmodSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MigrationError } from "./errors";
import { metricLines, type Sample, type STEP_METRICS } from "./metrics";
import type { Options } from "./options";

type Name = keyof typeof STEP_METRICS;

/** Where Prometheus' node exporter looks, beside both databases. */
const DEFAULT_DIRECTORY = "/var/lib/cutover/metrics";

/**
 * How often it is written while the step runs. A freeze takes less, so no more than one
 * write falls into it.
 */
const INTERVAL_MS = 5000;

/** How far a copy has come. */
export interface CopyProgress {
	readonly rows: number;
	readonly bytes: number;
	readonly expectedBytes: number;
	readonly tables: number;
	readonly tablesDone: number;
}

/**
 * The metrics of a command that ends, in DIRECTORY/STEP.prom for node exporter's
 * textfile collector. They stay when the command has ended, until the step runs
 * again. Nothing waits for them, and where they cannot be written the step goes on.
 */
export class StepMetrics {
	private readonly values = new Map<Name, Map<string, Sample>>();
	private readonly file: string | undefined;
	private timer: NodeJS.Timeout | undefined;
	private copy: (() => CopyProgress) | undefined;
	private phaseNow: string | undefined;
	private failed = false;

	/** @param step undefined: nothing is written. */
	constructor(
		directory: string | undefined,
		private readonly step: string | undefined,
	) {
		this.file =
			step && directory && existsSync(directory)
				? join(directory, `${step}.prom`)
				: undefined;
	}

	/** The step has begun. */
	begin(): void {
		this.set("cutover_step_started_timestamp_seconds", Date.now() / 1000);
		if (!this.file) return;
		this.timer = setInterval(() => this.write(), INTERVAL_MS).unref();
		this.write();
	}

	/** Enters a phase and leaves the one before; it is seen with the next write. */
	phase(name: string | undefined): void {
		if (this.phaseNow) this.set("cutover_phase", 0, { phase: this.phaseNow });
		if (name) this.set("cutover_phase", 1, { phase: name });
		this.phaseNow = name;
	}

	/** Keeps a value for the next write, seconds from now or at the end. */
	set(name: Name, value: number, labels: Record<string, string> = {}): void {
		const samples = this.values.get(name) ?? new Map<string, Sample>();
		samples.set(JSON.stringify(labels), {
			labels: { step: this.step ?? "", ...labels },
			value,
		});
		this.values.set(name, samples);
	}

	/** Has a copy's progress asked for from now on, until it has ended. */
	follow(copy: () => CopyProgress): () => void {
		this.copy = copy;
		return () => {
			this.readCopy();
			this.copy = undefined;
		};
	}

	/** The step has ended. */
	end(exitCode: number): void {
		clearInterval(this.timer);
		this.set("cutover_step_ended_timestamp_seconds", Date.now() / 1000);
		this.set("cutover_step_exit_code", exitCode);
		this.phase(undefined);
		this.write();
	}

	private readCopy(): void {
		if (!this.copy) return;
		const { rows, bytes, expectedBytes, tables, tablesDone } = this.copy();
		this.set("cutover_copy_rows", rows);
		this.set("cutover_copy_bytes", bytes);
		this.set("cutover_copy_expected_bytes", Math.max(bytes, expectedBytes));
		this.set("cutover_copy_tables", tables);
		this.set("cutover_copy_tables_done", tablesDone);
	}

	/** At once and whole: whoever reads it sees the file before or the file after. */
	private write(): void {
		if (!this.file || this.failed) return;
		this.readCopy();
		const lines = metricLines(
			[...this.values].map(([name, samples]) => [name, [...samples.values()]]),
		);
		try {
			// Not *.prom, which the collector would read.
			const next = `${this.file}-next`;
			writeFileSync(next, lines);
			// Whatever the umask: node exporter runs as nobody.
			chmodSync(next, 0o644);
			renameSync(next, this.file);
		} catch (error) {
			this.failed = true;
			process.stderr.write(
				`metrics cannot be written: ${(error as Error).message}\n`,
			);
		}
	}
}

/**
 * The metrics of what the options ask for.
 *
 * @param directory given by a person; by default the node exporter's, where it is.
 * @throws MigrationError where a given directory is not there.
 */
export function stepMetrics(
	directory: string | undefined,
	options: StepOptions,
): StepMetrics {
	if (directory && !existsSync(directory))
		throw new MigrationError({
			expected: "--metrics-dir, a directory that is there",
			found: directory,
			fix: "make it, or leave the option away",
		});
	const step = stepOf(options);
	// A person's look at both systems, of which one may go on: its differences are no
	// alarm, and would stay one for good.
	const own = step === "verify" ? undefined : DEFAULT_DIRECTORY;
	return new StepMetrics(directory ?? own, step);
}

type StepOptions = Pick<
	Options,
	"command" | "dryRun" | "mode" | "freezeMode" | "reverse" | "returned"
> &
	Pick<Options, "sendResets">;

/** The name of a step; none for what only looks, prepares or serves metrics itself. */
function stepOf(options: StepOptions): string | undefined {
	const { command, mode, reverse } = options;
	if (options.dryRun) return undefined;
	switch (command) {
		case "copy":
		case "export":
			return command;
		case "users":
			if (options.sendResets) return undefined;
			return reverse ? "return-users" : "users";
		case "sync":
			if (mode === "drain") return reverse ? "return-rows" : "drain";
			return mode === "once" && !reverse ? "sync" : undefined;
		case "freeze":
			return options.freezeMode === "drain" ? "freeze" : undefined;
		case "verify":
			return options.returned ? "return-proof" : "verify";
		default:
			return undefined;
	}
}
