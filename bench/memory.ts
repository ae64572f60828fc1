import { CONTENDERS, OURS } from "./contenders";
import { largeTable } from "./data";
import { measureAll } from "./measure";
import { table } from "./report";
import type { Servers } from "./servers";

/** Whether the memory of a copy grows with the data: the same table, and twice the rows. */
export async function measureMemory(
	servers: Servers,
	rows: number,
	print: (line: string) => void,
): Promise<string> {
	const ours = CONTENDERS.filter(({ name }) => name === OURS);
	const lines: string[][] = [];
	for (const count of [rows, 2 * rows]) {
		print(`memory: filling ${count.toLocaleString("en-US")} readings`);
		await servers.fill(largeTable(count));
		for (const [, [sample]] of await measureAll(servers, 1, print, ours))
			lines.push([
				count.toLocaleString("en-US"),
				(sample?.seconds ?? 0).toFixed(2),
				String(Math.round((sample?.peakMemoryBytes ?? 0) / 1e6)),
			]);
	}
	return `## Memory

Most resident memory of \`migrate copy\`, as the kernel counts it (ru_maxrss).

${table(["readings", "s", "peak MB"], lines)}
`;
}
