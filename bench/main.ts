import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders";
import { largeTable, smallTables } from "./data";
import { measureFreeze } from "./freeze";
import { measureJournal } from "./journal-overhead";
import { measureAll } from "./measure";
import { measureMemory } from "./memory";
import { measureProof } from "./proof";
import { type Measured, section, writeResults } from "./report";
import { Servers } from "./servers";

/** What can be measured, in the order in which it is. */
const PARTS = ["large", "small", "proof", "memory", "freeze", "journal"];

/**
 * Copies the same data by this engine and by the tools that one would take
 * otherwise, in turn, measures what else there is to measure, and writes
 * RESULTS.md; with `--only PART` (may be repeated) it prints those parts instead.
 * Everything runs on loopback, between two servers that this run starts and stops.
 */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			runs: { type: "string", default: "5" },
			rows: { type: "string", default: "4000000" },
			only: { type: "string", multiple: true, default: PARTS },
		},
	});
	const runs = Number(values.runs);
	const rows = Number(values.rows);
	const unknown = values.only.filter((part) => !PARTS.includes(part));
	if (unknown.length > 0)
		throw new Error(`--only takes ${PARTS.join(", ")}, not ${unknown}`);
	const asked = (part: string) => values.only.includes(part);
	const print = (line: string) => process.stderr.write(`${line}\n`);
	const servers = await Servers.start();
	try {
		const sets: Measured[] = [];
		const measureSet = async (title: string, file: string, sql: string) => {
			print(`filling the source: ${title}`);
			await servers.fill(sql);
			sets.push({
				title,
				file,
				samples: await measureAll(servers, runs, print),
			});
		};
		if (asked("large"))
			await measureSet(
				`${(rows / 1e6).toFixed(1)} million readings, 6 indexes, a foreign key`,
				"large-table",
				largeTable(rows),
			);
		if (asked("small"))
			await measureSet(
				"60 small tables, 180 indexes, 59 foreign keys",
				"small-tables",
				smallTables(),
			);
		const further: string[] = [];
		if (asked("proof"))
			further.push(await measureProof(servers, rows, runs, print));
		if (asked("memory"))
			further.push(await measureMemory(servers, rows, runs, print));
		if (asked("freeze")) further.push(await measureFreeze(servers, print));
		if (asked("journal"))
			further.push(await measureJournal(servers, runs, print));
		if (values.only !== PARTS) {
			process.stdout.write([...sets.map(section), ...further].join("\n"));
			return;
		}
		const versions = await servers.versions();
		writeResults({
			at: new Date(),
			versions: [
				`PostgreSQL ${versions.source} to ${versions.target}`,
				...new Set(CONTENDERS.map(versionOf)),
			],
			sets,
			further,
		});
		print("written: bench/RESULTS.md");
	} finally {
		await servers.stop();
	}
}

/** The first line that says so; some also say where they run from. */
function versionOf({ version }: (typeof CONTENDERS)[number]): string {
	return execFileSync("bash", ["-c", `${version} 2>/dev/null`], {
		encoding: "utf8",
	}).trim();
}

main().catch((error: Error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exitCode = 1;
});
