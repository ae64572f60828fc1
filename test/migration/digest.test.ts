import assert from "node:assert/strict";
import type { Client } from "pg";
import { readCatalog } from "../../migration/catalog/read";
import type { Table } from "../../migration/catalog/types";
import { connect } from "../../migration/connection";
import { rowDigest } from "../../migration/digest/expression";
import {
	combine,
	digestChunk,
	plainSide,
	readSide,
	type TableDigest,
	writtenSide,
} from "../../migration/digest/table";
import { type Route, sameShape } from "../../migration/route";
import { type Database, emptyDatabase, run } from "./databases";
import { HAZARDS } from "./hazards";

/** Values that a digest has to tell apart, by type; all in one line differ from one another. */
const DISTINCT: Readonly<Record<string, readonly string[]>> = {
	boolean: ["true", "false", "NULL"],
	smallint: ["0", "1", "-1", "32767", "-32768", "NULL"],
	integer: ["0", "1", "-1", "2147483647", "NULL"],
	// 2^32 + 1 and -2^32 are 0 to the hash of bigint, which folds it.
	bigint: ["0", "4294967297", "-4294967296", "1", "8589934594", "NULL"],
	oid: ["0", "1", "4294967295", "NULL"],
	numeric: [
		"1.0",
		"1.00",
		"1",
		"-1",
		"-1.0",
		"0",
		"0.0",
		"10",
		"0.1",
		"100000000",
		"'NaN'",
		"'Infinity'",
		"'-Infinity'",
		"NULL",
	],
	"numeric(5,2)": ["1", "-1", "10", "0.1", "0", "'NaN'", "100", "NULL"],
	real: ["0", "'-0'", "1", "1.0000001", "'NaN'", "'Infinity'", "NULL"],
	"double precision": [
		"0",
		"'-0'",
		"0.1",
		"0.10000000000000002",
		"'NaN'",
		"'Infinity'",
		"'-Infinity'",
		"NULL",
	],
	money: ["0", "0.01", "-0.01", "NULL"],
	text: ["''", "' '", "'a'", "'a '", "'A'", "'ä'", "E'a\\u0308'", "NULL"],
	"text COLLATE ignores_case": ["'a'", "'A'", "'á'", "NULL"],
	"character varying(10)": ["''", "'a'", "'a '", "NULL"],
	"character(3)": ["'a'", "'b'", "''", "NULL"],
	bpchar: ["'a'", "'a '", "''", "NULL"],
	'"char"': ["'a'", "'b'", "''", "NULL"],
	name: ["'a'", "'b'", "NULL"],
	bytea: ["''", "'\\x00'", "'\\x0000'", "'\\x01'", "NULL"],
	date: ["'2026-01-01'", "'2026-01-02'", "'infinity'", "'-infinity'", "NULL"],
	time: ["'00:00'", "'00:00:00.000001'", "'24:00'", "NULL"],
	timetz: ["'12:00+00'", "'13:00+01'", "NULL"],
	timestamp: [
		"'2026-01-01'",
		"'2026-01-01 00:00:00.000001'",
		// As far apart as the hash of timestamps, which folds them, does not see.
		"timestamp '2026-01-01' + interval '1 microsecond' * 4294967297",
		"'2199-12-31 23:59:59.999999'",
		"'2199-12-31 23:59:59.999998'",
		"'2200-01-01 00:00:00.000001'",
		"'2200-01-01'",
		"'294276-12-31 23:59:59.999999'",
		"'294276-12-31 23:59:59.999998'",
		"'4713-01-01 BC'",
		"'infinity'",
		"'-infinity'",
		"NULL",
	],
	timestamptz: [
		"'2026-01-01Z'",
		"'2026-01-01 00:00:00.000001Z'",
		"'2026-01-01+01'",
		"'1800-01-01Z'",
		"'1799-12-31 23:59:59.999999Z'",
		"'294276-12-31 23:59:59.999999Z'",
		"'294276-12-31 23:59:59.999998Z'",
		"'infinity'",
		"'-infinity'",
		"NULL",
	],
	interval: ["'1 day'", "'24 hours'", "'1 month'", "'30 days'", "NULL"],
	uuid: [
		"'00000000-0000-4000-8000-000000000000'",
		"'00000000-0000-4000-8000-000000000001'",
		"NULL",
	],
	json: [`'{"a":1}'`, `'{"a": 1}'`, "'null'", "NULL"],
	jsonb: [
		"'1'",
		"'-1'",
		"'1.0'",
		"'1.00'",
		"'[[1],2]'",
		"'[[1,2]]'",
		"'[1,[2]]'",
		"'null'",
		`'"null"'`,
		"NULL",
	],
	"integer[]": ["'{}'", "'{1}'", "'{{1}}'", "'[0:0]={1}'", "'{NULL}'", "NULL"],
	"text[]": ["'{a,b}'", `'{"a,b"}'`, "'{NULL}'", `'{"NULL"}'`, "NULL"],
	mood: ["'sad'", "'happy'", "NULL"],
	"mood[]": ["'{sad,happy}'", "'{happy,sad}'", "NULL"],
	cash_or_not: ["1.0", "1.00", "NULL"],
	bit: ["'0'", "'1'", "NULL"],
	"bit varying": ["'0'", "'00'", "''", "NULL"],
	inet: ["'10.0.0.1'", "'10.0.0.1/8'", "NULL"],
	cidr: ["'10.0.0.0/8'", "'10.0.0.0/9'", "NULL"],
	macaddr: ["'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'", "NULL"],
	point: ["'(0,0)'", "'(-0,0)'", "NULL"],
	int4range: ["'empty'", "'[1,2)'", "'[1,3)'", "NULL"],
	tsvector: ["''", "'a:1'", "'a:2'", "NULL"],
	pg_lsn: ["'0/0'", "'0/1'", "NULL"],
	xml: ["'<a/>'", "'<a></a>'", "NULL"],
};

