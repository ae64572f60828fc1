import type { CheckResult } from "../../cutover/check";
import { now } from "../../cutover/clock";
import type { CheckpointName, Signature } from "../../cutover/signatures";
import type { TrafficReport } from "./traffic";

export interface TimelineEntry {
	title: string;
	/** Wall-clock time of the rehearsal, ISO 8601. */
	at: string;
	/** The ladder's clock, where it was moved. */
	ladderAt: string;
	seconds: number;
	detail: string;
}

export interface CheckpointRecord {
	name: CheckpointName;
	status: "signed" | "failed" | "not reached";
	/** On which it is signed, once it is reached. */
	stack?: string;
	startedAt?: string;
	finishedAt?: string;
	checks: CheckResult[];
	signature?: Signature;
}

/** What happened, for SUMMARY.md and summary.json. */
export class Recorder {
	readonly startedAt = new Date();
	readonly timeline: TimelineEntry[] = [];
	readonly checkpoints: CheckpointRecord[];
	/** What went otherwise than planned, and what was done about it. */
	readonly issues: { issue: string; resolution: string }[] = [];
	/** Where production stood after each up; by the ladder's clock. */
	readonly ladder: { rung: string; at: string; by: string }[] = [];
	/** What each switch under traffic came to. */
	readonly switches: TrafficReport[] = [];
	/** Rows that a return brought back to the old system. */
	replayedRows = 0;
	/** Facts stated at the end, in order. */
	readonly final: { fact: string; detail: string }[] = [];
	failure: { title: string; message: string } | undefined;

	constructor(names: readonly CheckpointName[]) {
		this.checkpoints = names.map((name) => ({
			name,
			status: "not reached",
			checks: [],
		}));
	}

	checkpoint(name: CheckpointName): CheckpointRecord {
		const found = this.checkpoints.find((entry) => entry.name === name);
		if (!found) throw new Error(`no checkpoint ${name}`);
		return found;
	}

	/** Runs one step and keeps when it was, how long it took and what it gave. */
	async step<T>(
		title: string,
		run: () => Promise<T>,
		describe: (value: T) => string = () => "",
	): Promise<T> {
		const started = Date.now();
		const entry: TimelineEntry = {
			title,
			at: new Date(started).toISOString(),
			ladderAt: now().toISOString(),
			seconds: 0,
			detail: "",
		};
		this.timeline.push(entry);
		try {
			const value = await run();
			entry.detail = describe(value);
			return value;
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			entry.detail = `failed: ${message.split("\n")[0]}`;
			this.failure ??= { title, message };
			throw error;
		} finally {
			entry.seconds = (Date.now() - started) / 1000;
		}
	}
}
