import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clockOffsetSeconds } from "../../cutover/clock";
import type { Provenance } from "./provenance";
import type { CheckpointRecord, Recorder } from "./recorder";
import { failedOf, type TrafficReport, trafficInWords } from "./traffic";

/** Writes SUMMARY.md for people and evidence/rehearsal/summary.json for programs. */
export async function writeSummary(
	checkout: string,
	recorder: Recorder,
	facts: { provenance: Provenance; configured: string[] },
): Promise<void> {
	const evidence = join(checkout, "evidence", "rehearsal");
	await mkdir(evidence, { recursive: true });
	const finishedAt = new Date();
	const durations = {
		...Object.fromEntries(
			recorder.timeline.map(({ title, seconds }) => [title, seconds]),
		),
		total: (finishedAt.getTime() - recorder.startedAt.getTime()) / 1000,
	};
	const json = {
		startedAt: recorder.startedAt.toISOString(),
		finishedAt: finishedAt.toISOString(),
		clockMovedBySeconds: clockOffsetSeconds(),
		checkpoints: recorder.checkpoints,
		final: recorder.final,
		issues: recorder.issues,
		failure: recorder.failure,
		timeline: recorder.timeline,
		provenance: facts.provenance,
		durations,
		...ladderFacts(recorder),
	};
	await writeFile(
		join(evidence, "summary.json"),
		`${JSON.stringify(json, null, "\t")}\n`,
	);
	await writeFile(
		join(checkout, "SUMMARY.md"),
		markdown(recorder, facts, durations.total),
	);
}

/** What a cutover is judged by. */
function ladderFacts({ switches, replayedRows, ladder }: Recorder) {
	const sum = (of: (report: TrafficReport) => number) =>
		switches.reduce((total, report) => total + of(report), 0);
	return {
		/** Of the longest freeze: barrier to the first answer with the new address. */
		freezeSeconds: Math.max(...switches.map((report) => report.freezeSeconds)),
		/** Of sensors, and writes of the old application that had been accepted. */
		lostReadings: sum(({ uplinks, writes }) => uplinks.lost + writes.lost),
		failedRequests: sum(({ load }) => failedOf(load)),
		replayedRows,
		ladder,
	};
}

function markdown(
	recorder: Recorder,
	facts: { provenance: Provenance; configured: string[] },
	seconds: number,
): string {
	const signed = recorder.checkpoints.filter(
		({ status }) => status === "signed",
	).length;
	const hours = clockOffsetSeconds() / 3_600;
	return [
		"# Rehearsal of the cutover",
		"",
		`${signed} of ${recorder.checkpoints.length} checkpoints signed, ${recorder.failure ? "**stopped at a failure**" : "no failure"}, ${seconds.toFixed(0)} s, begun ${recorder.startedAt.toISOString()}.`,
		"",
		"This is a rehearsal on one machine: DigitalOcean and the services around it are stand-ins, and a check that passed here has passed on them, no more.",
		...(hours > 0
			? [
					`The long waits were not waited for: the ladder's clock was moved by ${hours.toFixed(1)} h in all.`,
				]
			: []),
		"",
		...(recorder.failure
			? [
					"## What failed",
					"",
					`**${recorder.failure.title}**`,
					"",
					"```",
					recorder.failure.message,
					"```",
					"",
				]
			: []),
		...recorder.checkpoints.flatMap(checkpointSection),
		"## Timeline",
		"",
		table(
			["at (UTC)", "seconds", "step", "result"],
			recorder.timeline.map(({ at, seconds: took, title, detail }) => [
				at.slice(11, 19),
				took.toFixed(1),
				title,
				detail,
			]),
		),
		"",
		"## The ladder",
		"",
		table(
			["at (the ladder's clock)", "production stands at", "by"],
			recorder.ladder.map(({ at, rung, by }) => [at, rung, by]),
		),
		"",
		...recorder.switches.flatMap((report) => [trafficInWords(report), ""]),
		"## Issues and resolutions",
		"",
		recorder.issues.length === 0
			? "None."
			: table(
					["issue", "resolution"],
					recorder.issues.map(({ issue, resolution }) => [issue, resolution]),
				),
		"",
		"## Final verification",
		"",
		recorder.final.length === 0
			? "Not reached."
			: table(
					["fact", "seen"],
					recorder.final.map(({ fact, detail }) => [fact, detail]),
				),
		"",
		"## Where each part came from",
		"",
		table(
			["part", "source"],
			Object.entries(facts.provenance).map(([part, from]) => [part, from]),
		),
		"",
		`The stack files are those of the checkout; set on top of them, as an operator would, were: ${facts.configured.map((key) => `\`${key}\``).join(", ")}, and the flags.`,
		"",
	].join("\n");
}

function checkpointSection(checkpoint: CheckpointRecord): string[] {
	const { signature } = checkpoint;
	return [
		`## ${checkpoint.name}: ${checkpoint.status}`,
		"",
		...(signature
			? [
					`Signed by ${signature.person} at ${signature.signedAt} (the ladder's clock) on stack ${checkpoint.stack}, release ${signature.release}; evidence sha256 \`${signature.sha256}\`.`,
					"",
				]
			: []),
		...(checkpoint.checks.length > 0
			? [
					table(
						["check", "result", "seen"],
						checkpoint.checks.map(({ name, status, detail, lookAt }) => [
							name,
							status,
							lookAt ? `${detail} — look at: ${lookAt}` : detail,
						]),
					),
					"",
				]
			: []),
	];
}

/** A Markdown table; cells on one line, bars escaped. */
function table(head: string[], rows: string[][]): string {
	const cell = (text: string) =>
		text.replace(/\s*\n\s*/g, " ").replaceAll("|", "\\|");
	return [head, head.map(() => "---"), ...rows.map((row) => row.map(cell))]
		.map((row) => `| ${row.join(" | ")} |`)
		.join("\n");
}
