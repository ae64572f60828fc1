import assert from "node:assert/strict";
import type { Difference } from "../../migration/digest/difference";
import { planSameShape } from "../../migration/digest/plan";
import { repairTables } from "../../migration/digest/repair";
import { migrateHere, refused } from "./cli";
import { type Database, emptyPair, run, using } from "./databases";

const SCHEMA = `
	CREATE TABLE owners (id integer PRIMARY KEY, name text UNIQUE);
	CREATE TABLE "Odd ""things""" (
		"The key" integer, "select" text, doubled integer GENERATED ALWAYS AS ("The key" * 2) STORED,
		owner integer REFERENCES owners ON DELETE CASCADE,
		PRIMARY KEY ("The key", "select")
	);
	CREATE TABLE keyless (a text, b float8);
	CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at date, note text, PRIMARY KEY (id, at))
		PARTITION BY RANGE (at);
	CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
	CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

	INSERT INTO owners SELECT n, 'owner ' || n FROM generate_series(1, 50) n;
	INSERT INTO "Odd ""things""" ("The key", "select", owner)
	SELECT n, 'thing ' || n, 1 + n % 50 FROM generate_series(1, 500) n;
	INSERT INTO keyless SELECT 'row ' || n % 10, n % 10 FROM generate_series(1, 100) n;
	INSERT INTO events (at, note)
	SELECT '2025-06-01'::date + n, 'event ' || n FROM generate_series(1, 400) n;
`;

/** Every way in which a row can be wrong, in tables of every kind. */
const DAMAGE = `
	UPDATE owners SET name = 'owner 2 and 3' WHERE id = 2;
	UPDATE owners SET name = 'owner 2' WHERE id = 3;
	UPDATE owners SET name = 'owner 3' WHERE id = 2;
	INSERT INTO owners VALUES (99, 'nobody');
	DELETE FROM owners WHERE id = 4;
	UPDATE "Odd ""things""" SET owner = 99 WHERE "The key" = 7;
	DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE a = 'row 1' LIMIT 3);
	INSERT INTO keyless VALUES ('row 2', 2), (NULL, NULL);
	UPDATE keyless SET b = '-0' WHERE a = 'row 0';
	UPDATE events SET at = '2026-12-31' WHERE id = 5;
	DELETE FROM events WHERE id = 6;
	UPDATE events SET note = 'secret' WHERE id IN (7, 8);
	SELECT setval('events_id_seq', 3);
`;

