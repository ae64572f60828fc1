import assert from "node:assert/strict";
import { Client } from "pg";
import type { Difference } from "../../migration/digest/difference";
import { migrateHere } from "./cli";
import { type Database, emptyPair, run } from "./databases";

const ROWS = Number(process.env.PROOF_TEST_ROWS ?? 400_000);

/** Deterministic, so that both servers make the same rows. */
const SCHEMA = `
	CREATE TABLE readings (
		unit integer, number integer, id uuid, value numeric, exact double precision,
		payload jsonb, raw bytea, note text, at timestamptz,
		PRIMARY KEY (unit, number)
	);
	INSERT INTO readings
	SELECT n % 1000, n, md5(n::text)::uuid, n / 100.0, n / 7.0,
		jsonb_build_object('n', n, 'half', n / 2.0), decode(md5(n::text), 'hex'), NULL,
		timestamptz '2026-01-01Z' + n * interval '1 second'
	FROM generate_series(1, ${ROWS}) n;
	ANALYZE readings;
`;

/** A row from the middle, by its key. */
const NUMBER = Math.floor(ROWS / 2) + 7;
const ROW = `unit = ${NUMBER % 1000} AND number = ${NUMBER}`;
const KEY = { unit: String(NUMBER % 1000), number: String(NUMBER) };

describe(`a proof of ${ROWS.toLocaleString("en-US")} rows`, () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async function () {
		this.timeout(60_000);
		({ source, target, env } = await emptyPair());
		await Promise.all([run(source.url, SCHEMA), run(target.url, SCHEMA)]);
	});

	async function differences(
		...args: readonly string[]
	): Promise<readonly Difference[]> {
		const { json } = await migrateHere(["verify", ...args], env);
		return json.differences as Difference[];
	}

	it("finds both sides equal and says how fast", async () => {
		const { exitCode, json, lines } = await migrateHere(
			["verify", "--jobs", "2"],
			env,
		);
		assert.equal(exitCode, 0);
		assert.equal(json.rows, ROWS);
		assert.ok((json.rowsPerSecond as number) > 10_000);
		assert.match(lines.join("\n"), /readings +400,000 +400,000 +yes/);
	});

	for (const [what, change, back, column] of [
		[
			"one bit of raw bytes",
			"raw = set_bit(raw, 77, 1 - get_bit(raw, 77))",
			"raw = set_bit(raw, 77, 1 - get_bit(raw, 77))",
			"raw",
		],
		[
			"the last bit of a float",
			// One step of the last place.
			"exact = exact * (1 + 2.220446049250313e-16::float8)",
			"exact = number / 7.0",
			"exact",
		],
		[
			"a zero at the end of a number in JSON",
			`payload = jsonb_set(payload, '{half}', ((payload ->> 'half') || '0')::jsonb)`,
			`payload = jsonb_build_object('n', number, 'half', number / 2.0)`,
			"payload",
		],
		[
			"one microsecond",
			"at = at + interval '1 us'",
			"at = at - interval '1 us'",
			"at",
		],
	] as const)
		it(`finds ${what} in one row and names row and column`, async () => {
			await run(target.url, `UPDATE readings SET ${change} WHERE ${ROW}`);
			const found = await differences();
			await run(target.url, `UPDATE readings SET ${back} WHERE ${ROW}`);
			assert.deepEqual(
				found.map(({ table, kind, key, columns }) => ({
					table,
					kind,
					key,
					columns,
				})),
				[{ table: "readings", kind: "changed", key: KEY, columns: [column] }],
			);
		});

	it("sees two rows that have swapped one value", async () => {
		const swap = `
			UPDATE readings r SET id = o.id FROM readings o
			WHERE r.number IN (11, 12) AND o.number = 23 - r.number`;
		await run(target.url, swap);
		const found = await differences();
		await run(target.url, swap);
		assert.deepEqual(
			found.map(({ key, columns }) => [key?.number, columns]).sort(),
			[
				["11", ["id"]],
				["12", ["id"]],
			],
		);
	});

	it("names rows rightly where more differ than are kept", async () => {
		await run(
			target.url,
			"UPDATE readings SET note = 'a secret of the product' WHERE number <= 30000",
		);
		const { json } = await migrateHere(["verify", "--limit", "7"], env);
		const found = json.differences as Difference[];
		assert.equal(found.length, 7);
		for (const { kind, columns } of found)
			assert.deepEqual([kind, columns], ["changed", ["note"]]);
		assert.deepEqual(json.differing, {
			readings: { source: 30000, target: 30000 },
		});
		assert.doesNotMatch(JSON.stringify(json), /secret/);
		await run(target.url, "UPDATE readings SET note = NULL WHERE note <> ''");
	});

	it("reads each side in one state, whoever writes meanwhile", async () => {
		const writer = new Client({ connectionString: source.url });
		await writer.connect();
		let writing = true;
		// Nothing changes, but rows move to other blocks all the time.
		const writes = (async () => {
			while (writing)
				await writer.query(
					"UPDATE readings SET note = NULL WHERE number % 40 = floor(random() * 40)",
				);
		})();
		for (let round = 0; round < 2; round++) {
			const { exitCode, json } = await migrateHere(
				["verify", "--jobs", "3"],
				env,
			);
			assert.equal(exitCode, 0);
			assert.deepEqual(json.source, { frozen: false, pending: null });
		}
		writing = false;
		await writes;
		await writer.end();
	});

	it("says of differences on a moving source that they may be under way", async () => {
		await run(source.url, "UPDATE readings SET note = 'new' WHERE number = 1");
		const { exitCode, lines } = await migrateHere(["verify"], env);
		assert.equal(exitCode, 3);
		assert.match(lines.join("\n"), /source is not frozen/);
		await migrateHere(["freeze"], env);
		const frozen = await migrateHere(["verify", "--repair"], env);
		assert.equal(frozen.exitCode, 0);
		assert.doesNotMatch(frozen.lines.join("\n"), /not frozen/);
		assert.deepEqual(frozen.json.repaired, [
			{ table: "readings", deleted: 1, inserted: 1 },
		]);
	});
});
