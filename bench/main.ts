import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders";
import { largeTable, smallTables } from "./data";
import { measureFreeze } from "./freeze";
import { measureJournal } from "./journal-overhead";
import { measureAll } from "./measure";
import { measureMemory } from "./memory";
import { measureProof } from "./proof";
import { type Measured, writeResults } from "./report";
import { Servers } from "./servers";

/**
 * Copies the same data by this engine and by the tools that one would take
 * otherwise, in turn, and writes RESULTS.md. Everything runs on loopback, between
 * two servers that this run starts and stops.
 */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			runs: { type: "string", default: "5" },
			rows: { type: "string", default: "4000000" },
		},
	});
	const runs = Number(values.runs);
	const rows = Number(values.rows);
	const print = (line: string) => process.stderr.write(`${line}\n`);
	const servers = await Servers.start();
	try {
		const sets: Measured[] = [];
		for (const { title, file, sql } of [
			{
				title: `${(rows / 1e6).toFixed(1)} million readings, 5 indexes, a foreign key`,
				file: "large-table",
				sql: largeTable(rows),
			},
			{
				title: "60 small tables, 180 indexes, 59 foreign keys",
				file: "small-tables",
				sql: smallTables(),
			},
		]) {
			print(`filling the source: ${title}`);
			await servers.fill(sql);
			sets.push({
				title,
				file,
				samples: await measureAll(servers, runs, print),
			});
		}
		const versions = await servers.versions();
		const further = [
			await measureProof(servers, rows, runs, print),
			await measureMemory(servers, rows, print),
			await measureFreeze(servers, print),
			await measureJournal(servers, runs, print),
		];
		writeResults({
			at: new Date(),
			versions: [
				`PostgreSQL ${versions.source} to ${versions.target}`,
				...new Set(
					CONTENDERS.map(({ version }) =>
						execFileSync("bash", ["-c", version], { encoding: "utf8" }).trim(),
					),
				),
			],
			sets,
			further,
		});
		print("written: bench/RESULTS.md");
	} finally {
		await servers.stop();
	}
}

main().catch((error: Error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exitCode = 1;
});
