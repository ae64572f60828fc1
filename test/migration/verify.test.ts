import assert from "node:assert/strict";
import type { ClientBase } from "pg";
import type { Difference } from "../../migration/digest/difference";
import { planBetween, planInSnapshots } from "../../migration/digest/plan";
import { withSnapshot, withSnapshots } from "../../migration/digest/sessions";
import { verifyTables } from "../../migration/digest/verify";
import { migrateHere, withDirectory } from "./cli";
import { type Database, emptyDatabase, emptyPair, run } from "./databases";

const SCHEMA = `
	CREATE TABLE readings (
		unit integer, at timestamptz, value numeric, payload jsonb, note text,
		PRIMARY KEY (unit, at)
	);
	INSERT INTO readings
	SELECT n % 7, '2026-01-01'::timestamptz + n * interval '1 minute', n / 100.0, jsonb_build_object('n', n), NULL
	FROM generate_series(1, 5000) n;
	CREATE TABLE keyless (a text, b float8);
	INSERT INTO keyless VALUES ('same', 0), ('same', 0), ('other', 0);
	CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
	INSERT INTO counted SELECT FROM generate_series(1, 10);
`;

describe("verify", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
		await run(target.url, SCHEMA);
	});

	/** Changes the target, verifies, and puts the change back. */
	async function differencesAfter(
		change: string,
		back: string,
		args: readonly string[] = [],
	): Promise<readonly Difference[]> {
		await run(target.url, change);
		try {
			const { exitCode, json } = await migrateHere(["verify", ...args], env);
			const differences = json.differences as Difference[];
			assert.equal(exitCode, differences.length === 0 ? 0 : 3);
			return differences;
		} finally {
			await run(target.url, back);
		}
	}

	it("finds equal databases equal", async () => {
		const { exitCode, json } = await migrateHere(["verify"], env);
		assert.equal(exitCode, 0);
		assert.equal(json.equal, true);
		assert.deepEqual(json.counts, {
			counted: { source: 10, target: 10 },
			keyless: { source: 3, target: 3 },
			readings: { source: 5000, target: 5000 },
		});
	});

	it("names table, key and column of one changed value", async () => {
		assert.deepEqual(
			await differencesAfter(
				`UPDATE readings SET value = value + 0.01 WHERE unit = 3 AND at = '2026-01-01 00:10Z'`,
				`UPDATE readings SET value = value - 0.01 WHERE unit = 3 AND at = '2026-01-01 00:10Z'`,
			),
			[
				{
					table: "readings",
					kind: "changed",
					key: { unit: "3", at: "2026-01-01 00:10:00+00" },
					columns: ["value"],
					values: {
						value: {
							source: "22 characters: digits, others",
							target: "22 characters: digits, others",
						},
					},
				},
			],
		);
	});

	it("shows values only when asked to", async () => {
		const change = [
			`UPDATE readings SET note = 'secret' WHERE unit = 3 AND at = '2026-01-01 00:10Z'`,
			`UPDATE readings SET note = NULL WHERE unit = 3 AND at = '2026-01-01 00:10Z'`,
		] as const;
		const [masked] = await differencesAfter(...change);
		assert.deepEqual(masked?.values, {
			note: { source: null, target: "6 characters: letters" },
		});
		const [shown] = await differencesAfter(...change, ["--show-values"]);
		assert.deepEqual(shown?.values, {
			note: { source: null, target: "secret" },
		});
	});

	it("tells 1.00 from 1.0, in numeric and in jsonb, and 0 from -0", async () => {
		const found = await differencesAfter(
			`UPDATE readings SET value = 1.000, payload = '{"n": 100.0}' WHERE value = 1;
			UPDATE keyless SET b = '-0' WHERE a = 'other'`,
			`UPDATE readings SET value = 100 / 100.0, payload = '{"n": 100}' WHERE value = 1;
			UPDATE keyless SET b = 0 WHERE a = 'other'`,
		);
		assert.deepEqual(found.find(({ table }) => table === "readings")?.columns, [
			"value",
			"payload",
		]);
		assert.deepEqual(
			found.filter(({ table }) => table === "keyless").map(({ kind }) => kind),
			["missing", "extra"],
		);
	});

	it("names a missing and an extra row", async () => {
		const found = await differencesAfter(
			`DELETE FROM readings WHERE unit = 1 AND at = '2026-01-01 00:01Z';
			INSERT INTO readings VALUES (99, '2026-06-01Z', 1, NULL, NULL)`,
			`DELETE FROM readings WHERE unit = 99;
			INSERT INTO readings VALUES (1, '2026-01-01 00:01Z', 1 / 100.0, '{"n": 1}', NULL)`,
		);
		assert.deepEqual(
			[...found].sort((a, b) => (a.kind < b.kind ? -1 : 1)),
			[
				{
					table: "readings",
					kind: "extra",
					key: { unit: "99", at: "2026-06-01 00:00:00+00" },
				},
				{
					table: "readings",
					kind: "missing",
					key: { unit: "1", at: "2026-01-01 00:01:00+00" },
				},
			],
		);
	});

	it("counts equal rows of a table without a key", async () => {
		const found = await differencesAfter(
			"INSERT INTO keyless VALUES ('same', 0)",
			`DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless WHERE a = 'same')`,
			["--show-values"],
		);
		assert.match(found[0]?.place ?? "", /^\(0,\d+\)$/);
		assert.deepEqual(
			found.map(({ place: _, ...rest }) => rest),
			[
				{
					table: "keyless",
					kind: "extra",
					values: { a: { target: "same" }, b: { target: "0" } },
				},
			],
		);
	});

	it("names no more rows than asked for", async () => {
		const found = await differencesAfter(
			"UPDATE readings SET note = 'x' WHERE unit = 0",
			"UPDATE readings SET note = NULL WHERE unit = 0",
			["--limit", "5"],
		);
		assert.equal(found.length, 5);
	});

	it("takes a sequence that lags for a difference, one ahead for none", async () => {
		const at = (value: number) => `SELECT setval('counted_id_seq', ${value})`;
		assert.deepEqual(await differencesAfter(at(9), at(10)), [
			{
				table: "counted_id_seq",
				kind: "sequence",
				detail: "at 9 on the target, at 10 on the source",
			},
		]);
		assert.deepEqual(await differencesAfter(at(11), at(10)), []);
	});

	it("holds no lock on a table that it has read, and sees that it was emptied", async () => {
		const [left, right] = [await emptyDatabase(15), await emptyDatabase(17)];
		await run(left.url, SCHEMA);
		await run(right.url, SCHEMA);
		await run(right.url, "UPDATE readings SET value = 0 WHERE unit = 1");
		const addresses = {
			source: { label: "source", url: left.url },
			target: { label: "target", url: right.url },
		};
		const options = {
			...{ exclude: [], userColumns: [], schema: false },
			...{ mapping: undefined, acceptRejects: [] },
		};
		const { comparisons } = await planBetween(addresses, options);
		const verify = (source: readonly ClientBase[], to: readonly ClientBase[]) =>
			verifyTables({ source, target: to }, comparisons, {
				limit: 1,
				showValues: false,
			});
		await withSnapshot(addresses.source, 2, (from) =>
			withSnapshot(addresses.target, 2, async (to) => {
				const kinds = async () =>
					(await verify(from, to)).differences.map(
						({ table, kind }) => `${table} ${kind}`,
					);
				assert.deepEqual(await kinds(), ["readings changed"]);
				await run(left.url, "SET lock_timeout = '5s'; TRUNCATE keyless");
				await run(right.url, "SET lock_timeout = '5s'; TRUNCATE counted");
				assert.deepEqual(await kinds(), [
					"counted rewritten",
					"keyless rewritten",
					"readings changed",
				]);
			}),
		);
	});

	it("keeps no lock on what it has planned to read", async () => {
		const both = await emptyDatabase(17);
		await run(
			both.url,
			`CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
			CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10)`,
		);
		const address = { label: "source", url: both.url };
		const options = { exclude: [], userColumns: [], schema: false };
		await withSnapshots(
			{ source: address, target: address },
			1,
			async ({ source: [from], target: [to] }) => {
				if (!from || !to) throw new Error("no session");
				await planInSnapshots(from, to, options);
				await run(both.url, "SET lock_timeout = '5s'; TRUNCATE part");
			},
		);
	});

	it("compares with an export without the source", async () => {
		await withDirectory(async (directory) => {
			await migrateHere(["export", "--dir", directory], env);
			const verify = ["verify", "--dir", directory];
			const targetOnly = { TARGET_DATABASE_URL: target.url };
			assert.equal((await migrateHere(verify, targetOnly)).exitCode, 0);
			await run(target.url, "INSERT INTO counted DEFAULT VALUES");
			const { exitCode, json } = await migrateHere(verify, targetOnly);
			await run(target.url, "DELETE FROM counted WHERE id = 11");
			assert.equal(exitCode, 3);
			assert.deepEqual(json.differences, [
				{
					table: "counted",
					kind: "content",
					detail: "10 rows exported, 11 on the target, digests differ",
				},
			]);
		});
	});
});
