import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { CONTENDERS, OURS, runScript } from "./contenders";
import { largeTable } from "./data";
import { spread, table } from "./report";
import { Servers } from "./servers";

const TABLES = ["sensors", "readings"];

/** Both servers are on this machine: to each side its half of the processors. */
const JOBS = Math.max(1, Math.floor(availableParallelism() / 2));

/** A way to prove two databases equal: gives the seconds that it took. */
interface Method {
	readonly name: string;
	readonly run: (servers: Servers) => Promise<number>;
}

/**
 * One query a table, one side after the other, in a session with the server's own
 * settings (which let it use parallel workers): what `pgcopydb compare data` does,
 * which Debian's 0.10 has no command for.
 */
const oneAfterTheOther = (digest: string) => async (servers: Servers) => {
	const startedAt = performance.now();
	const results: string[] = [];
	for (const url of [servers.sourceUrl, servers.targetUrl]) {
		const client = new Client({ connectionString: url });
		await client.connect();
		try {
			for (const name of TABLES) {
				const { rows } = await client.query({
					text: `SELECT count(*), ${digest} FROM ONLY ${name} t`,
					rowMode: "array",
				});
				results.push(`${name} ${rows[0]}`);
			}
		} finally {
			await client.end();
		}
	}
	const seconds = (performance.now() - startedAt) / 1000;
	if (new Set(results).size !== TABLES.length)
		throw new Error(`not equal: ${results.join("; ")}`);
	return seconds;
};

const METHODS: readonly Method[] = [
	{
		name: "pgcopydb compare's query: sum(hashtext(row::text))",
		run: oneAfterTheOther("sum(hashtext(t::text)::bigint)"),
	},
	{
		name: "md5 of every row",
		run: oneAfterTheOther(
			"sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)",
		),
	},
	{
		name: "migrate verify, with the start of its process",
		run: async (servers) => (await verify(servers)).wall,
	},
];

/**
 * How fast both sides are proven equal, beside the queries that one would use
 * otherwise, in turn; and how long it takes to name one flipped bit. The target is
 * filled by our own copy.
 */
export async function measureProof(
	servers: Servers,
	rows: number,
	runs: number,
	print: (line: string) => void,
): Promise<string> {
	print(`proof: filling ${rows.toLocaleString("en-US")} readings`);
	await servers.fill(largeTable(rows));
	await servers.reset();
	const copy = CONTENDERS.find(({ name }) => name === OURS);
	await runScript(copy?.script ?? "false", urls(servers));
	await settle(servers);
	const seconds = new Map<Method, number[]>(
		METHODS.map((method) => [method, []]),
	);
	const inside: number[] = [];
	for (let round = 0; round < runs; round++)
		for (let place = 0; place < METHODS.length; place++) {
			const method = METHODS[(round + place) % METHODS.length];
			if (!method) continue;
			const took = await method.run(servers);
			seconds.get(method)?.push(took);
			print(
				`proof: round ${round + 1} of ${runs}: ${method.name} ${took.toFixed(2)} s`,
			);
		}
	for (let round = 0; round < runs; round++)
		inside.push((await verify(servers)).seconds);
	const flipped = await findFlippedBit(servers, rows);
	print(`proof: one flipped bit named in ${flipped.seconds.toFixed(2)} s`);
	const total = await countAll(servers);
	const figures: [string, readonly number[]][] = [
		...[...seconds].map(([{ name }, list]): [string, number[]] => [name, list]),
		["migrate verify, from its own report", inside],
	];
	const rival = spread(figures[0]?.[1] ?? []).median;
	return `## Proof

${total.toLocaleString("en-US")} rows on either side. The queries run one side after the other, with as many parallel workers as
the server gives them; \`migrate verify --jobs ${JOBS}\` reads both sides at once.

${table(
	["", "min s", "median s", "max s", "rows/s", "× the query's rows/s"],
	figures.map(([name, list]) => {
		const { min, median, max } = spread(list);
		return [
			name,
			min.toFixed(2),
			median.toFixed(2),
			max.toFixed(2),
			Math.round(total / median).toLocaleString("en-US"),
			(rival / median).toFixed(2),
		];
	}),
)}

One flipped bit in one of the readings on the target is found and named (${flipped.named}) in ${flipped.seconds.toFixed(2)} s, the
proof included.
`;
}

interface Verified {
	/** With the start of the process. */
	readonly wall: number;
	/** As the command says. */
	readonly seconds: number;
	readonly differences: readonly {
		readonly table: string;
		readonly columns?: readonly string[];
		readonly key?: Record<string, string>;
	}[];
}

async function verify(servers: Servers, expected = 0): Promise<Verified> {
	const { seconds: wall, stdout } = await runScript(
		`npm run -s migrate -- verify --json --jobs ${JOBS}; [ $? = ${expected} ]`,
		urls(servers),
	);
	const json = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
	return { ...json, wall };
}

async function findFlippedBit(
	servers: Servers,
	rows: number,
): Promise<{ named: string; seconds: number }> {
	const [row] = await servers.onTarget(
		`SELECT id FROM readings OFFSET ${Math.floor(rows / 2)} LIMIT 1`,
	);
	const flip = `UPDATE readings SET battery_mv = battery_mv # 1 WHERE id = '${row?.id}'`;
	await servers.onTarget(flip);
	const { differences, wall } = await verify(servers, 3);
	await servers.onTarget(flip);
	const [found] = differences;
	if (
		differences.length !== 1 ||
		found?.key?.id !== row?.id ||
		found?.columns?.join() !== "battery_mv"
	)
		throw new Error(`found ${JSON.stringify(differences)}`);
	return {
		named: "table, key and column `readings.battery_mv`",
		seconds: wall,
	};
}

/** Both sides in the state in which they are when somebody verifies: vacuumed and at rest. */
async function settle(servers: Servers): Promise<void> {
	await servers.onTarget("VACUUM ANALYZE");
	await servers.onSource("CHECKPOINT");
	await servers.onTarget("CHECKPOINT");
}

async function countAll(servers: Servers): Promise<number> {
	let total = 0;
	for (const name of TABLES) {
		const [row] = await servers.onSource(`SELECT count(*) AS n FROM ${name}`);
		total += Number(row?.n);
	}
	return total;
}

function urls(servers: Servers): { source: string; target: string } {
	return { source: servers.sourceUrl, target: servers.targetUrl };
}

/** Alone: `tsx bench/proof.ts --rows N --runs N`, the section on standard output. */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			rows: { type: "string", default: "1000000" },
			runs: { type: "string", default: "3" },
		},
	});
	const servers = await Servers.start();
	try {
		process.stdout.write(
			await measureProof(
				servers,
				Number(values.rows),
				Number(values.runs),
				(line) => process.stderr.write(`${line}\n`),
			),
		);
	} finally {
		await servers.stop();
	}
}

if (require.main === module)
	main().catch((error: Error) => {
		process.stderr.write(`${error.stack}\n`);
		process.exitCode = 1;
	});
