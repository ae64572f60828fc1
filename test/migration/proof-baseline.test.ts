import assert from "node:assert/strict";
import { proveBaseline } from "../../migration/digest/baseline";
import { removeGuard } from "../../migration/digest/guard";
import { planSameShape } from "../../migration/digest/plan";
import type { Verification } from "../../migration/digest/verify";
import { migrateHere, refused } from "./cli";
import {
	type Database,
	emptyDatabase,
	emptyPair,
	run,
	using,
} from "./databases";
import { type Followed, startFollower } from "./follow-support";

const ROWS = 30_000;
const SCHEMA = `
	CREATE TABLE readings (unit integer, at timestamptz, value numeric, note text, PRIMARY KEY (unit, at));
	CREATE TABLE events (id bigint, day date, what jsonb, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
	CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
	CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');
	CREATE TABLE "Odd ""name""" ("the key" text PRIMARY KEY, "select" text);
	CREATE TABLE keyless (a text);
`;
const DATA = `
	INSERT INTO readings SELECT n % 10, timestamptz '2026-01-01Z' + n * interval '1 minute', n / 10.0
	FROM generate_series(1, ${ROWS}) n;
	INSERT INTO events SELECT n, date '2025-12-01' + n % 60, jsonb_build_object('n', n) FROM generate_series(1, 2000) n;
	INSERT INTO "Odd ""name""" SELECT 'key "' || n || '", {}', 'x' FROM generate_series(1, 200) n;
	INSERT INTO keyless SELECT 'row ' || n FROM generate_series(1, 50) n;
`;
/** Every kind of change that the follower brings over after the baseline. */
const CHANGES = `
	UPDATE readings SET value = value + 1 WHERE unit = 3 AND at < '2026-01-02Z';
	UPDATE readings SET unit = 99 WHERE unit = 4 AND at < '2026-01-02Z';
	DELETE FROM readings WHERE unit = 5 AND at < '2026-01-02Z';
	INSERT INTO readings VALUES (100, 'infinity', 'NaN', '');
	UPDATE events SET day = '2029-01-01' WHERE id <= 5;
	DELETE FROM "Odd ""name""" WHERE "the key" LIKE '%1%';
	INSERT INTO "Odd ""name""" VALUES ('new, "key" \\ ', NULL);
	INSERT INTO "Odd ""name""" SELECT string_agg(md5(n::text), '') FROM generate_series(1, 80) n;
`;

