import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import {
	type Contender,
	DUMP_RESTORE,
	OURS,
	OURS_PROVEN,
	PGCOPYDB,
} from "./contenders";
import type { Sample, Samples } from "./measure";
import { barChart } from "./plot";
import { SETTINGS } from "./servers";

/** One set of data and what the contenders took for it. */
export interface Measured {
	readonly title: string;
	readonly file: string;
	readonly samples: Samples;
}

export interface Results {
	readonly at: Date;
	readonly versions: readonly string[];
	readonly sets: readonly Measured[];
	/** Further sections, ready as Markdown. */
	readonly further: readonly string[];
}

/** Writes RESULTS.md and the plots beside this file. */
export function writeResults(results: Results): void {
	for (const { file, title, samples } of results.sets)
		writeFileSync(
			join(__dirname, `${file}.svg`),
			barChart(
				title,
				[...samples].map(([{ name }, list]) => ({
					label: name,
					...spread(list.map(({ seconds }) => seconds)),
				})),
			),
		);
	writeFileSync(join(__dirname, "RESULTS.md"), markdown(results));
}

function markdown({ at, versions, sets, further }: Results): string {
	return `# Measurements

Written by \`npm run bench\` on ${at.toISOString().slice(0, 10)}; do not edit. All figures of a table come from one run, the
contenders in turn. Ratios are of medians.

- machine: ${availableParallelism()} processors (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, both servers and the tools on it
- ${versions.join("\n- ")}
- servers: ${Object.entries(SETTINGS)
		.map(([name, value]) => `${name} ${value}`)
		.join(", ")}

${[...sets.map(section), ...further].join("\n")}`;
}

/** One set as a section of RESULTS.md. */
export function section({ title, file, samples }: Measured): string {
	const rival = medianOf(samples, PGCOPYDB);
	const dump = medianOf(samples, DUMP_RESTORE);
	const rows = [...samples].map(([{ name }, list]) => {
		const { min, median, max } = spread(list.map(({ seconds }) => seconds));
		const work = spread(list.map((sample) => sample.processorSeconds)).median;
		const memory = list.flatMap((sample) => sample.peakMemoryBytes ?? []);
		return [
			name,
			min.toFixed(2),
			median.toFixed(2),
			max.toFixed(2),
			(median / rival).toFixed(2),
			(median / dump).toFixed(2),
			work.toFixed(1),
			(work / availableParallelism()).toFixed(1),
			memory.length > 0 ? `${Math.round(Math.max(...memory) / 1e6)}` : "",
		];
	});
	return `## ${title}

${table(
	[
		"",
		"min s",
		"median s",
		"max s",
		"× pgcopydb",
		"× pg_dump -j",
		"work, processor s",
		"limit s",
		"peak MB",
	],
	rows,
)}

The limit is the work over the processors: no arrangement of the same work can end sooner here.
${distance(samples, OURS)}${distance(samples, OURS_PROVEN)}
![${title}](${file}.svg)
`;
}

/** How far a contender is from the limit of its own work. */
function distance(samples: Samples, name: string): string {
	const entry = [...samples].find(([contender]) => contender.name === name);
	if (!entry) return "";
	const seconds = spread(entry[1].map((sample) => sample.seconds)).median;
	const work = spread(entry[1].map((sample) => sample.processorSeconds)).median;
	const limit = work / availableParallelism();
	return `\`${name}\` takes ${(seconds / limit).toFixed(2)} × its limit.\n`;
}

/** A Markdown table, numbers to the right. */
export function table(
	head: readonly string[],
	rows: readonly (readonly string[])[],
): string {
	const line = (cells: readonly string[]) =>
		`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
	return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** Minimum, median and maximum. */
export function spread(values: readonly number[]): {
	min: number;
	median: number;
	max: number;
} {
	const sorted = [...values].sort((a, b) => a - b);
	const at = (index: number) => sorted[index] ?? Number.NaN;
	const middle = (sorted.length - 1) / 2;
	return {
		min: at(0),
		median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
		max: at(sorted.length - 1),
	};
}

function medianOf(samples: Samples, name: string): number {
	const found = [...samples].find(
		([contender]: [Contender, readonly Sample[]]) => contender.name === name,
	);
	return spread(found?.[1].map(({ seconds }) => seconds) ?? []).median;
}