const TYPES = `
	CREATE COLLATION ignores_case (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
	CREATE DOMAIN cash_or_not AS numeric;
`;

/** Changes of whole rows after which the sum of a table must be another. */
const ROW_CHANGES: Readonly<Record<string, string>> = {
	"two rows that swap the values of one column":
		"UPDATE r SET b = 3 - b WHERE id IN (1, 2)",
	"two columns of a row that swap their values":
		"UPDATE r SET a = b, b = a WHERE id = 1",
	"a value that moves into a column that was NULL":
		"UPDATE r SET a = NULL, c = a WHERE id = 1",
	"a value that is added in one row and taken in another":
		"UPDATE r SET a = a + CASE id WHEN 1 THEN 1 ELSE -1 END WHERE id IN (1, 2)",
	"a row that is there twice": "INSERT INTO r SELECT * FROM r WHERE id = 1",
	"a row that is there 65,536 times more":
		"INSERT INTO r SELECT r.* FROM r, generate_series(1, 65536) WHERE id = 1",
	"scales of zero that two columns swap":
		"UPDATE r SET d = e, e = d WHERE id = 1",
	"a zero and a NULL that two columns swap":
		"UPDATE r SET f = g, g = f WHERE id = 1",
	"a row that is gone": "DELETE FROM r WHERE id = 2",
	"one row twice and another not at all":
		"UPDATE r SET id = 1, a = 10, b = 1, c = NULL WHERE id = 2",
	"a row of nothing but NULL":
		"INSERT INTO r VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
};

