import assert from "node:assert/strict";
import { repairTables } from "../../migration/digest/repair";
import {
	column,
	defineMapping,
	into,
	same,
} from "../../migration/mapping/define";
import { migrateHere } from "./cli";
import { run } from "./databases";
import {
	addressesOf,
	beginBack,
	comparisonsOf,
	differencesOf,
	type Pair,
	pair,
	syncMapped,
} from "./mapping-support";

const SOURCE = `
	CREATE TABLE readings (id integer PRIMARY KEY, at timestamptz NOT NULL, value integer);
	INSERT INTO readings SELECT n, '2026-01-01'::timestamptz + n * interval '1 hour', n FROM generate_series(1, 1200) n;
	CREATE TABLE kept (id integer, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
	CREATE TABLE kept_old PARTITION OF kept FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
	CREATE TABLE kept_new PARTITION OF kept FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
	INSERT INTO kept SELECT n, '2025-12-01'::date + n, 'note ' || n FROM generate_series(1, 60) n;
	CREATE TABLE keyless (at date NOT NULL, note text);
	INSERT INTO keyless VALUES ('2026-01-01', 'a'), ('2026-02-01', 'b');
`;

const TARGET = `
	CREATE TABLE sensor_readings (
		id integer, recorded_at timestamptz NOT NULL, value integer, PRIMARY KEY (id, recorded_at)
	) PARTITION BY RANGE (recorded_at);
	CREATE TABLE sensor_readings_1 PARTITION OF sensor_readings FOR VALUES FROM (MINVALUE) TO ('2026-02-01');
	CREATE TABLE sensor_readings_2 PARTITION OF sensor_readings FOR VALUES FROM ('2026-02-01') TO (MAXVALUE);
	CREATE INDEX ON sensor_readings (value);
	INSERT INTO sensor_readings VALUES (-1, '2026-01-01', 0);
	CREATE TABLE whole (id integer, day date, note text, PRIMARY KEY (id, day));
	INSERT INTO whole VALUES (-1, '2026-01-01', 'seed');
	CREATE TABLE logs (at date NOT NULL, note text) PARTITION BY RANGE (at);
	CREATE TABLE logs_all PARTITION OF logs DEFAULT;
`;

const mapping = defineMapping({
	name: "parted",
	tables: {
		readings: into({
			table: "sensor_readings",
			columns: { ...same("id", "value"), recorded_at: column("at") },
		}),
		kept: into({ table: "whole", columns: same("id", "day", "note") }),
		keyless: into(
			{ table: "logs", columns: same("at", "note") },
			{ back: "export" },
		),
	},
});