describe("a proof since the baseline", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;
	let followed: Followed;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA + DATA);
		await run(target.url, SCHEMA);
		followed = await startFollower(source, target);
		await followed.follower.cycle();
	});
	afterEach(async () => followed.pair.close());

	/** Proves the baseline; what the application does before, it does after the snapshot. */
	async function baseline(
		application: () => Promise<unknown> = async () => {},
	): Promise<Verification> {
		const addresses = {
			source: { label: "source", url: source.url },
			target: { label: "target", url: target.url },
		};
		const { comparisons } = await using(source.url, (from) =>
			using(target.url, async (to) => {
				for (const client of [from, to])
					await client.query("SET search_path = pg_catalog");
				return planSameShape(from, to, {
					exclude: [],
					userColumns: [],
					schema: false,
				});
			}),
		);
		let proven: Verification | undefined;
		await followed.follower.atSnapshot(async (snapshot) => {
			await application();
			proven = await proveBaseline(addresses, snapshot, comparisons, {
				jobs: 2,
				lockTimeout: 5000,
				limit: 20,
				showValues: false,
			});
		});
		if (!proven) throw new Error("no proof was made");
		return proven;
	}

	/** What happens at the switch: barrier, drain, proof. */
	async function freezeAndProve() {
		await migrateHere(["freeze"], env);
		await followed.follower.drain();
		return migrateHere(["verify", "--since-baseline"], env);
	}

	/** Rows that sequential scans have read; sessions that have ended have told theirs. */
	async function rowsScanned({ superuserUrl }: Database): Promise<number> {
		const [row] = await run(
			superuserUrl,
			"SELECT seq_tup_read::int AS n FROM pg_stat_user_tables WHERE relname = 'readings'",
		);
		return row.n;
	}

	it("reads only what was written since, and nothing of a large table but that", async () => {
		assert.deepEqual((await baseline()).differences, []);
		await run(source.url, CHANGES);
		await followed.follower.cycle();
		await run(
			source.url,
			"UPDATE readings SET note = 'late' WHERE unit = 3 AND at < '2026-01-01 01:00Z'",
		);
		await migrateHere(["freeze"], env);
		await followed.follower.drain();
		await run(source.superuserUrl, "ANALYZE readings");
		await run(target.superuserUrl, "ANALYZE readings");
		const scanned = [await rowsScanned(source), await rowsScanned(target)];
		const { exitCode, json, lines } = await migrateHere(
			["verify", "--since-baseline"],
			env,
		);
		assert.equal(exitCode, 0, lines.join("\n"));
		assert.deepEqual(json.read, {
			'Odd "name"': "121 keys written since the baseline",
			events: "10 keys written since the baseline",
			keyless: "all rows: it has no key",
			readings: `${144 * 4 + 1} keys written since the baseline`,
		});
		assert.deepEqual(
			[await rowsScanned(source), await rowsScanned(target)],
			scanned,
		);
	});

	it("keeps nobody from emptying a table, which is proven as a whole later", async () => {
		const { differences, tables } = await baseline(() =>
			run(
				source.url,
				"SET lock_timeout = '5s'; TRUNCATE keyless, events_new; INSERT INTO keyless VALUES ('later')",
			),
		);
		assert.deepEqual(differences, []);
		assert.deepEqual(
			tables.flatMap(({ table, rewritten }) => (rewritten ? [table] : [])),
			["events", "keyless"],
		);
		const { exitCode, json, lines } = await freezeAndProve();
		assert.equal(exitCode, 0, lines.join("\n"));
		const { events, keyless } = json.read as Record<string, string>;
		assert.equal(events, "all rows: it has no baseline");
		assert.equal(keyless, "all rows: it has no baseline");
	});

	it("finds a row that the follower should have brought and did not", async () => {
		await baseline();
		await run(source.url, CHANGES);
		await followed.follower.cycle();
		// In the follower's name, so that the guard takes it for the follower's work.
		await using(target.url, async (client) => {
			await client.query(
				"SET application_name = 'cutover-migration sync of a test'",
			);
			await client.query("UPDATE readings SET value = 0 WHERE unit = 100");
		});
		const { exitCode, json } = await freezeAndProve();
		assert.equal(exitCode, 3);
		assert.deepEqual(json.differences, [
			{
				table: "readings",
				kind: "changed",
				key: { unit: "100", at: "infinity" },
				columns: ["value"],
				values: {
					value: {
						source: "3 characters: letters",
						target: "1 character: digits",
					},
				},
			},
		]);
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/all rows: rows written since the baseline differ/,
		);
	});

	it("makes no proof out of keys that the follower forgot to note", async () => {
		await baseline();
		await run(source.url, CHANGES);
		await followed.follower.cycle();
		await run(target.url, "DELETE FROM cutover.touched_key");
		const { exitCode, json } = await freezeAndProve();
		assert.equal(exitCode, 0);
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/all rows: the follower wrote rows and noted no keys/,
		);
	});

	const untouched =
		"UPDATE readings SET note = 'x' WHERE unit = 7 AND at = '2026-01-01 00:07Z'";
	for (const [what, act, reason, differences] of [
		[
			"a stranger's write",
			untouched,
			/somebody else wrote to public.readings \(role doadmin, application unnamed/,
			1,
		],
		[
			"a write past the guard",
			`ALTER TABLE readings DISABLE TRIGGER cutover_guard; ${untouched}; ALTER TABLE readings ENABLE ALWAYS TRIGGER cutover_guard`,
			/the guard on public.readings was off/,
			1,
		],
		[
			"a write that leaves the guard switched off",
			`ALTER TABLE readings DISABLE TRIGGER cutover_guard; ${untouched}`,
			/the guard on public.readings was off/,
			1,
		],
		[
			"rows that ALTER TABLE writes anew",
			"ALTER TABLE readings ALTER COLUMN value TYPE numeric USING value * 2",
			/public.readings was written anew/,
			20,
		],
	] as const)
		it(`reads all of a table after ${what}`, async () => {
			await baseline();
			await run(target.url, act);
			const { exitCode, json } = await freezeAndProve();
			assert.match(
				(json.read as Record<string, string>).readings ?? "",
				reason,
			);
			assert.equal((json.differences as unknown[]).length, differences);
			assert.equal(exitCode, 3);
		});

	it("takes no other role for the follower, whatever it calls itself", async () => {
		await baseline();
		await run(
			target.superuserUrl,
			`SET application_name = 'cutover-migration sync of nobody'; ${untouched}`,
		);
		const { exitCode, json } = await freezeAndProve();
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/somebody else wrote to public.readings \(role \w+, application cutover-migration sync of nobody/,
		);
		assert.equal(exitCode, 3);
	});

	it("reads all of a table when a partition was written to, attached or truncated", async () => {
		await baseline();
		await run(target.url, "DELETE FROM events_new WHERE id = 50");
		await run(
			target.url,
			`CREATE TABLE more PARTITION OF events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
			TRUNCATE "Odd ""name"""`,
		);
		const { json } = await freezeAndProve();
		const read = json.read as Record<string, string>;
		assert.match(
			read.events ?? "",
			/somebody else wrote to public.events_new|partition public.more came/,
		);
		assert.match(read['Odd "name"'] ?? "", /somebody else wrote/);
		assert.match(read.readings ?? "", /^0 keys/);
		const kinds = (json.differences as { table: string }[]).map(
			({ table }) => table,
		);
		assert.deepEqual(kinds, [...Array(20).fill('Odd "name"'), "events"]);
	});

	it("gives no baseline to what differs, and forgets touched keys with a new one", async () => {
		await run(target.url, untouched);
		const { tables, differences } = await baseline();
		assert.deepEqual(
			tables.filter(({ equal }) => !equal).map(({ table }) => table),
			["readings"],
		);
		assert.equal(differences.length, 1);
		await run(target.url, "UPDATE readings SET note = NULL WHERE note = 'x'");
		await run(source.url, CHANGES);
		assert.deepEqual((await baseline()).differences, []);
		const { exitCode, json } = await freezeAndProve();
		assert.equal(exitCode, 0);
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/^0 keys/,
		);
	});

	it("keeps its guard through a restart of the sync, and leaves nothing when removed", async () => {
		await baseline();
		await followed.pair.close();
		followed = await startFollower(source, target, { fill: false });
		await run(source.url, CHANGES);
		const { exitCode, json } = await freezeAndProve();
		assert.equal(exitCode, 0);
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/^577 keys/,
		);
		const address = { label: "target", url: target.url };
		await using(target.url, (client) => removeGuard(address, client, 5000));
		assert.deepEqual(
			await run(
				target.url,
				`SELECT tgname FROM pg_trigger WHERE tgname = 'cutover_guard'
				UNION ALL SELECT proname FROM pg_proc WHERE proname = 'note_write'`,
			),
			[],
		);
		const again = await migrateHere(["verify", "--since-baseline"], env);
		assert.equal(again.exitCode, 0);
		assert.match(
			(again.json.read as Record<string, string>).readings ?? "",
			/all rows: it has no baseline/,
		);
	});

	it("is refused before the barrier stands, before the journal is empty, and where a trigger was off", async () => {
		await baseline();
		const verify = ["verify", "--since-baseline"];
		assert.match((await refused(verify, env)).expected, /write barrier/);
		await run(source.url, CHANGES);
		await migrateHere(["freeze"], env);
		const pending = await refused(verify, env);
		assert.equal(pending.exitCode, 4);
		assert.match(pending.expected, /empty journal/);
		await followed.follower.drain();
		await run(
			source.url,
			"ALTER TABLE readings DISABLE TRIGGER cutover_journal; ALTER TABLE readings ENABLE ALWAYS TRIGGER cutover_journal",
		);
		assert.match((await refused(verify, env)).found, /switched off for a time/);
	});

	it("does not count a role's right to write: whoever it is, it is noted", async () => {
		await baseline();
		await run(
			target.superuserUrl,
			`CREATE ROLE app_${process.pid} LOGIN; GRANT INSERT ON keyless, readings TO app_${process.pid};
			GRANT USAGE ON SCHEMA public TO app_${process.pid}`,
		);
		await run(
			target.superuserUrl,
			`SET ROLE app_${process.pid}; INSERT INTO readings VALUES (1, '2020-01-01Z', 1)`,
		);
		const { json } = await freezeAndProve();
		assert.match(
			(json.read as Record<string, string>).readings ?? "",
			/somebody else wrote/,
		);
		await run(
			target.superuserUrl,
			`DROP OWNED BY app_${process.pid}; DROP ROLE app_${process.pid}`,
		);
	});
});