describe("verify --repair", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
		await run(target.url, SCHEMA);
		await run(
			target.url,
			`
			CREATE TABLE audit (what text);
			CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN INSERT INTO audit VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NEW; END $$;
			CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON owners FOR EACH ROW EXECUTE FUNCTION note();
			`,
		);
	});

	it("is refused while the source moves and nobody follows it", async () => {
		await run(target.url, "INSERT INTO keyless VALUES ('extra', 1)");
		const error = await refused(["verify", "--repair"], env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /not frozen/);
		const { exitCode, lines } = await migrateHere(["verify"], env);
		assert.equal(exitCode, 3);
		assert.match(lines.join("\n"), /the source is not frozen/);
	});

	it("makes every kind of damage good, and proves it", async () => {
		await migrateHere(["freeze"], env);
		await run(target.url, DAMAGE);
		const { rows: audited } = {
			rows: await run(target.url, "SELECT count(*)::int AS n FROM audit"),
		};
		const found = await migrateHere(["verify", "--limit", "100"], env);
		assert.equal(found.exitCode, 3);
		assert.deepEqual(kinds(found.json.differences as Difference[]), {
			'Odd "things"': { changed: 1, missing: 10 },
			events: { changed: 2, extra: 1, missing: 2 },
			events_id_seq: { sequence: 1 },
			keyless: { extra: 13, missing: 13 },
			owners: { changed: 2, extra: 1, missing: 1 },
		});

		const { exitCode, json, lines } = await migrateHere(
			["verify", "--repair"],
			env,
		);
		assert.equal(exitCode, 0, lines.join("\n"));
		assert.equal(json.equal, true);
		assert.deepEqual(json.repaired, [
			{ table: 'Odd "things"', deleted: 1, inserted: 11 },
			{ table: "events", deleted: 3, inserted: 4 },
			{ table: "keyless", deleted: 13, inserted: 13 },
			{ table: "owners", deleted: 3, inserted: 3 },
		]);
		assert.deepEqual(json.repairedSequences, ["events_id_seq"]);
		assert.equal((await migrateHere(["verify"], env)).exitCode, 0);
		// Nothing of the target's own fired, and all of it is as it was.
		assert.deepEqual(
			await run(target.url, "SELECT count(*)::int AS n FROM audit"),
			audited,
		);
		assert.deepEqual(
			await run(
				target.url,
				`SELECT tgenabled::text AS enabled FROM pg_trigger WHERE tgname = 'note'
				UNION ALL SELECT pg_get_constraintdef(oid) || ' ' || convalidated FROM pg_constraint WHERE contype = 'f' AND conparentid = 0`,
			),
			[
				{ enabled: "O" },
				{
					enabled:
						"FOREIGN KEY (owner) REFERENCES owners(id) ON DELETE CASCADE true",
				},
			],
		);
	});

	it("changes nothing where all is equal", async () => {
		const { exitCode, json } = await migrateHere(["verify", "--repair"], env);
		assert.equal(exitCode, 0);
		assert.equal(json.repaired, undefined);
	});

	it("is refused on a target that is in use or closed", async () => {
		await run(target.url, "INSERT INTO keyless VALUES ('extra', 1)");
		await run(
			target.url,
			"CREATE SCHEMA IF NOT EXISTS cutover; CREATE TABLE cutover.journal_table ()",
		);
		assert.match(
			(await refused(["verify", "--repair"], env)).found,
			/journal of its own/,
		);
		await run(target.url, "DROP TABLE cutover.journal_table");
		const asSource = { SOURCE_DATABASE_URL: target.url };
		await migrateHere(["freeze"], asSource);
		assert.match(
			(await refused(["verify", "--repair"], env)).found,
			/write barrier/,
		);
		await migrateHere(["unfreeze"], asSource);
		await run(target.url, "DELETE FROM keyless WHERE a = 'extra'");
	});

	it("repairs a table in which every row differs", async () => {
		await run(target.url, "UPDATE events SET note = note || '!'");
		const { exitCode, json } = await migrateHere(["verify", "--repair"], env);
		assert.equal(exitCode, 0);
		assert.deepEqual(json.repaired, [
			{ table: "events", deleted: 400, inserted: 400 },
		]);
	});

	it("fills a table anew as a whole where too many rows differ to keep their places", async () => {
		await run(target.url, DAMAGE);
		const comparisons = await using(source.url, (from) =>
			using(target.url, async (to) => {
				for (const client of [from, to])
					await client.query("SET search_path = pg_catalog");
				return (
					await planSameShape(from, to, {
						exclude: [],
						userColumns: [],
						schema: false,
					})
				).comparisons;
			}),
		);
		const repaired = await repairTables(
			{
				source: { label: "source", url: source.url },
				target: { label: "target", url: target.url },
			},
			comparisons,
			{ frozen: true, open: [], pending: null },
			{ lockTimeout: 5000, mostPlaces: 5 },
		);
		assert.deepEqual(repaired, [
			{ table: 'Odd "things"', deleted: 490, inserted: 500 },
			{ table: "events", deleted: 3, inserted: 4 },
			{ table: "keyless", deleted: 99, inserted: 100 },
			{ table: "owners", deleted: 3, inserted: 3 },
		]);
		assert.equal((await migrateHere(["verify", "--repair"], env)).exitCode, 0);
	});

	it("names definitions that the target lacks, when asked to", async () => {
		await run(
			target.url,
			`ALTER TABLE owners DROP CONSTRAINT owners_name_key;
			CREATE INDEX only_here ON owners (name)`,
		);
		assert.equal((await migrateHere(["verify"], env)).exitCode, 0);
		const { exitCode, json } = await migrateHere(["verify", "--schema"], env);
		assert.equal(exitCode, 3);
		assert.deepEqual(json.differences, [
			{
				table: "owners",
				kind: "definition",
				detail: "constraint owners_name_key is missing: UNIQUE (name)",
			},
		]);
	});
});

function kinds(
	differences: readonly Difference[],
): Record<string, Record<string, number>> {
	const counts: Record<string, Record<string, number>> = {};
	for (const { table, kind } of differences) {
		counts[table] ??= {};
		const of = counts[table];
		of[kind] = (of[kind] ?? 0) + 1;
	}
	return counts;
}