describe("a mapping into a table that lacks a partition", function () {
	this.timeout(60_000);
	const narrow = defineMapping({
		name: "narrow",
		tables: { readings: into({ table: "year", columns: same("id", "at") }) },
	});

	it("says what is missing, of the copy and of the following, and goes on", async () => {
		const both = await pair(
			`CREATE TABLE readings (id integer PRIMARY KEY, at date NOT NULL);
			INSERT INTO readings VALUES (1, '2026-01-01'), (2, '2025-01-01')`,
			`CREATE TABLE year (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
			CREATE TABLE year_2026 PARTITION OF year FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
		);
		const { source, target } = both.databases;
		const refusal =
			/no partition of relation "year" found for row.*make the partition/s;
		await assert.rejects(syncMapped(narrow, both.databases), refusal);
		await run(
			target.url,
			"CREATE TABLE year_2025 PARTITION OF year FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
		);
		await syncMapped(narrow, both.databases);
		await run(source.url, "INSERT INTO readings VALUES (3, '2024-01-01')");
		await assert.rejects(syncMapped(narrow, both.databases), refusal);
		await run(target.url, "CREATE TABLE rest PARTITION OF year DEFAULT");
		await syncMapped(narrow, both.databases);
		assert.deepEqual(await run(target.url, "SELECT id FROM year ORDER BY 1"), [
			{ id: 1 },
			{ id: 2 },
			{ id: 3 },
		]);
		await both.close();
	});
});

describe("a mapping between ordinary and partitioned tables", function () {
	this.timeout(60_000);
	let both: Pair;
	let env: Record<string, string>;
	const source = (sql: string) => run(both.databases.source.url, sql);
	const target = (sql: string) => run(both.databases.target.url, sql);

	before(async () => {
		both = await pair(SOURCE, TARGET);
		env = {
			SOURCE_DATABASE_URL: both.databases.source.url,
			TARGET_DATABASE_URL: both.databases.target.url,
		};
	});
	after(() => both.close());

	async function differences(): Promise<string[]> {
		const found = await differencesOf(mapping, both);
		return found.map(({ table }) => table);
	}

	it("copies and follows both ways", async () => {
		const { copied } = await syncMapped(mapping, both.databases);
		assert.equal(copied?.rows, 1200 + 60 + 2);
		assert.deepEqual(await differences(), []);
		assert.deepEqual(
			await target(
				"SELECT relname FROM pg_class WHERE relname ~ '^(sensor_readings|whole|logs)' AND relkind IN ('r', 'p') AND reltuples < 0",
			),
			[],
			"without statistics",
		);
		await source(`
			UPDATE readings SET at = at + interval '40 days' WHERE id % 100 = 0;
			DELETE FROM readings WHERE id = 7;
			INSERT INTO readings VALUES (5000, '2020-01-01', 1);
			UPDATE kept SET day = '2026-05-01' WHERE id = 3;
			INSERT INTO keyless VALUES ('2026-03-01', 'c');
		`);
		await syncMapped(mapping, both.databases);
		assert.deepEqual(await differences(), []);
		await source(
			"TRUNCATE kept_old; TRUNCATE keyless; INSERT INTO kept VALUES (900, '2026-01-05', 'after')",
		);
		await syncMapped(mapping, both.databases);
		assert.deepEqual(await differences(), []);
		await source(
			"TRUNCATE readings; INSERT INTO readings VALUES (1, '2026-02-03', 2), (2, '2026-01-03', 3)",
		);
		await syncMapped(mapping, both.databases);
		assert.deepEqual(await differences(), []);
	});

	it("drains, and repairs what somebody changed", async () => {
		await source("INSERT INTO readings VALUES (3, '2026-02-04', 4)");
		assert.equal((await migrateHere(["freeze"], env)).exitCode, 0);
		await syncMapped(mapping, both.databases, "drain");
		assert.deepEqual(await differences(), []);
		const comparisons = await comparisonsOf(mapping, both);
		const { read, write } = addressesOf(both.databases);
		for (const mostPlaces of [1_000_000, 0]) {
			await target(`
				UPDATE sensor_readings SET recorded_at = '2026-03-03' WHERE id = 2;
				DELETE FROM whole WHERE id = 900;
			`);
			assert.deepEqual((await differences()).sort(), [
				"sensor_readings",
				"whole",
			]);
			await repairTables(
				{ source: read, target: write },
				comparisons,
				{ frozen: true, pending: 0, open: [] },
				{ lockTimeout: 5000, mostPlaces },
			);
			assert.deepEqual(await differences(), []);
		}
	});

	it("stops at rows that go by TRUNCATE on the way back, of a partition too, and says what to do", async () => {
		await beginBack(mapping, both.databases);
		for (const [table, rows] of [
			["sensor_readings_1", "at < '2026-02-01'"],
			["sensor_readings", "true"],
		]) {
			await target(
				"INSERT INTO sensor_readings VALUES (81, '2026-01-05', 1), (82, '2026-03-05', 1) ON CONFLICT DO NOTHING",
			);
			await syncMapped(mapping, both.databases, "back");
			await target(`TRUNCATE ${table}`);
			await assert.rejects(
				syncMapped(mapping, both.databases, "back"),
				/TRUNCATE.*--recopy sensor_readings/s,
			);
			await migrateHere(["unfreeze"], env);
			await source(`DELETE FROM readings WHERE ${rows}`);
			await migrateHere(["freeze"], env);
			await syncMapped(mapping, both.databases, "back", ["sensor_readings"]);
			assert.deepEqual(await differences(), []);
			await syncMapped(mapping, both.databases, "back");
		}
	});
});
