import assert from "node:assert/strict";
import { readCatalog } from "../../migration/catalog/read";
import { withConnection } from "../../migration/connection";
import { MigrationError } from "../../migration/errors";
import { rewriteUsers } from "../../migration/follow/users";
import { installJournal } from "../../migration/journal/install";
import { type Route, sameShape } from "../../migration/route";
import { migrateHere } from "./cli";
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

	it("sends rows again whose user has got a new id, under the new key, and back under the old", async () => {
		const TABLES = `
			CREATE TABLE members (user_id uuid, org integer, note text, PRIMARY KEY (user_id, org));
			CREATE TABLE notes (id integer PRIMARY KEY, author uuid, text_author text);
			CREATE TABLE loose (who uuid);
		`;
		const [a, b, A] = ["a", "b", "c"].map(
			(digit) => `00000000-0000-0000-0000-00000000000${digit}`,
		);
		for (const { url } of [source, target]) await run(url, TABLES);
		await run(
			target.url,
			`CREATE SCHEMA cutover; CREATE TABLE cutover.user_map (old_id uuid PRIMARY KEY, new_id uuid)`,
		);
		await run(
			source.url,
			`INSERT INTO members VALUES ('${a}', 1, 'x'), ('${b}', 1, 'y');
			INSERT INTO notes VALUES (1, '${a}', '${a}'), (2, '${b}', NULL), (3, NULL, NULL);
			INSERT INTO loose VALUES ('${a}'), ('${a}'), ('${b}')`,
		);
		const userColumns = [
			["members", "user_id"],
			["notes", "author"],
			["loose", "who"],
		].map(([table = "", column = ""]) => ({ schema: "public", table, column }));
		followed = await startFollower(source, target, {
			userColumns,
			routes: (tables) =>
				tables.map((table) =>
					rewriteUsers(sameShape(table), userColumns, "forward"),
				),
		});
		await followed.follower.cycle();
		await equal(["members", "notes", "loose"]);
		await run(
			target.url,
			`INSERT INTO cutover.user_map VALUES ('${a}', '${A}')`,
		);
		await followed.follower.cycle();
		const targetRows = async (table: string) =>
			(await followed.both(table)).target;
		assert.deepEqual(await targetRows("members"), [`(${b},1,y)`, `(${A},1,x)`]);
		assert.deepEqual(await targetRows("notes"), [
			`(1,${A},${a})`,
			`(2,${b},)`,
			"(3,,)",
		]);
		assert.deepEqual(await targetRows("loose"), [`(${b})`, `(${A})`, `(${A})`]);
		await run(
			source.url,
			`UPDATE members SET note = 'z' WHERE user_id = '${a}'`,
		);
		await followed.follower.cycle();
		assert.ok((await targetRows("members")).includes(`(${A},1,z)`));
		await run(target.url, "DELETE FROM cutover.user_map");
		await followed.follower.cycle();
		await equal(["members", "notes", "loose"]);
		assert.equal((await followed.follower.cycle()).entries, 0);
	});

	it("sends rows again that depend on others, and those whose presence hangs on them", async () => {
		const TABLES = `
			CREATE TABLE grand (id integer PRIMARY KEY, bad boolean NOT NULL DEFAULT false, name text);
			CREATE TABLE parent (id integer PRIMARY KEY, grand_id integer, other text);
			CREATE TABLE child (id integer PRIMARY KEY, parent_id integer, label text);
		`;
		for (const { url } of [source, target]) await run(url, TABLES);
		await run(
			source.url,
			`INSERT INTO grand SELECT n, false, 'grand ' || n FROM generate_series(1, 3) n;
			INSERT INTO parent SELECT n, n FROM generate_series(1, 3) n;
			INSERT INTO child SELECT n, n % 3 + 1, 'child' FROM generate_series(1, 9) n`,
		);
		const names = ["grand", "parent", "child"];
		const comes: Record<string, string> = {
			grand: "NOT t.bad",
			parent:
				"EXISTS (SELECT FROM public.grand g WHERE g.id = t.grand_id AND NOT g.bad)",
			child:
				"EXISTS (SELECT FROM public.parent p JOIN public.grand g ON g.id = p.grand_id WHERE p.id = t.parent_id AND NOT g.bad)",
		};
		followed = await startFollower(source, target, {
			routes: (tables) =>
				tables
					.filter(({ name }) => names.includes(name))
					.map((table): Route => {
						const route = sameShape(table);
						return {
							...route,
							filter: comes[table.name] ?? null,
							columns: route.columns.map((entry) =>
								table.name === "parent" && entry.column.name === "other"
									? {
											...entry,
											sql: "(SELECT g.name FROM public.grand g WHERE g.id = t.grand_id)",
										}
									: entry,
							),
						};
					}),
			dependents: (tables) =>
				(
					[
						["grand", "parent", "grand_id", ["bad", "name"]],
						["parent", "child", "parent_id", []],
					] as const
				).map(([lookup, table, by, reads]) => ({
					kind: "presence",
					lookup: { schema: "public", name: lookup },
					match:
						tables
							.find(({ name }) => name === lookup)
							?.columns.filter(({ name }) => name === "id") ?? [],
					reads,
					table: { schema: "public", name: table },
					keys: (changed) =>
						`SELECT DISTINCT ARRAY[t.id::text] AS key FROM ${changed} changed JOIN public.${table} t ON t.${by} = changed.match[1]::integer`,
				})),
		});
		await followed.follower.cycle();
		const counts = async () =>
			Promise.all(
				names.map(async (name) => (await followed.both(name)).target.length),
			);
		assert.deepEqual(await counts(), [3, 3, 9]);
		await run(source.url, "UPDATE grand SET name = 'renamed' WHERE id = 1");
		await followed.follower.cycle();
		assert.deepEqual(
			(await followed.both("parent")).target[0],
			"(1,1,renamed)",
		);
		await run(source.url, "UPDATE grand SET bad = true WHERE id = 1");
		await followed.follower.cycle();
		assert.deepEqual(await counts(), [2, 2, 6]);
		await run(source.url, "UPDATE grand SET bad = false WHERE id = 1");
		await followed.follower.cycle();
		assert.deepEqual(await counts(), [3, 3, 9]);
		await run(source.url, "TRUNCATE grand");
		await followed.follower.cycle();
		assert.deepEqual(await counts(), [0, 0, 0]);
	});

	it("sends no dependent rows again for a row that stands, but where the copy is not settled", async () => {
		for (const { url } of [source, target])
			await run(
				url,
				"CREATE TABLE parent (id integer PRIMARY KEY, note text); CREATE TABLE child (id integer PRIMARY KEY, parent_id integer)",
			);
		await run(
			source.url,
			"INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (10, 1), (20, 2)",
		);
		const ids = (changed: string) =>
			`SELECT c.match FROM ${changed} c JOIN public.parent t ON t.id = c.match[1]::integer`;
		followed = await startFollower(source, target, {
			dependents: (tables) => [
				{
					kind: "presence",
					lookup: { schema: "public", name: "parent" },
					match:
						tables
							.find(({ name }) => name === "parent")
							?.columns.filter(({ name }) => name === "id") ?? [],
					reads: ["note"],
					table: { schema: "public", name: "child" },
					keys: (changed) =>
						`SELECT DISTINCT ARRAY[t.id::text] AS key FROM ${changed} c JOIN public.child t ON t.parent_id = c.match[1]::integer`,
					standing: { arrives: ids, stands: ids },
				},
			],
		});
		await followed.follower.cycle();
		// As a copy leaves it that read the child before its parent was there.
		await run(target.url, "DELETE FROM child");
		const children = async () => (await followed.both("child")).target;
		await run(source.url, "UPDATE parent SET note = 'a' WHERE id = 1");
		await followed.follower.cycle();
		assert.deepEqual(await children(), []);
		await run(source.url, "UPDATE parent SET note = 'b' WHERE id = 1");
		await followed.follower.cycle({ unsettled: true });
		assert.deepEqual(await children(), ["(10,1)"]);
	});

	it("splits a table over several, and moves rows as filter and reject say", async () => {
		await run(
			target.url,
			"CREATE TABLE glad (id integer PRIMARY KEY, code text)",
		);
		await run(
			source.url,
			"INSERT INTO parents SELECT n, 'c' || n, CASE WHEN n % 2 = 0 THEN 'glad' END FROM generate_series(1, 10) n",
		);
		followed = await startFollower(source, target, {
			routes: (tables) =>
				tables
					.filter(({ name }) => name === "parents")
					.flatMap((table): Route[] => {
						const route = sameShape(table);
						return [
							{ ...route, filter: "t.note IS NULL" },
							{
								...route,
								to: { schema: "public", name: "glad" },
								columns: route.columns.slice(0, 2),
								filter: "t.note IS NOT NULL",
								reject: "CASE WHEN t.code = 'c4' THEN 'four' END",
							},
						];
					}),
		});
		const ids = async () => ({
			parents: (await run(target.url, "SELECT id FROM parents ORDER BY 1")).map(
				({ id }) => id,
			),
			glad: (await run(target.url, "SELECT id FROM glad ORDER BY 1")).map(
				({ id }) => id,
			),
		});
		await followed.follower.cycle();
		assert.deepEqual(await ids(), {
			parents: [1, 3, 5, 7, 9],
			glad: [2, 6, 8, 10],
		});
		await run(
			source.url,
			"UPDATE parents SET note = 'x' WHERE id = 1; UPDATE parents SET note = NULL WHERE id = 2; UPDATE parents SET code = 'C4' WHERE id = 4; DELETE FROM parents WHERE id = 6",
		);
		await followed.follower.cycle();
		assert.deepEqual(await ids(), {
			parents: [2, 3, 5, 7, 9],
			glad: [1, 4, 8, 10],
		});
		await run(source.url, "TRUNCATE parents CASCADE");
		await followed.follower.cycle();
		assert.deepEqual(await ids(), { parents: [], glad: [] });
	});

	it("says which constraint the other side holds up, and goes on when it is gone", async () => {
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await run(
			target.url,
			"ALTER TABLE parents ADD CONSTRAINT short CHECK (length(code) < 5)",
		);
		await run(source.url, "INSERT INTO parents VALUES (1, 'much too long')");
		await assert.rejects(followed.follower.cycle(), (error) => {
			assert.ok(error instanceof MigrationError, String(error));
			assert.match(error.found, /table public.parents, constraint short/);
			assert.doesNotMatch(error.message, /much too long/);
			return true;
		});
		await run(target.url, "ALTER TABLE parents DROP CONSTRAINT short");
		await followed.follower.cycle();
		await equal();
	});

	it("writes to a frozen database, which stays closed to all others", async () => {
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: target.url });
		followed = await startFollower(source, target);
		await run(
			source.url,
			"INSERT INTO parents VALUES (1, 'a'); INSERT INTO children (parent_id) VALUES (1); INSERT INTO parted VALUES (1, 1)",
		);
		await followed.follower.cycle();
		await run(source.url, "UPDATE parents SET note = 'x'; DELETE FROM parted");
		await followed.follower.cycle();
		await equal();
		for (const sql of [
			"DELETE FROM parents",
			"INSERT INTO parted VALUES (1, 1)",
		])
			await assert.rejects(run(target.url, sql), /frozen/);
	});

	it("does not send back what it brought, where the other side is followed too", async () => {
		await withConnection(
			{ label: "target", url: target.url },
			{ readOnly: false },
			async (client) => {
				const { tables } = await readCatalog(client);
				await installJournal(
					{ label: "target", url: target.url },
					client,
					tables,
					{
						lockTimeout: 5000,
						recopy: [],
					},
				);
			},
		);
		followed = await startFollower(source, target);
		await run(
			source.url,
			"INSERT INTO parents VALUES (1, 'a'); INSERT INTO keyless VALUES ('a', 1)",
		);
		await followed.follower.cycle();
		await run(source.url, "UPDATE parents SET note = 'x'; TRUNCATE keyless");
		await followed.follower.cycle();
		await equal();
		assert.deepEqual(
			await run(target.url, "SELECT key FROM cutover.journal"),
			[],
		);
		await run(
			target.url,
			"ALTER TABLE parents DISABLE TRIGGER noisy; UPDATE parents SET note = 'own'",
		);
		assert.equal(
			(await run(target.url, "SELECT key FROM cutover.journal")).length,
			1,
		);
	});

	it("hands out a moment in which both sides are equal", async () => {
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		await run(source.url, "INSERT INTO parents VALUES (1, 'a')");
		await followed.follower.atSnapshot(async (snapshot) => {
			await run(source.url, "INSERT INTO parents VALUES (2, 'b')");
			const then = await run(
				source.url,
				`BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '${snapshot}'; SELECT id FROM parents`,
			);
			const now = await run(target.url, "SELECT id FROM parents");
			assert.deepEqual([then, now], [[{ id: 1 }], [{ id: 1 }]]);
		});
		await followed.follower.cycle();
		await equal();
	});

	it("notes the keys that it writes, once a table was proven", async () => {
		await run(source.url, "INSERT INTO parents VALUES (1, 'a'), (2, 'b')");
		followed = await startFollower(source, target);
		await followed.follower.cycle();
		const touched = () =>
			run(
				target.url,
				"SELECT table_name, source_key, target_key FROM cutover.touched_key",
			);
		await run(source.url, "UPDATE parents SET note = 'x' WHERE id = 1");
		await followed.follower.cycle();
		assert.deepEqual(await touched(), []);
		await run(
			target.url,
			"INSERT INTO cutover.proof VALUES ('public', 'parents', 2, 0, now())",
		);
		await run(
			source.url,
			"UPDATE parents SET note = 'y' WHERE id = 1; INSERT INTO keyless VALUES ('a', 1)",
		);
		await followed.follower.cycle();
		assert.deepEqual(await touched(), [
			{ table_name: "parents", source_key: ["1"], target_key: ["1"] },
		]);
		await run(source.url, "TRUNCATE parents CASCADE");
		await followed.follower.cycle();
		assert.deepEqual(await touched(), []);
		assert.deepEqual(await run(target.url, "SELECT FROM cutover.proof"), []);
	});
});
