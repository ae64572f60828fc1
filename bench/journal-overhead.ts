import { Client } from "pg";
import { readCatalog } from "../migration/catalog/read";
import { withConnection } from "../migration/connection";
import { installJournal } from "../migration/journal/install";
import { removeJournal } from "../migration/journal/remove";
import { spread, table } from "./report";
import { Servers } from "./servers";

/** What FreshTrack writes most: a reading, with four indexes. */
const SCHEMA = `
	CREATE TABLE readings (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, unit uuid NOT NULL, at timestamptz NOT NULL,
		value numeric(6,2), payload jsonb
	);
	CREATE INDEX ON readings (unit, at);
	CREATE INDEX ON readings (at);
	CREATE INDEX ON readings (value);
`;

/** So many transactions by each of so many sessions, for single rows. */
const TRANSACTIONS = 300;
const SESSIONS = 4;
/** Rows of one statement, for many rows. */
const BULK = 50_000;

const LOCK_TIMEOUT = 10_000;

type Work = (url: string) => Promise<void>;

const VALUES = `gen_random_uuid(), now(), 21.5, '{"battery": 3.1, "rssi": -80}'`;

const CASES: readonly { readonly name: string; readonly work: Work }[] = [
	{
		name: `INSERT of one row, ${SESSIONS} sessions`,
		work: single(
			() => `INSERT INTO readings (unit, at, value, payload) SELECT ${VALUES}`,
		),
	},
	{
		name: `UPDATE of one row, ${SESSIONS} sessions`,
		work: single(
			(row) => `UPDATE readings SET value = value + 1 WHERE id = ${row}`,
		),
	},
	{
		name: `DELETE of one row, ${SESSIONS} sessions`,
		work: single((row) => `DELETE FROM readings WHERE id = ${row}`),
	},
	{
		name: `INSERT of ${BULK.toLocaleString("en-US")} rows`,
		work: statement(
			`INSERT INTO readings (unit, at, value, payload) SELECT ${VALUES} FROM generate_series(1, ${BULK})`,
		),
	},
	{
		name: `UPDATE of ${BULK.toLocaleString("en-US")} rows`,
		work: statement("UPDATE readings SET payload = '{}'"),
	},
];

/**
 * What the change journal costs the source's writers: the same writes with and
 * without it, in turn, each on a new table. Gives a section for RESULTS.md.
 */
export async function measureJournal(
	servers: Servers,
	rounds: number,
	print: (line: string) => void,
): Promise<string> {
	const seconds = new Map<string, { without: number[]; journaled: number[] }>(
		CASES.map(({ name }) => [name, { without: [], journaled: [] }]),
	);
	for (let round = 0; round < rounds; round++)
		// Each round begins with the other one.
		for (const { name, work } of CASES)
			for (const journaled of round % 2 === 0 ? [false, true] : [true, false]) {
				const taken = await measure(servers, work, journaled);
				seconds.get(name)?.[journaled ? "journaled" : "without"].push(taken);
				print(
					`round ${round + 1} of ${rounds}: ${name}, ${journaled ? "with" : "without"} journal ${taken.toFixed(2)} s`,
				);
			}
	return `## What the journal costs the source's writers

A table of five columns with four indexes; durable commits; medians of ${rounds} runs, with and without journal in turn.

${table(
	["", "without s", "with journal s", "ratio", "more a row µs"],
	CASES.map(({ name }) => {
		const found = seconds.get(name);
		const before = spread(found?.without ?? []).median;
		const after = spread(found?.journaled ?? []).median;
		const rows = name.includes("one row") ? TRANSACTIONS * SESSIONS : BULK;
		return [
			name,
			before.toFixed(2),
			after.toFixed(2),
			(after / before).toFixed(2),
			(((after - before) / rows) * 1e6).toFixed(1),
		];
	}),
)}
`;
}

async function measure(
	servers: Servers,
	work: Work,
	journaled: boolean,
): Promise<number> {
	const url = servers.sourceUrl;
	await servers.fill(
		`${SCHEMA} INSERT INTO readings (unit, at, value, payload) SELECT ${VALUES} FROM generate_series(1, ${BULK})`,
	);
	const address = { label: "source", url };
	if (journaled)
		await withConnection(address, { readOnly: false }, async (client) => {
			const { tables } = await readCatalog(client);
			await installJournal(address, client, tables, {
				lockTimeout: LOCK_TIMEOUT,
				recopy: [],
			});
		});
	const startedAt = performance.now();
	await work(url);
	const taken = (performance.now() - startedAt) / 1000;
	if (journaled)
		await withConnection(address, { readOnly: false }, (client) =>
			removeJournal(address, client, LOCK_TIMEOUT),
		);
	return taken;
}

function single(sql: (row: number) => string): Work {
	return async (url) => {
		await Promise.all(
			Array.from({ length: SESSIONS }, async (_, session) => {
				const client = new Client({ connectionString: url });
				await client.connect();
				for (let n = 1; n <= TRANSACTIONS; n++)
					await client.query(sql(session * TRANSACTIONS + n));
				await client.end();
			}),
		);
	};
}

function statement(sql: string): Work {
	return async (url) => {
		const client = new Client({ connectionString: url });
		await client.connect();
		await client.query(sql);
		await client.end();
	};
}

/** By itself: prints the section. */
async function main(): Promise<void> {
	const servers = await Servers.start();
	try {
		const section = await measureJournal(
			servers,
			Number(process.argv[2] ?? 3),
			(line) => process.stderr.write(`${line}\n`),
		);
		process.stdout.write(section);
	} finally {
		await servers.stop();
	}
}

if (require.main === module)
	main().catch((error: Error) => {
		process.stderr.write(`${error.stack}\n`);
		process.exitCode = 1;
	});