describe("a digest", () => {
	let source: Database;
	let target: Database;
	const sessions: Client[] = [];

	const open = async ({ url }: Database): Promise<Client> => {
		const session = await connect(
			{ label: "source", url },
			{ readOnly: false },
		);
		sessions.push(session);
		return session;
	};
	const tableOf = async (session: Client, name: string): Promise<Table> => {
		const { tables } = await readCatalog(session);
		const table = tables.find((one) => one.name === name);
		if (!table) throw new Error(`no table ${name}`);
		return table;
	};
	const digestOf = async (
		session: Client,
		name: string,
	): Promise<TableDigest> =>
		digestChunk(session, plainSide(await tableOf(session, name)));

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		// So that the OID of the enum's labels differ between the two.
		await run(
			source.url,
			`${TYPES} CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pad AS ENUM ('a')`,
		);
		await run(
			target.url,
			`${TYPES} CREATE TYPE pad AS ENUM ('a', 'b', 'c'); CREATE TYPE mood AS ENUM ('sad', 'happy')`,
		);
	});

	afterEach(async () => {
		await Promise.all(sessions.splice(0).map((session) => session.end()));
	});

	for (const [type, values] of Object.entries(DISTINCT))
		it(`tells values of ${type} apart, alike on 15 and 17`, async () => {
			const digests = await Promise.all(
				[source, target].map(async (database) => {
					const session = await open(database);
					await session.query(`
						SET search_path = public;
						CREATE TABLE v (n integer GENERATED ALWAYS AS IDENTITY, v ${type});
						${values.map((value) => `INSERT INTO v (v) VALUES (${value})`).join(";")};
						SET search_path = pg_catalog
					`);
					const { columns } = await tableOf(session, "v");
					const { rows } = await session.query(
						`SELECT ${rowDigest(columns.slice(1))} AS "digest" FROM public.v t ORDER BY n`,
					);
					await session.query("DROP TABLE public.v");
					return rows.map(({ digest }) => digest);
				}),
			);
			assert.deepEqual(digests[0], digests[1]);
			assert.equal(new Set(digests[0]).size, values.length, `${digests[0]}`);
		});

	for (const [change, sql] of Object.entries(ROW_CHANGES))
		it(`sees ${change}`, async () => {
			const session = await open(source);
			await session.query(`
				DROP TABLE IF EXISTS public.r;
				CREATE TABLE public.r (
					id integer, a integer, b integer, c integer,
					d numeric DEFAULT 0.0, e numeric DEFAULT 0.00, f numeric(5,2) DEFAULT 0, g numeric(5,2)
				);
				INSERT INTO public.r VALUES (1, 10, 1, NULL), (2, 20, 2, NULL), (3, 30, 3, NULL)
			`);
			const before = await digestOf(session, "r");
			await session.query(`SET search_path = public; ${sql}`);
			await session.query("SET search_path = pg_catalog");
			const after = await digestOf(session, "r");
			assert.notEqual(after.digest, before.digest);
		});

	it("sees every one of 20,000 swaps of a value between two rows", async () => {
		const session = await open(source);
		await session.query(`
			CREATE TABLE public.s (n integer, a integer, b text);
		`);
		const table = await tableOf(session, "s");
		const pair = (b1: string, b2: string) => `
			(SELECT sum(${rowDigest(table.columns)})
			FROM (VALUES (n, n, ${b1}), (n, n + 1, ${b2})) t (n, a, b))`;
		const { rows } = await session.query(`
			SELECT count(*) FILTER (WHERE ${pair("'x' || n", "'y' || n")} = ${pair("'y' || n", "'x' || n")})::int AS "missed"
			FROM generate_series(1, 20000) n
		`);
		assert.equal(rows[0].missed, 0);
	});

	it("is the same on both sides for every kind of column, and odd names", async () => {
		const [one, two] = [await emptyDatabase(15), await emptyDatabase(17)];
		await run(one.url, HAZARDS);
		await run(two.url, `CREATE TYPE first AS ENUM ('x'); ${HAZARDS}`);
		const [left, right] = [await open(one), await open(two)];
		for (const table of (await readCatalog(left)).tables)
			assert.deepEqual(
				await digestChunk(left, plainSide(table)),
				await digestOf(right, table.name),
				table.name,
			);
	});

	it("of parts adds up to that of the whole, over partitions as well", async () => {
		const session = await open(source);
		await session.query(`
			CREATE TABLE public.parted (id integer, v text) PARTITION BY RANGE (id);
			CREATE TABLE public.low PARTITION OF public.parted FOR VALUES FROM (0) TO (1000);
			CREATE TABLE public.high PARTITION OF public.parted FOR VALUES FROM (1000) TO (100000);
			INSERT INTO public.parted SELECT n, 'value ' || n FROM generate_series(1, 20000) n;
		`);
		const side = plainSide(await tableOf(session, "parted"));
		const whole = await digestChunk(session, side);
		assert.equal(whole.rows, 20000);
		const parts: TableDigest[] = [];
		for (const range of [
			{ from: 0, to: 3 },
			{ from: 3, to: 40 },
			{ from: 40, to: null },
		])
			parts.push(await digestChunk(session, side, range));
		assert.ok(parts.every(({ rows }) => rows > 0));
		assert.deepEqual(combine(parts), whole);
	});

	it("follows a route: names, filter, reject and expressions of the side that is read", async () => {
		const [left, right] = [await open(source), await open(target)];
		await left.query(`
			CREATE TABLE public.old (id integer PRIMARY KEY, price numeric, kind text, gone boolean);
			INSERT INTO public.old VALUES
				(1, 1.5, 'SAD', false), (2, -2.5, 'HAPPY', false), (3, 3, 'SAD', true), (4, 4, 'ANGRY', false)
		`);
		await right.query(`
			CREATE TABLE public.new (key bigint PRIMARY KEY, cents integer, mood public.mood);
			INSERT INTO public.new VALUES (1, 150, 'sad'), (2, -250, 'happy')
		`);
		const written = await tableOf(right, "new");
		const read = await tableOf(left, "old");
		const expressions = [
			"t.id",
			"(t.price * 100)",
			"CASE WHEN t.kind <> '' THEN lower(t.kind) END",
		];
		const route: Route = {
			...sameShape(read),
			to: written,
			columns: written.columns.map((column, at) => ({
				column,
				sql: expressions[at] ?? "NULL",
			})),
			filter: "NOT t.gone",
			reject: `CASE WHEN lower(t.kind) NOT IN ('sad', 'happy') THEN 'no such mood' END`,
		};
		const digest = await digestChunk(left, readSide(route));
		assert.equal(digest.rows, 2);
		assert.deepEqual(await digestChunk(right, writtenSide(route)), digest);
		await right.query("UPDATE public.new SET cents = 151 WHERE key = 1");
		assert.notDeepEqual(await digestChunk(right, writtenSide(route)), digest);
	});
});
