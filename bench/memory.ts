import { CONTENDERS, OURS } from "./contenders";
import { largeTable } from "./data";
import { measureAll, type Sample } from "./measure";
import { spread, table } from "./report";
import type { Servers } from "./servers";

/** Whether the memory of a copy grows with the data: the same table, and twice the rows. */
export async function measureMemory(
	servers: Servers,
	rows: number,
	runs: number,
	print: (line: string) => void,
): Promise<string> {
	const ours = CONTENDERS.filter(({ name }) => name === OURS);
	const lines: string[][] = [];
	for (const count of [rows, 2 * rows]) {
		print(`memory: filling ${count.toLocaleString("en-US")} readings`);
		await servers.fill(largeTable(count));
		for (const [, samples] of await measureAll(servers, runs, print, ours))
			lines.push([
				count.toLocaleString("en-US"),
				spread(samples.map(({ seconds }) => seconds)).median.toFixed(2),
				...megabytes(samples),
			]);
	}
	return `## Memory

Most resident memory of \`migrate copy\`, as the kernel counts it (ru_maxrss).

${table(["readings", "median s", "min MB", "median MB", "max MB"], lines)}
`;
}

/** Least, median and most of the runs' peaks. */
function megabytes(samples: readonly Sample[]): string[] {
	const { min, median, max } = spread(
		samples.map(({ peakMemoryBytes = 0 }) => peakMemoryBytes / 1e6),
	);
	return [min, median, max].map((peak) => String(Math.round(peak)));
}
