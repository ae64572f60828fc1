import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { migrateHere, refused, withDirectory } from "./cli";
import {
	type Database,
	emptyDatabase,
	emptyPair,
	run,
	using,
} from "./databases";
import { until } from "./export-fixture";
import { schemaFingerprint } from "./schema-fingerprint";

const CLI = join(__dirname, "../../migration/cli.ts");

/** Few rows, which would pass for seeds where nothing is known of them. */
const SCHEMA = `
	CREATE TABLE owners (id integer PRIMARY KEY, code text UNIQUE);
	CREATE TABLE things (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		owner_id integer NOT NULL REFERENCES owners ON DELETE CASCADE,
		seen_by integer REFERENCES owners, note text
	);
	COMMENT ON CONSTRAINT things_seen_by_fkey ON things IS 'who saw it';
	CREATE INDEX things_owner ON things (owner_id);
	CREATE TABLE keyless (a text);
	CREATE TABLE events (id integer, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
	CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
	CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN NEW.code := NEW.code || '!'; RETURN NEW; END $$;
	CREATE TRIGGER noisy BEFORE INSERT OR UPDATE ON owners FOR EACH ROW EXECUTE FUNCTION noise();
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'nobody empties this'; END $$;
	CREATE TRIGGER kept BEFORE TRUNCATE ON things FOR EACH STATEMENT EXECUTE FUNCTION refuse();
	CREATE RULE quiet AS ON UPDATE TO keyless DO INSTEAD NOTHING;
`;

const FILL = `
	INSERT INTO owners SELECT n, 'code ' || n FROM generate_series(1, 20) n;
	INSERT INTO things (owner_id, seen_by) SELECT n % 20 + 1, n % 7 + 1 FROM generate_series(1, 200) n;
	INSERT INTO keyless VALUES ('a'), ('a'), (NULL);
	INSERT INTO events SELECT n, '2026-01-01'::date + n FROM generate_series(1, 300) n;
`;

const WRITES = `
	UPDATE things SET note = coalesce(note, '') || 'x' WHERE id % 3 = 0;
	DELETE FROM things WHERE id IN (SELECT id FROM things ORDER BY id LIMIT 5);
	INSERT INTO things (owner_id) VALUES (1), (2);
	INSERT INTO keyless VALUES ('late');
	DELETE FROM events WHERE id % 10 = 0;
`;

