import assert from "node:assert/strict";
import type { Client } from "pg";
import { relayCopy } from "../../migration/copy/relay";
import {
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import { compileRoutes } from "../../migration/mapping/compile";
import { column } from "../../migration/mapping/define";
import {
	describe as describeTypes,
	readFacts,
} from "../../migration/mapping/facts";
import { userIds } from "../../migration/mapping/users";
import { selectRows } from "../../migration/route";
import { type Pair, pair } from "./mapping-support";

/** Values at the edges of each type, as text; each type gets those that it takes. */
const VALUES: Record<string, readonly string[]> = {
	smallint: ["0", "-32768", "32767"],
	integer: ["0", "-2147483648", "2147483647", "40000"],
	bigint: ["0", "-9223372036854775808", "9223372036854775807", "3000000000"],
	numeric: [
		"0",
		"0.00",
		"-0.5",
		"1.005",
		"999.99",
		"999.995",
		"1000",
		"1e20",
		"-2147483649",
		"NaN",
		"Infinity",
		"-Infinity",
		"32768",
		"1e-30",
	],
	"numeric(5,2)": ["0", "-999.99", "1.10", "NaN", "300"],
	"numeric(12,4)": ["99999999.9999", "1.1000", "1.1001", "40000.0000"],
	real: ["0", "-0", "1.5", "NaN", "Infinity", "1e-40"],
	"double precision": ["0", "-0", "1e300", "NaN"],
	boolean: ["true", "false"],
	uuid: ["00000000-0000-0000-0000-00000000000a"],
	text: [
		"",
		" ",
		"x",
		"12345678901",
		"äöü𝄞€12345",
		"12",
		" +7 ",
		"-32769",
		"1e5",
		"1.25",
		".5",
		"1.",
		"NaN",
		"0x10",
		"9999999999999999999",
		"t",
		"TRUE",
		"off",
		"maybe",
		"0",
		"00000000-0000-0000-0000-00000000000A",
		"{00000000-0000-0000-0000-000000000001}",
		"2026-02-30",
		"2026-02-28",
		"now",
		"infinity",
		"2026-01-01T00:00:00.123456Z",
		"12:00",
		"today",
		'{"a": 1.10}',
		"{",
		"null",
		"\\u0000",
		"1 day",
		"10.0.0.1/8",
		"up",
		"down",
		"sideways",
	],
	"character varying(10)": ["", "1234567890", "  trailing  "],
	"character(4)": ["ab", "    ", "äöü€"],
	date: [
		"2026-02-28",
		"infinity",
		"-infinity",
		"4713-01-01 BC",
		"5874897-12-31",
	],
	time: ["24:00:00", "12:34:56.789012"],
	timestamp: [
		"2026-01-01 00:00:00.999999",
		"infinity",
		"4713-01-01 00:00:00 BC",
		"294276-12-31 23:59:59.999999",
	],
	timestamptz: [
		"2026-01-01 00:00:00.999999Z",
		"-infinity",
		"1969-12-31 23:59:59.9995Z",
		"294276-12-31 23:59:59.999999Z",
	],
	"timestamp(3) with time zone": ["2026-01-01 00:00:00.123Z"],
	interval: ["1 day", "24 hours", "-1 mon 3.5 sec"],
	jsonb: ['{"a": 1.10}', "null", '"x"', "[]"],
	json: ['{"b":1,  "a":1.0}', "null"],
	bytea: ["\\x00ff", ""],
	inet: ["10.0.0.1/8", "::1"],
	mood: ["up", "down", "gone"],
	"mood[]": ["{}", "{up,NULL}", "{gone}"],
	"text[]": ["{}", "{up,NULL,down}", "{sideways}", "[0:1]={a,b}"],
	"integer[]": ["{1,NULL}", "{{1,2},{3,4}}"],
};

const FROM = Object.keys(VALUES);
const TO = [
	...FROM,
	"numeric(5,0)",
	"numeric(3,3)",
	"character varying(3)",
	"character varying(40)",
	"character(40)",
	"timestamp(0)",
	"timestamp(2)",
	"few",
	"few[]",
];

const TYPES = `
	CREATE TYPE mood AS ENUM ('up', 'down', 'gone');
	CREATE TYPE few AS ENUM ('up', 'down');
`;

/** Each pair of types is a table on both sides: values of the one, and room for the other. */
const SOURCE = `${TYPES}
	${FROM.map((type, at) => `CREATE TABLE f${at} (id integer PRIMARY KEY, v ${type}); INSERT INTO f${at} VALUES (0, NULL)${(VALUES[type] ?? []).map((value, index) => `, (${index + 1}, '${value.replaceAll("'", "''")}')`).join("")};`).join("\n")}
`;
const TARGET = `${TYPES}
	${TO.map((type, at) => `CREATE TABLE t${at} (id integer PRIMARY KEY, v ${type} NOT NULL);`).join("\n")}
`;

/** Casts that the plain word `column` offers; all others have to be written. */
describe("values on their way into another type", () => {
	let there: Pair;

	before(async () => {
		there = await pair(SOURCE, TARGET);
		// The other way round as well: version 17 reads, 15 receives.
		await there.source.query(
			"SET search_path = public; SET search_path = pg_catalog",
		);
		await there.target.query(
			SOURCE.replace(TYPES, "SET search_path = public;") +
				"; SET search_path = pg_catalog",
		);
		await there.source.query(
			TARGET.replace(TYPES, "SET search_path = public;") +
				"; SET search_path = pg_catalog",
		);
	});
	after(() => there.close());

	for (const [name, version] of [
		["from version 15 to 17", 15],
		["from version 17 to 15", 17],
	] as const)
		it(`never make a COPY fail, arrive as they were, or are rejected: ${name}`, async () => {
			const [from, to] =
				version === 15
					? [there.source, there.target]
					: [there.target, there.source];
			const offered = await tryAll(from, to);
			// What is offered is part of the language: a change here is one of it.
			assert.equal(offered.get("timestamptz > timestamp(3) with time zone"), 4);
			assert.equal(offered.get("text > uuid"), 1);
			assert.equal(offered.get("text > integer"), 4);
			assert.equal(offered.get("numeric > numeric(5,2)"), 5);
			assert.equal(offered.get("mood > few"), 2);
			assert.equal(offered.has("double precision > numeric"), false);
			assert.equal(offered.has("timestamp > timestamptz"), false);
			assert.equal(offered.has("text > jsonb"), version === 17);
			assert.equal(offered.has("text > date"), version === 17);
		});
});

/** Copies every pair of types that has a plain cast; gives the rows that arrived. */
async function tryAll(from: Client, to: Client): Promise<Map<string, number>> {
	const [source, target] = [await readFacts(from), await readFacts(to)];
	const users = userIds(source.catalog, new Set(), "none");
	const described = await describeTypes(from, []);
	const arrived = new Map<string, number>();
	for (const [f, type] of FROM.entries())
		for (const [t, goal] of TO.entries()) {
			const table = source.catalog.tables.find(({ name }) => name === `f${f}`);
			const room = target.catalog.tables.find(({ name }) => name === `t${t}`);
			assert.ok(table && room);
			const { routes, problems } = compileRoutes(
				[
					{
						from: table,
						to: room,
						spec: { table: room.name, columns: { id: "id", v: column("v") } },
					},
				],
				{ from: source, to: target, described, users, merging: false },
			);
			const [route] = routes;
			const pairName = `${type} > ${goal}`;
			if (problems.length > 0) {
				assert.match(
					problems.join(),
					/does not fit .* without more being said/,
					pairName,
				);
				continue;
			}
			assert.ok(route);
			await to.query("ROLLBACK; BEGIN");
			const { rows } = await relayCopy(from, to, {
				out: `COPY (${selectRows(route)}) TO STDOUT (FORMAT ${route.format})`,
				into: `COPY public.${room.name} (id, v) FROM STDIN (FORMAT ${route.format})`,
			}).catch((error: Error) => {
				throw new Error(`${pairName}: ${error.message}`);
			});
			assert.deepEqual(
				await digestTable(to, writtenSide(route)),
				await digestTable(from, readSide(route)),
				pairName,
			);
			arrived.set(pairName, rows);
			if (type === goal)
				assert.equal(rows, VALUES[type]?.length, `${pairName} lost something`);
		}
	await to.query("ROLLBACK");
	return arrived;
}
