import { CONTENDERS, type Contender, runScript } from "./contenders";
import { childrenSeconds, type Servers } from "./servers";

/** One run of one contender. */
export interface Sample {
	readonly seconds: number;
	/** Processor seconds of both servers and of the tool. */
	readonly processorSeconds: number;
	/** Most memory that the tool's process held, where it says so. */
	readonly peakMemoryBytes?: number;
}

export type Samples = ReadonlyMap<Contender, readonly Sample[]>;

/**
 * Lets every contender fill the empty target in turn, `runs` times over; each round
 * begins with another one, so that nobody always comes first. The counts of all
 * tables must be the source's afterwards.
 */
export async function measureAll(
	servers: Servers,
	runs: number,
	print: (line: string) => void,
	contenders: readonly Contender[] = CONTENDERS,
): Promise<Samples> {
	const samples = new Map<Contender, Sample[]>(
		contenders.map((contender) => [contender, []]),
	);
	const expected = await counts((sql) => servers.onSource(sql));
	for (let round = 0; round < runs; round++)
		for (let place = 0; place < contenders.length; place++) {
			const contender = contenders[(round + place) % contenders.length];
			if (!contender) continue;
			const sample = await measure(servers, contender);
			samples.get(contender)?.push(sample);
			const found = await counts((sql) => servers.onTarget(sql));
			if (found !== expected)
				throw new Error(
					`${contender.name} left ${found}, the source has ${expected}`,
				);
			print(
				`round ${round + 1} of ${runs}: ${contender.name} ${sample.seconds.toFixed(2)} s`,
			);
		}
	return samples;
}

async function measure(
	servers: Servers,
	contender: Contender,
): Promise<Sample> {
	await servers.reset();
	const before = (await servers.processorSeconds()) + childrenSeconds();
	const { seconds, stdout } = await runScript(contender.script, {
		source: servers.sourceUrl,
		target: servers.targetUrl,
	});
	const after = (await servers.processorSeconds()) + childrenSeconds();
	return {
		seconds,
		processorSeconds: after - before,
		...peakMemory(stdout),
	};
}

function peakMemory(stdout: string): Pick<Sample, "peakMemoryBytes"> {
	const last = stdout.trimEnd().split("\n").at(-1) ?? "";
	if (!last.startsWith("{")) return {};
	const { peakMemoryBytes } = JSON.parse(last);
	return typeof peakMemoryBytes === "number" ? { peakMemoryBytes } : {};
}

/** Tables, rows, indexes and validated foreign keys, as one text. */
async function counts(
	query: (sql: string) => Promise<Record<string, unknown>[]>,
): Promise<string> {
	const tables = await query(`
		SELECT c.oid::regclass::text AS "name" FROM pg_class c
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1
	`);
	const [row] = await query(`
		SELECT ${tables.map(({ name }) => `(SELECT count(*) FROM ${name})`).join(" + ")} AS "rows",
			(SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
				WHERE c.relnamespace = 'public'::regnamespace) AS "indexes",
			(SELECT count(*) FROM pg_constraint
				WHERE connamespace = 'public'::regnamespace AND contype = 'f' AND convalidated) AS "keys"
	`);
	return `${tables.length} tables, ${row?.rows} rows, ${row?.indexes} indexes, ${row?.keys} foreign keys`;
}
