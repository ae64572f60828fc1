import assert from "node:assert/strict";
import { type Database, emptyDatabase, run, using } from "./databases";
import { type Followed, startFollower } from "./follow-support";
import { random } from "./load";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Values of every kind of key, as SQL; those of one line are different keys. */
const KEYS: Record<string, readonly string[]> = {
	bool: ["true", "false"],
	int2: ["-32768", "0", "32767"],
	int8: ["-9223372036854775808", "9223372036854775807", "0"],
	numeric: ["0", "1.10", "-0.001", "'NaN'", "'Infinity'", "1e30"],
	"numeric(5,2)": ["0", "1.1", "-999.99"],
	float4: ["0.1", "'NaN'", "'-Infinity'", "1e-40", "3.4028235e38"],
	float8: ["0.1", "0.30000000000000004", "'NaN'", "1e-310", "-1e308"],
	text: [
		"''",
		"'a'",
		"'A'",
		"E'tab\\t \\\\ \\n'",
		"'{\"quoted\", NULL}'",
		"'ü𝄞'",
		"'NULL'",
	],
	"varchar(5)": ["''", "'abcde'", "' a '"],
	"char(4)": ["'a'", "'ab'", "''"],
	'"char"': ["'a'", "'~'"],
	name: ["'a'", "'Odd \"name\"'"],
	bytea: ["'\\x'", "'\\x00ff5c'", "'\\x27'"],
	uuid: [
		"'00000000-0000-0000-0000-000000000001'",
		"'ffffffff-ffff-ffff-ffff-ffffffffffff'",
	],
	date: ["'infinity'", "'-infinity'", "'2026-02-03'", "'0044-03-15 BC'"],
	time: ["'00:00'", "'23:59:59.999999'", "'24:00'"],
	timetz: ["'12:00+05:30'", "'12:00-12'"],
	timestamp: ["'infinity'", "'2026-03-29 02:30:00.123456'", "'4713-01-01 BC'"],
	timestamptz: [
		"'-infinity'",
		"'2026-03-29 01:30:00.123456Z'",
		"'2026-10-25 00:30:00Z'",
		"'2026-10-25 01:30:00Z'",
	],
	interval: ["'1 day'", "'-1 mon 2 days 03:00'", "'0'", "'1.000001 s'"],
	inet: ["'10.0.0.1/8'", "'::1'"],
	cidr: ["'10.0.0.0/8'", "'::/0'"],
	macaddr: ["'08:00:2b:01:02:03'"],
	"bit(3)": ["B'101'", "B'000'"],
	varbit: ["B''", "B'1'", "B'10'"],
	money: ["-12.34::numeric", "0", "1234567.89::numeric"],
	jsonb: ["'{\"a\": 1.0}'", "'null'", "'[]'"],
	int4range: ["'[1,5)'", "'empty'", "'(,)'"],
	oid: ["0", "4294967295"],
	regclass: ["'pg_class'", "'pg_proc'"],
	mood: ["'sad'", "'Very, \"happy\"'"],
	percent: ["0", "99.90"],
	pair: ["ROW(1, 'sad')", "ROW(2, 'sad')"],
	"int4[]": ["'{}'", "'{1,NULL}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"],
	"mood[]": ["'{sad}'", "'{}'"],
	"timestamptz[]": ["'{2026-01-01Z}'", "'{infinity}'"],
};

/** Settings of writers: none of them may show in a key. */
const SETTINGS = [
	"",
	"SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'; SET IntervalStyle = 'sql_standard'",
	"SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -10; SET bytea_output = 'escape'; SET IntervalStyle = 'iso_8601'",
	"SET extra_float_digits = 3; SET TimeZone = 'America/St_Johns'; SET search_path = public, pg_catalog",
];

const TYPES = `
	CREATE TYPE mood AS ENUM ('sad', 'Very, "happy"');
	CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
	CREATE TYPE pair AS (a integer, b mood);
`;

describe("keys of every type", () => {
	let source: Database;
	let target: Database;
	let followed: Followed;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		const tables = Object.keys(KEYS).map(
			(type, at) =>
				`CREATE TABLE "key ${at}" (k ${type} PRIMARY KEY, n integer);
				CREATE TABLE "pair ${at}" (k ${type}, other integer, n integer, PRIMARY KEY (other, k));`,
		);
		for (const { url } of [source, target])
			await run(url, TYPES + tables.join("\n"));
	});
	after(async () => followed?.pair.close());

	/** All rows of all tables, as lines with the type of the key. */
	async function rowsOf({ url }: Database): Promise<string[]> {
		const tables = Object.keys(KEYS).flatMap((type, at) =>
			["key", "pair"].map(
				(kind) =>
					`SELECT $$${kind} of ${type}: $$ || t::text AS "row" FROM "${kind} ${at}" t`,
			),
		);
		const rows = await run(url, `${tables.join(" UNION ALL ")} ORDER BY 1`);
		return rows.map(({ row }) => row);
	}

	it(`are found again on the other side, whoever writes (SEED=${SEED})`, async () => {
		const chance = random(SEED);
		const pick = <T>(list: readonly T[]): T =>
			list[Math.floor(chance() * list.length)] as T;
		followed = await startFollower(source, target, { fill: false });
		for (let round = 0; round < 6; round++) {
			await using(source.url, async (client) => {
				for (const [at, [type, values]] of Object.entries(KEYS).entries()) {
					if (chance() < 0.2)
						await client.query(`RESET ALL; ${pick(SETTINGS)}`);
					const value = () => `CAST(${pick(values)} AS ${type})`;
					const statements = [
						`INSERT INTO "key ${at}" VALUES (${value()}, ${round}) ON CONFLICT (k) DO UPDATE SET n = excluded.n`,
						`UPDATE "key ${at}" t SET k = v.k FROM (SELECT ${value()} AS k) v
						WHERE t.ctid = (SELECT min(ctid) FROM "key ${at}") AND NOT EXISTS (SELECT FROM "key ${at}" o WHERE o.k = v.k)`,
						`DELETE FROM "key ${at}" WHERE n < ${round - 2}`,
						`INSERT INTO "pair ${at}" VALUES (${value()}, ${round % 3}, ${round}) ON CONFLICT DO NOTHING`,
						`DELETE FROM "pair ${at}" WHERE k = ${value()}`,
					];
					for (const sql of statements)
						await client.query(sql).catch((error: Error) => {
							throw new Error(`${sql}: ${error.message}`);
						});
				}
			});
			const { entries } = await followed.follower.cycle();
			assert.ok(entries > 0);
			const [here, there] = [await rowsOf(source), await rowsOf(target)];
			assert.deepEqual(there, here);
		}
	});
});
