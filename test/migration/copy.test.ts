import assert from "node:assert/strict";
import { Client } from "pg";
import { createSchema, finishSchema } from "../../migration/catalog/ddl";
import { definitionsOf } from "../../migration/catalog/definitions";
import { readCatalog } from "../../migration/catalog/read";
import { withConnection } from "../../migration/connection";
import { type CopyOptions, copyRoutes } from "../../migration/copy/live";
import { strip } from "../../migration/copy/strip";
import type { MigrationError } from "../../migration/errors";
import { sameShape } from "../../migration/route";
import { migrate, refused } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";
import { HAZARDS } from "./hazards";

const environment = (source: Database, target: Database) => ({
	SOURCE_DATABASE_URL: source.url,
	TARGET_DATABASE_URL: target.url,
});

describe("a whole database into an empty one, PostgreSQL 15 to 17", () => {
	let source: Database;
	let target: Database;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		await run(source.url, HAZARDS);
	});

	it("brings rows and schema, proven equal, and leaves nothing of its own", async () => {
		const copied = await migrate(
			["copy", "--proof", "--json"],
			environment(source, target),
		);
		assert.equal(copied.exitCode, 0, copied.stderr);
		assert.equal(copied.json.equal, true);
		assert.equal(copied.json.rows, 32);
		assert.deepEqual(copied.json.differences, []);
		assert.ok(copied.json.seconds > 0);
		assert.ok(copied.json.peakMemoryBytes > 0);
		assert.deepEqual(
			await run(target.url, "SELECT to_regnamespace('cutover') AS schema"),
			[{ schema: null }],
		);
		const verified = await migrate(
			["verify", "--json"],
			environment(source, target),
		);
		assert.equal(verified.exitCode, 0, verified.stderr);
	});

	it("leaves statistics behind, and frozen rows that index-only scans may trust", async () => {
		const [pages] = await run(
			target.url,
			`SELECT sum(reltuples)::int AS rows, bool_and(relallvisible = relpages) AS visible
			FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
		);
		assert.deepEqual(pages, { rows: 32, visible: true });
	});

	it("is refused where there are tables already", async () => {
		const { exitCode, found } = await refused(
			["copy"],
			environment(source, target),
		);
		assert.equal(exitCode, 4);
		assert.match(found, /tables, for instance/);
	});
});

/** 40,000 rows of about 1 kB: two chunks and more. */
const LARGE = `
	CREATE TABLE parent (id integer PRIMARY KEY, name text NOT NULL);
	INSERT INTO parent SELECT n, 'parent ' || n FROM generate_series(1, 10) n;
	CREATE TABLE large (
		id integer PRIMARY KEY, parent integer NOT NULL REFERENCES parent,
		amount numeric, filler text NOT NULL
	);
	INSERT INTO large SELECT n, 1 + n % 10, n / 7.0, repeat(md5(n::text), 30) FROM generate_series(1, 40000) n;
	CREATE INDEX ON large (parent, amount);
	CREATE UNIQUE INDEX ON large (amount);
`;

describe("a copy in parts", () => {
	let source: Database;
	let target: Database;
	beforeEach(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		await run(source.url, LARGE);
	});

	const addresses = () => ({
		source: { label: "source", url: source.url },
		target: { label: "target", url: target.url },
	});

	/** Copies into tables made beforehand, as one step of a longer move. */
	const copy = async (options: Partial<CopyOptions> = {}) => {
		const catalog = await withConnection(
			addresses().source,
			{ readOnly: true },
			readCatalog,
		);
		const [made] = await run(
			target.url,
			"SELECT to_regclass('public.large') IS NOT NULL AS made",
		);
		if (!made.made) await run(target.url, createSchema(catalog));
		return copyRoutes(
			addresses(),
			{
				routes: catalog.tables.map(sameShape),
				definitions: definitionsOf(catalog),
			},
			{ jobs: 2, ...options },
		);
	};

	const content = async ({ url }: Database) =>
		run(
			url,
			`SELECT count(*)::int AS rows, sum(hashtextextended(t::text, 0)) AS sum FROM large t`,
		);

	/** Ends the copy once so many chunks of the large table are in. */
	const cutShortAfter = async (chunks: number) => {
		await assert.rejects(
			copy({
				jobs: 1,
				beside: (_, rows) => [
					{
						name: "the end",
						rank: Number.MAX_SAFE_INTEGER,
						after: rows({ schema: "public", name: "large" }).slice(0, chunks),
						run: async () => {
							throw new Error("cut short");
						},
					},
				],
			}),
			/cut short/,
		);
		const [done] = await run(
			target.url,
			"SELECT count(*)::int AS chunks FROM cutover.copy_chunk WHERE done_at IS NOT NULL",
		);
		return done.chunks;
	};

	it("divides what is large, and brings each row once", async () => {
		const result = await copy();
		assert.ok(result.chunks > 2, `${result.chunks} chunks`);
		assert.equal(result.rows, 40_010);
		assert.equal(result.chunksDoneBefore, 0);
		assert.deepEqual(await content(target), await content(source));
	});

	it("goes on from the finished chunks, once the changes in between are applied", async () => {
		const done = await cutShortAfter(1);
		assert.ok(done > 0);
		// Row 1 moves from a chunk that is in to the table's end, which is not.
		const changed = [1, 2, 3, 40_001];
		await run(
			source.url,
			`
			UPDATE large SET amount = -1 WHERE id = 1;
			DELETE FROM large WHERE id = 2;
			UPDATE large SET amount = -3 WHERE id = 3;
			INSERT INTO large VALUES (40001, 1, 0.5, 'new');
			`,
		);
		await assert.rejects(
			copy(),
			(error: MigrationError) =>
				error.exitCode === 4 && /cut short/.test(error.found),
		);
		const result = await copy({ settle: () => applyAgain(changed) });
		assert.equal(result.chunksDoneBefore, done);
		assert.deepEqual(await content(target), await content(source));
		assert.equal(
			(
				await run(
					target.url,
					"SELECT FROM pg_index WHERE indrelid = 'large'::regclass",
				)
			).length,
			3,
		);
	});

	/** What the journal's follower does: the rows as they are now. */
	const applyAgain = async (ids: readonly number[]) => {
		const rows = await run(
			source.url,
			`SELECT to_jsonb(t) AS row FROM large t WHERE id IN (${ids.join(", ")})`,
		);
		await run(
			target.url,
			`
			DELETE FROM large WHERE id IN (${ids.join(", ")});
			INSERT INTO large SELECT * FROM jsonb_populate_recordset(NULL::large, '${JSON.stringify(rows.map(({ row }) => row))}')
			`,
		);
	};

	it("begins a table anew whose rows were all moved in between", async () => {
		await cutShortAfter(2);
		await run(source.url, "DELETE FROM large WHERE id % 2 = 0");
		await run(source.url, "VACUUM FULL large");
		await copy({ settle: async () => {} });
		assert.deepEqual(await content(target), await content(source));
	});

	it("goes on by itself where a session is lost", async () => {
		let cut = 0;
		const result = await copy({
			jobs: 2,
			beside: () => [
				{
					name: "cut",
					rank: Number.MAX_SAFE_INTEGER,
					after: [],
					run: async () => {
						// As soon as another lane copies.
						while (cut === 0)
							cut = (
								await run(
									target.superuserUrl,
									`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
									WHERE datname = current_database() AND query ~ 'COPY "public"."large"' AND pid <> pg_backend_pid()`,
								)
							).length;
					},
				},
			],
		});
		assert.ok(cut > 0);
		assert.equal(result.rows, 40_010);
		assert.deepEqual(await content(target), await content(source));
	});

	it("waits for nobody's statement that a killed run has left behind", async () => {
		await cutShortAfter(1);
		// As a lane's session whose process is gone: at work, and about to commit.
		const left = new Client({
			connectionString: target.url,
			application_name: "cutover-migration lane left",
		});
		left.on("error", () => {});
		await left.connect();
		const lost = left.query(
			"BEGIN; INSERT INTO large SELECT 90000, 1, 0, 'twice'; SELECT pg_sleep(60); COMMIT",
		);
		lost.catch(() => {});
		await untilAsleep();
		await copy({ settle: async () => {} });
		await assert.rejects(lost, /terminat/);
		assert.deepEqual(await content(target), await content(source));
	});

	const untilAsleep = async () => {
		for (;;) {
			const asleep = await run(
				target.superuserUrl,
				"SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
			);
			if (asleep.length > 0) return;
		}
	};

	it("reads partitions beside each other, whatever order their columns have", async () => {
		await run(
			source.url,
			`
			CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, note text) PARTITION BY RANGE (at);
			CREATE TABLE events_early PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2026-02-01');
			CREATE TABLE events_late (note text, at date NOT NULL, id bigint NOT NULL);
			ALTER TABLE events ATTACH PARTITION events_late FOR VALUES FROM ('2026-02-01') TO (MAXVALUE);
			INSERT INTO events SELECT n, date '2026-01-01' + n % 60, repeat('x', 900) FROM generate_series(1, 40000) n;
			ALTER TABLE events ADD PRIMARY KEY (id, at);
			`,
		);
		const result = await copy();
		const parts =
			"SELECT tableoid::regclass::text AS part, count(*)::int AS rows, sum(id) AS ids FROM events GROUP BY 1 ORDER BY 1";
		assert.deepEqual(
			await run(target.url, parts),
			await run(source.url, parts),
		);
		assert.ok(result.chunks >= 5, `${result.chunks} chunks`);
	});

	it("takes keys and indexes from a target that has them, and puts them back", async () => {
		const catalog = await withConnection(
			addresses().source,
			{ readOnly: true },
			readCatalog,
		);
		await run(target.url, createSchema(catalog) + finishSchema(catalog));
		await run(
			target.url,
			"INSERT INTO parent VALUES (1, 'seed'); INSERT INTO large VALUES (1, 1, 1, 'seed')",
		);
		const before = await run(target.url, DEFINITIONS);
		const there = await withConnection(
			addresses().target,
			{ readOnly: true },
			readCatalog,
		);
		const routes = catalog.tables.map(sameShape);
		await copyRoutes(
			addresses(),
			{
				routes,
				...strip(
					there,
					routes.map(({ to, from }) => ({ ...to, bytes: from.bytes })),
				),
			},
			{ jobs: 2 },
		);
		assert.deepEqual(await run(target.url, DEFINITIONS), before);
		assert.deepEqual(await content(target), await content(source));
	});
});

const DEFINITIONS = `
	SELECT conname AS name, pg_get_constraintdef(oid) AS definition, convalidated AS valid
	FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL
	SELECT indexname, indexdef, true FROM pg_indexes WHERE schemaname = 'public'
	ORDER BY 1, 2
`;