describe("a sync with proof, by its commands", () => {
	it("is proven while it runs, and at the switch only by what came since", async () => {
		const source = await emptyDatabase(15);
		const target = await emptyDatabase(17);
		await run(source.url, SCHEMA + DATA);
		const env = {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		};
		const { exitCode, json } = await migrateHere(["sync", "--proof"], env);
		assert.equal(exitCode, 0);
		assert.deepEqual(json.proof, {
			equal: true,
			rows: ROWS + 2000 + 200 + 50,
			differences: [],
			unproven: [],
		});
		await run(source.url, CHANGES);
		await migrateHere(["sync"], env);
		await run(source.url, "UPDATE readings SET note = 'late' WHERE unit = 100");
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		const proof = await migrateHere(["verify", "--since-baseline"], env);
		assert.equal(proof.exitCode, 0, proof.lines.join("\n"));
		assert.deepEqual(proof.json.read, {
			'Odd "name"': "121 keys written since the baseline",
			events: "10 keys written since the baseline",
			keyless: "all rows: it has no key",
			readings: `${144 * 4 + 1} keys written since the baseline`,
		});
		// The way back begins: who writes to the target now is no stranger.
		await migrateHere(["sync", "--reverse"], env);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT FROM pg_trigger WHERE tgname = 'cutover_guard'",
			),
			[],
		);
	});
});
