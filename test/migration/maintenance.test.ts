import assert from "node:assert/strict";
import { migrateHere, refused, withDirectory } from "./cli";
import { type Database, emptyDatabase, emptyPair, run } from "./databases";

/** A function that names a table without its schema, and the same with a path of its own. */
const SOURCE = `
	CREATE TABLE suffix (text text);
	INSERT INTO suffix VALUES ('!');
	CREATE FUNCTION loud(word text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
		AS $$ BEGIN RETURN upper(word) || (SELECT text FROM suffix); END $$;
	CREATE FUNCTION louder(word text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT loud(word)';
	CREATE FUNCTION reached(word text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = public
		AS $$ BEGIN RETURN upper(word) || (SELECT text FROM suffix); END $$;
	CREATE TABLE words (id integer PRIMARY KEY, word text, CHECK (louder(word) <> ''));
	INSERT INTO words VALUES (1, NULL), (2, 'a'), (3, 'b');
	CREATE INDEX words_loud ON words (loud(word));
	CREATE INDEX words_some ON words (id) WHERE loud(word) = 'A!';
	CREATE INDEX words_reached ON words (reached(word));
	CREATE STATISTICS words_statistics ON loud(word), id FROM words;
	CREATE MATERIALIZED VIEW shouts AS SELECT id, loud(word) FROM words;
	CREATE UNIQUE INDEX ON shouts (id);
	CREATE VIEW between AS SELECT id FROM shouts;
	CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM between;
	CREATE MATERIALIZED VIEW heard AS SELECT id, reached(word) AS word FROM words;
`;

const LEFT = [
	"check words_word_check of public.words",
	"index words_loud on public.words",
	"index words_some on public.words",
	"rows of view public.counted",
	"rows of view public.shouts",
	"statistics words_statistics on public.words",
];

interface Left {
	readonly object: string;
	readonly why: string;
	readonly todo: string;
}

describe("functions that PostgreSQL 17 calls under a path of its own", function () {
	this.timeout(60_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SOURCE);
	});

	const ofFunctions = (leftOut: readonly Left[]) =>
		leftOut.filter(({ why }) => /loud/.test(why));

	it("keep nothing else behind: what calls them is named with what to do", async () => {
		const { json } = await migrateHere(["probe"], env);
		const copied = await migrateHere(["copy", "--proof"], env);
		assert.equal(copied.exitCode, 0);
		for (const { leftOut } of [json, copied.json]) {
			const found = ofFunctions(leftOut as Left[]);
			assert.deepEqual(found.map(({ object }) => object).sort(), LEFT);
			assert.match(
				found[0]?.why ?? "",
				/relation "suffix" does not exist|function loud\(text\) does not exist/,
			);
			assert.match(
				found[0]?.todo ?? "",
				/ALTER FUNCTION public\.loud(er)?\(text\) SET search_path = public/,
			);
		}
		assert.deepEqual(
			await run(target.url, "SELECT word FROM heard WHERE id = 2"),
			[{ word: "A!" }],
		);
	});

	it("come along once they have a path", async () => {
		await run(
			source.url,
			"ALTER FUNCTION loud(text) SET search_path = public; ALTER FUNCTION louder(text) SET search_path = public",
		);
		const { exitCode, json } = await migrateHere(["sync"], env);
		assert.equal(exitCode, 0);
		assert.deepEqual(
			(json.leftOut as string[]).filter((line) => /loud/.test(line)),
			[],
		);
		await migrateHere(["freeze"], env);
		assert.equal((await migrateHere(["sync", "--drain"], env)).exitCode, 0);
		assert.deepEqual(await run(target.url, "SELECT * FROM counted"), [
			{ count: "3" },
		]);
	});

	it("are named by a sync and by an import of an export, which go on", async () => {
		const { exitCode, json } = await migrateHere(["sync"], env);
		assert.equal(exitCode, 0);
		assert.equal(
			(json.leftOut as string[]).filter((line) => /loud/.test(line)).length,
			LEFT.length,
		);
		const other = await emptyDatabase(17);
		await withDirectory(async (directory) => {
			await migrateHere(["export", "--dir", directory], env);
			const imported = await migrateHere(
				["import", "--dir", directory, "--create-schema"],
				{ TARGET_DATABASE_URL: other.url },
			);
			assert.equal(imported.exitCode, 0);
			assert.equal(
				ofFunctions(imported.json.leftOut as Left[]).length,
				LEFT.length,
			);
		});
	});

	it("refuse a table that no query can be planned for without them", async () => {
		await run(source.url, "CREATE INDEX ON words (louder(word))");
		const { message } = await refused(["copy"], env);
		assert.match(
			message,
			/table public\.words: calls .*public\.louder\(text\)/,
		);
		assert.match(message, /function loud\(text\) does not exist/);
	});

	it("refuse a table that they fill a column of, before anything is made", async () => {
		await run(
			source.url,
			"ALTER TABLE words ADD shouted text GENERATED ALWAYS AS (loud(word)) STORED",
		);
		const { message } = await refused(["sync"], env);
		assert.match(message, /table public\.words: calls public\.loud\(text\)/);
		assert.match(
			message,
			/ALTER FUNCTION public\.loud\(text\) SET search_path/,
		);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT FROM pg_tables WHERE schemaname = 'public'",
			),
			[],
		);
	});
});
