import assert from "node:assert/strict";
import { type Database, emptyDatabase, run, using } from "./databases";
import { type Followed, startFollower } from "./follow-support";
import { HAZARDS } from "./hazards";

const SCHEMA = `
	CREATE TYPE mood AS ENUM ('sad', 'glad');
	CREATE TABLE parents (id integer PRIMARY KEY, code text UNIQUE, note text);
	CREATE TABLE children (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		parent_id integer NOT NULL REFERENCES parents ON DELETE CASCADE,
		other_id integer REFERENCES parents,
		doubled integer GENERATED ALWAYS AS (parent_id * 2) STORED,
		moods mood[], document jsonb
	);
	CREATE TABLE self (id integer PRIMARY KEY, above integer REFERENCES self ON DELETE CASCADE);
	CREATE TABLE keyless (a text, b integer);
	CREATE TABLE parted (id integer, part integer, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
	CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
	CREATE TABLE base (id integer PRIMARY KEY);
	CREATE TABLE heir (extra text, PRIMARY KEY (id)) INHERITS (base);
	CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'a trigger fired'; END $$;
`;

/** What the target's application would do to rows, and must not. */
const TRIGGERS = `
	CREATE TRIGGER noisy BEFORE INSERT OR UPDATE OR DELETE ON parents FOR EACH ROW EXECUTE FUNCTION shout();
	CREATE TRIGGER noisier AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION shout();
	ALTER TABLE parents ENABLE ALWAYS TRIGGER noisy;
`;

const ALL = [
	"parents",
	"children",
	"self",
	"keyless",
	"parted",
	"ONLY base",
	"heir",
];

describe("following", () => {
	let source: Database;
	let target: Database;
	let followed: Followed;

	beforeEach(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		await run(source.url, SCHEMA);
		await run(target.url, SCHEMA + TRIGGERS);
	});
	afterEach(async () => followed?.pair.close());

	/** Both sides are equal after a cycle. */
	async function equal(tables = ALL): Promise<void> {
		for (const table of tables) {
			const both = await followed.both(table);
			assert.deepEqual(both.target, both.source, table);
		}
	}

	it("brings rows of every kind, and every change of them", async () => {
		await run(
			source.url,
			`
			INSERT INTO parents SELECT n, 'code ' || n FROM generate_series(1, 20) n;
			INSERT INTO children (parent_id, other_id, moods, document)
			SELECT n, n % 7 + 1, '{sad,NULL}', '{"a": 1.0}' FROM generate_series(1, 20) n;
			INSERT INTO self VALUES (1, 3), (2, 1), (3, 2);
			INSERT INTO keyless VALUES ('twice', 1), ('twice', 1), (NULL, NULL);
			INSERT INTO parted SELECT n, n % 2 + 1 FROM generate_series(1, 10) n;
			INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2, 'x');
			`,
		);
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await equal();
		for (const change of [
			"UPDATE parents SET note = 'x' WHERE id < 5",
			"UPDATE children SET parent_id = 2 WHERE id = 1",
			"UPDATE parents SET id = 100 WHERE id = 20 AND false",
			"UPDATE children SET id = DEFAULT WHERE id = 3",
			"DELETE FROM parents WHERE id = 9 AND NOT EXISTS (SELECT FROM children WHERE other_id = 9)",
			"INSERT INTO children (parent_id, moods) VALUES (1, '{glad}')",
			"UPDATE self SET above = NULL; DELETE FROM self WHERE id = 1",
			"UPDATE keyless SET b = 2 WHERE a = 'twice'; INSERT INTO keyless VALUES ('new', 3)",
			"UPDATE parted SET part = 2 WHERE id = 2; DELETE FROM parted WHERE id = 1",
			"UPDATE heir SET extra = 'y'; DELETE FROM ONLY base; INSERT INTO base VALUES (2), (7)",
		]) {
			await run(source.url, change);
			await followed.follower.cycle();
			await equal();
		}
		assert.equal((await followed.follower.cycle()).entries, 0);
	});

	it("brings values of every type", async () => {
		const [from, to] = [await emptyDatabase(15), await emptyDatabase(17)];
		await run(from.url, HAZARDS);
		await run(to.url, HAZARDS);
		followed = await startFollower(from, to, { fill: false });
		await run(
			from.url,
			`
			UPDATE "Every ""type""" SET "select" = "select" || '!';
			UPDATE always SET note = NULL WHERE id < 30; INSERT INTO always (note) VALUES ('new');
			DELETE FROM self WHERE id = 2 AND false; UPDATE self SET always_id = 15;
			INSERT INTO keyless VALUES ('tab\t', 5);
			`,
		);
		await followed.follower.cycle();
		for (const table of ['"Every ""type"""', "always", "self", "keyless"]) {
			const both = await followed.both(table);
			assert.deepEqual(both.target, both.source, table);
		}
	});

	it("lets unique values move between rows, and keys between rows", async () => {
		await run(
			source.url,
			"INSERT INTO parents VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO children (parent_id) VALUES (1), (2), (3)",
		);
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await run(
			source.url,
			`
			BEGIN;
			UPDATE parents SET code = 'x' WHERE id = 1;
			UPDATE parents SET code = 'a' WHERE id = 2;
			UPDATE parents SET code = 'b' WHERE id = 1;
			COMMIT;
			DELETE FROM children WHERE parent_id = 3;
			DELETE FROM parents WHERE id = 3;
			INSERT INTO parents VALUES (4, 'c');
			`,
		);
		await followed.follower.cycle();
		await equal();
	});

	it("does not let the target's cascades take rows that the source has", async () => {
		await run(
			source.url,
			"INSERT INTO parents VALUES (1, 'a'); INSERT INTO children (parent_id) SELECT 1 FROM generate_series(1, 5)",
		);
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await run(source.url, "UPDATE parents SET note = 'changed'");
		const { deleted, written } = await followed.follower.cycle();
		assert.deepEqual([deleted, written], [1, 1]);
		await equal();
		await run(source.url, "DELETE FROM parents");
		assert.equal((await followed.follower.cycle()).deleted, 6);
		await equal();
	});

	it("empties what was truncated, and brings what came since", async () => {
		await run(
			source.url,
			`INSERT INTO parents VALUES (1, 'a'), (2, 'b'); INSERT INTO children (parent_id) VALUES (1);
			INSERT INTO parted VALUES (1, 1), (2, 2); INSERT INTO keyless VALUES ('a', 1)`,
		);
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await run(
			source.url,
			"TRUNCATE parents CASCADE; INSERT INTO parents VALUES (2, 'c'); TRUNCATE keyless; TRUNCATE parted_1",
		);
		await followed.follower.cycle();
		await equal();
		assert.equal((await followed.both("parted")).target.length, 1);
	});

	it("leaves alone what is not committed, and brings it once it is", async () => {
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await using(source.url, async (late) => {
			await late.query(
				"BEGIN; INSERT INTO parents VALUES (1, 'late'); SAVEPOINT s; INSERT INTO parents VALUES (2, 'never'); ROLLBACK TO s",
			);
			await run(source.url, "INSERT INTO parents VALUES (3, 'early')");
			await followed.follower.cycle();
			assert.deepEqual((await followed.both("parents")).target, ["(3,early,)"]);
			await late.query("COMMIT");
		});
		await followed.follower.cycle();
		await equal();
	});
});