describe("a sync that was taken back", function () {
	this.timeout(60_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
		await run(source.url, FILL);
	});

	async function verify(): Promise<void> {
		const { json } = await migrateHere(["verify"], env);
		assert.deepEqual(json.differences, []);
	}

	const schemaOf = ({ url }: Database) =>
		schemaFingerprint(url, { sameVersion: true });

	/** Nothing of ours, but what is noted for the next sync. */
	async function assertClean(): Promise<void> {
		const left = `
			SELECT tgname::text AS "what" FROM pg_trigger WHERE tgname LIKE 'cutover%'
			UNION ALL SELECT relname::text FROM pg_class
			WHERE relnamespace = to_regnamespace('cutover') AND relkind = 'r'`;
		assert.deepEqual(await run(source.url, left), []);
		assert.deepEqual(await run(target.url, left), [{ what: "left_table" }]);
	}

	for (const [kind, schema] of [
		["that has its tables, with seeds", SCHEMA],
		["that was empty", ""],
	] as const)
		it(`begins again, and again, in a target ${kind}`, async () => {
			await run(target.url, schema);
			if (schema)
				await run(
					target.url,
					"INSERT INTO owners VALUES (7, 'seed'); INSERT INTO events VALUES (1, '2026-02-02')",
				);
			await migrateHere(["sync", "--proof"], env);
			for (const mode of [[], ["--proof"]]) {
				await run(source.url, WRITES);
				await migrateHere(["sync", "--remove"], env);
				await assertClean();
				await run(source.url, WRITES);
				const { json } = await migrateHere(["sync", ...mode], env);
				assert.deepEqual(
					(json.removed as { table: string; what: string }[])
						.map(({ table, what }) => `${table} ${what}`)
						.sort(),
					["events", "keyless", "owners", "things"].map(
						(table) => `${table} earlier sync`,
					),
				);
				await verify();
			}
			await migrateHere(["freeze"], env);
			await migrateHere(["sync", "--drain"], env);
			await migrateHere(["unfreeze"], env);
			await migrateHere(["sync", "--remove"], env);
			await migrateHere(["sync"], env);
			await verify();
		});

	it("leaves the target's definitions as they were before", async () => {
		await run(target.url, SCHEMA);
		const before = await schemaOf(target);
		for (let time = 0; time < 2; time++) {
			await migrateHere(["sync"], env);
			await migrateHere(["sync", "--remove"], env);
			assert.deepEqual(await schemaOf(target), before);
		}
		await verify();
	});

	const FOREIGN = {
		things: "INSERT INTO things (owner_id, note) VALUES (3, 'mine')",
		events: "UPDATE events_2 SET id = id + 1000",
	};
	for (const [table, sql] of Object.entries(FOREIGN))
		for (const when of ["while it ran", "afterwards"])
			it(`does not replace what somebody wrote to ${table} ${when}`, async () => {
				await migrateHere(["sync"], env);
				if (when === "while it ran") await run(target.url, sql);
				const { exitCode, json, lines } = await migrateHere(
					["sync", "--remove"],
					env,
				);
				assert.equal(exitCode, 0);
				const foreign = json.foreign as { table: string; by: string }[];
				if (when === "while it ran") {
					assert.deepEqual(
						foreign.map((one) => one.table),
						[table],
					);
					assert.match(foreign[0]?.by ?? "", /role doadmin, application/);
					assert.match(lines.join("\n"), /next sync will refuse/);
				} else {
					assert.deepEqual(foreign, []);
					await run(target.url, sql);
				}
				await assertClean();
				const rows = `SELECT t::text FROM ${table} t ORDER BY 1`;
				const before = await run(target.url, rows);
				const error = await refused(["sync"], env);
				assert.equal(error.exitCode, 4);
				assert.match(error.found, new RegExp(`^other rows in ${table} \\(`));
				assert.doesNotMatch(error.found, /owners|keyless/);
				assert.match(error.fix, /--replace/);
				assert.deepEqual(await run(target.url, rows), before);
				await migrateHere(["sync", "--replace"], env);
				await verify();
				await migrateHere(["sync", "--remove"], env);
				await migrateHere(["sync"], env);
				await verify();
			});

	it("takes rows for somebody else's where the watch was off for a time", async () => {
		await migrateHere(["sync"], env);
		for (const sql of [
			"ALTER TABLE owners DISABLE TRIGGER cutover_guard",
			"INSERT INTO owners VALUES (21, 'mine')",
			"ALTER TABLE owners ENABLE ALWAYS TRIGGER cutover_guard",
		])
			await run(target.url, sql);
		const { json } = await migrateHere(["sync", "--remove"], env);
		assert.deepEqual(json.foreign, [
			{ table: "owners", by: "not watched all the time" },
		]);
		assert.match((await refused(["sync"], env)).found, /owners/);
	});

	it("keeps the map of users", async () => {
		await run(
			target.url,
			`CREATE SCHEMA cutover;
			CREATE TABLE cutover.user_map (old_id uuid PRIMARY KEY, new_id uuid UNIQUE, state text);
			INSERT INTO cutover.user_map VALUES (gen_random_uuid(), gen_random_uuid(), 'moved')`,
		);
		const map = "SELECT * FROM cutover.user_map";
		const before = await run(target.url, map);
		await migrateHere(["sync"], env);
		await migrateHere(["sync", "--remove"], env);
		assert.deepEqual(await run(target.url, map), before);
	});

	const start = (...args: string[]) =>
		spawn(process.execPath, ["--import", "tsx", CLI, "sync", ...args], {
			env: { ...process.env, ...env },
			stdio: "ignore",
		});

	/** Holds a lock until a removal waits for it, kills the removal there. */
	async function killedAt(
		{ url }: Database,
		lock: string,
		...args: string[]
	): Promise<void> {
		await using(url, async (holder) => {
			await holder.query(`BEGIN; ${lock}`);
			const child = start(...args);
			const ended = exit(child);
			try {
				await until(async () => {
					assert.equal(child.exitCode, null, "it ended by itself");
					const { rows } = await holder.query(
						"SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
					);
					return rows.length > 0;
				});
			} finally {
				child.kill("SIGKILL");
			}
			assert.equal(await ended, null);
		});
	}

	const MOMENTS = {
		"as it takes the journal away": () =>
			killedAt(source, "LOCK TABLE things IN ACCESS SHARE MODE", "--remove"),
		"as it puts back what was suspended": () =>
			killedAt(target, "LOCK TABLE owners IN ACCESS SHARE MODE", "--remove"),
		"as it notes what it leaves": () =>
			killedAt(target, "LOCK TABLE keyless IN ACCESS SHARE MODE", "--remove"),
	};
	for (const [moment, kill] of Object.entries(MOMENTS)) {
		it(`goes on when called again, killed ${moment}`, async () => {
			await run(target.url, SCHEMA);
			const before = await schemaOf(target);
			await migrateHere(["sync"], env);
			await kill();
			await migrateHere(["sync", "--remove"], env);
			await assertClean();
			assert.deepEqual(await schemaOf(target), before);
			await run(source.url, WRITES);
			await migrateHere(["sync"], env);
			await verify();
		});

		it(`is taken up by a sync, killed ${moment}`, async () => {
			await run(target.url, SCHEMA);
			await migrateHere(["sync"], env);
			await kill();
			await run(source.url, WRITES);
			await migrateHere(["sync"], env);
			await verify();
			await migrateHere(["sync", "--remove"], env);
			await migrateHere(["sync"], env);
			await verify();
		});
	}

	it("knows the rows still when it is killed before it copies again", async () => {
		await run(target.url, SCHEMA);
		await run(
			source.url,
			"INSERT INTO keyless SELECT n::text FROM generate_series(1, 1500) n",
		);
		await migrateHere(["sync"], env);
		await migrateHere(["sync", "--remove"], env);
		const lock = "LOCK TABLE owners IN ACCESS SHARE MODE";
		await killedAt(target, lock);
		await killedAt(target, lock);
		await run(target.url, "INSERT INTO events VALUES (999, '2026-02-02')");
		const { found } = await refused(["sync"], env);
		assert.match(found, /^other rows in events \(301 rows, written by/);
		assert.doesNotMatch(found, /keyless|owners|things/);
		await migrateHere(["sync", "--replace"], env);
		await verify();
	});

	it("copies all that there is when it was killed just before", async () => {
		await run(target.url, SCHEMA);
		await killedAt(target, "LOCK TABLE owners IN ACCESS SHARE MODE");
		assert.equal((await run(target.url, "SELECT FROM owners")).length, 0);
		await migrateHere(["sync"], env);
		await verify();
	});

	/** The referring table is the larger one: its rows come first. */
	const LARGE = `
		CREATE TABLE large (id integer PRIMARY KEY, body text);
		CREATE TABLE larger (id integer PRIMARY KEY, large_id integer REFERENCES large, body text);
	`;
	const FILL_LARGE = `
		INSERT INTO large SELECT n, repeat('x', 200) FROM generate_series(1, 100000) n;
		INSERT INTO larger SELECT n, n, repeat('x', 300) FROM generate_series(1, 100000) n;
	`;
	async function killHalfWay(schema: string): Promise<void> {
		await run(source.url, LARGE + FILL_LARGE);
		await run(target.url, schema);
		const child = start("--jobs", "1");
		const ended = exit(child);
		await until(async () => {
			assert.equal(child.exitCode, null, "it ended by itself");
			const done = "SELECT FROM cutover.copy_chunk WHERE rows IS NOT NULL";
			return (await run(target.url, done).catch(() => [])).length > 0;
		});
		child.kill("SIGKILL");
		await ended;
		const missing = "SELECT FROM cutover.copy_chunk WHERE rows IS NULL";
		assert((await run(target.url, missing)).length > 0);
	}

	for (const schema of [SCHEMA + LARGE, ""])
		it(`ends a copy that was killed half-way, in a target ${schema ? "with tables" : "that was empty"}`, async () => {
			await killHalfWay(schema);
			await migrateHere(["sync", "--remove"], env);
			await assertClean();
			if (schema) {
				const asMade = await emptyDatabase(17);
				await run(asMade.url, schema);
				assert.deepEqual(await schemaOf(target), await schemaOf(asMade));
			}
			await migrateHere(["sync"], env);
			await verify();
		});

	it("frees the source, and says what to do, where somebody wrote to half of a copy", async () => {
		await killHalfWay(SCHEMA + LARGE);
		await run(target.url, "INSERT INTO owners VALUES (99, 'mine')");
		const error = await refused(["sync", "--remove"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /others have written to owners$/);
		const ours = "SELECT FROM pg_trigger WHERE tgname LIKE 'cutover%'";
		assert.deepEqual(await run(source.url, ours), []);
		assert.deepEqual(
			await run(target.url, "SELECT code FROM owners WHERE id = 99"),
			[{ code: "mine" }],
		);
		// A trigger of the test's schema lets nobody empty things, which are few.
		await run(
			target.url,
			"DELETE FROM things; DELETE FROM owners; DELETE FROM larger; DELETE FROM large",
		);
		await migrateHere(["sync", "--remove"], env);
		await migrateHere(["sync", "--replace"], env);
		await verify();
	});

	it("is exported with its definitions as they are meant to be", async () => {
		await run(target.url, SCHEMA);
		const before = await schemaOf(target);
		await migrateHere(["sync"], env);
		assert.notDeepEqual(
			(await schemaOf(target)).constraints,
			before.constraints,
		);
		const suspended = await schemaOf(target);
		await withDirectory(async (directory) => {
			await migrateHere(["export", "--dir", directory], {
				SOURCE_DATABASE_URL: target.url,
			});
			assert.deepEqual(await schemaOf(target), suspended);
			const restored = await emptyDatabase(17);
			const there = { TARGET_DATABASE_URL: restored.url };
			await migrateHere(
				["import", "--create-schema", "--dir", directory],
				there,
			);
			assert.deepEqual(await schemaOf(restored), before);
		});
		await verify();
	});

	it("is exported whole from a database that it made itself", async () => {
		const options = { sameVersion: false };
		const before = await schemaFingerprint(source.url, options);
		await migrateHere(["sync"], env);
		await withDirectory(async (directory) => {
			await migrateHere(["export", "--dir", directory], {
				SOURCE_DATABASE_URL: target.url,
			});
			const restored = await emptyDatabase(17);
			await migrateHere(["import", "--create-schema", "--dir", directory], {
				TARGET_DATABASE_URL: restored.url,
			});
			assert.deepEqual(await schemaFingerprint(restored.url, options), before);
		});
	});
});

/** The exit code; null after a signal. */
function exit(child: ChildProcess): Promise<number | null> {
	return new Promise((resolve) => child.once("close", resolve));
}
