import assert from "node:assert/strict";
import {
	archived,
	column,
	constant,
	defineMapping,
	into,
	labels,
	same,
	sql,
} from "../../migration/mapping/define";
import type { CompiledMapping } from "../../migration/mapping/mapping";
import { mergeStatements, stagingTable } from "../../migration/mapping/merge";
import { countRejects } from "../../migration/mapping/rejects";
import { run } from "./databases";
import {
	compiled,
	copyAll,
	copyRoute,
	mergeAll,
	type Pair,
	pair,
} from "./mapping-support";

const SOURCE = `
	CREATE SCHEMA auth;
	CREATE TABLE auth.users (id uuid PRIMARY KEY);
	INSERT INTO auth.users VALUES ('00000000-0000-0000-0000-00000000000a'), ('00000000-0000-0000-0000-00000000000b');
	CREATE TYPE mood AS ENUM ('glad', 'sad', 'grim');
	CREATE TYPE role AS ENUM ('boss', 'hand');
	CREATE TABLE person (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, role role NOT NULL DEFAULT 'hand');
	CREATE TABLE thing (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "odd Name" text NOT NULL, role role NOT NULL, roles role[],
		mood mood, size smallint, price numeric(6,2), exact numeric, at timestamptz NOT NULL, day date,
		doc jsonb, note text, maker text DEFAULT 'unknown', kept integer NOT NULL DEFAULT 7, bits bit(3),
		person_id uuid REFERENCES person, made_by uuid, checked_by uuid REFERENCES auth.users, doubled numeric GENERATED ALWAYS AS (price * 2) STORED
	);
	INSERT INTO person VALUES ('00000000-0000-0000-0000-0000000000a1', 'Ada', 'boss'), ('00000000-0000-0000-0000-0000000000a2', 'Bob', 'hand');
	INSERT INTO thing ("odd Name", role, roles, mood, size, price, exact, at, day, doc, note, bits, person_id, made_by, checked_by) VALUES
		('one', 'boss', '{boss,NULL}', 'grim', 3, 1.10, 1.100, '2026-01-01 00:00:00.123456Z', 'infinity', '{"a": 1.10}', NULL, B'101', '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000a'),
		('two', 'hand', NULL, 'sad', NULL, NULL, 'NaN', '-infinity', '0001-01-01 BC', 'null', '', NULL, NULL, '00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000b'),
		('three', 'hand', '{}', NULL, -1, -0.01, 0.0, '2026-01-01Z', NULL, NULL, 'x', B'000', NULL, NULL, NULL);
`;

const TARGET = `
	CREATE TYPE function AS ENUM ('lead', 'worker');
	CREATE TYPE feeling AS ENUM ('good', 'bad');
	CREATE TABLE people (id uuid PRIMARY KEY, label varchar(40) NOT NULL, function function NOT NULL);
	CREATE TABLE item (
		id bigint PRIMARY KEY, name varchar(200) NOT NULL, function function NOT NULL, functions text[],
		feeling feeling, size integer, cents integer, exact numeric, at timestamp(3) with time zone NOT NULL, day date,
		doc text, note varchar(100) NOT NULL, kind text NOT NULL, version integer NOT NULL DEFAULT 1, bits bit(3),
		person_id uuid REFERENCES people, author uuid, checked_by uuid
	);
`;

const mapping = defineMapping({
	name: "there and back",
	userColumns: ["thing.made_by"],
	tables: {
		person: into({
			table: "people",
			columns: {
				id: "id",
				label: "name",
				function: labels("role", { boss: "lead", hand: "worker" }),
			},
		}),
		thing: into(
			{
				table: "item",
				columns: {
					...same("id", "size", "exact", "at", "day", "doc", "bits"),
					checked_by: "checked_by",
					name: "odd Name",
					function: labels("role", { boss: "lead", hand: "worker" }),
					functions: "roles",
					feeling: labels(
						"mood",
						{ glad: "good", sad: "bad", grim: "bad" },
						{ back: { bad: "sad" } },
					),
					cents: sql("t.price * 100", {
						back: { price: sql("t.cents / 100.0") },
					}),
					note: column("note", { ifNull: "'none'" }),
					kind: constant("'thing'"),
					person_id: column("person_id", { orphans: "null" }),
					author: "made_by",
				},
			},
			{ rest: archived("maker", "kept", "doubled") },
		),
	},
});

describe("the way back", () => {
	let databases: Pair;
	let made: CompiledMapping;

	before(async () => {
		databases = await pair(SOURCE, TARGET);
		made = await compiled(mapping, databases);
		assert.deepEqual(made.problems, []);
		for (const client of [databases.source, databases.target])
			await client.query(`INSERT INTO cutover.user_map (old_id, new_id, state) VALUES
				('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000ff', 'moved'),
				('00000000-0000-0000-0000-00000000000b', NULL, 'skipped')`);
		await copyAll(databases, made);
	});
	after(() => databases.close());

	const things = () =>
		run(
			databases.databases.source.url,
			"SELECT to_jsonb(t) || jsonb_build_object('exact', exact::text, 'at', at::text) AS thing FROM thing t ORDER BY id",
		).then((rows) => rows.map(({ thing }) => thing));

	it("leaves every row as it was that nobody has changed, to the last digit", async () => {
		const before = await things();
		const [{ author }] = await run(
			databases.databases.target.url,
			"SELECT author FROM item WHERE name = 'one'",
		);
		assert.equal(author, "00000000-0000-0000-0000-0000000000ff");
		assert.deepEqual(await mergeAll(databases, made), {
			"people > person": { updated: 0, inserted: 0 },
			"item > thing": { updated: 0, inserted: 0 },
		});
		assert.deepEqual(await things(), before);
		assert.deepEqual(await countRejects(databases.source, []), []);
	});

	it("turns every kind of value round, and leaves what the new system does not know", async () => {
		await run(
			databases.databases.target.url,
			`UPDATE item SET name = 'uno', function = 'worker', functions = '{worker}', feeling = 'good', size = 4, cents = 205,
				exact = 2.50, at = '2026-02-02 00:00:00.5Z', day = '2026-02-02', doc = '{"b": 2}', note = 'said', bits = B'111',
				person_id = '00000000-0000-0000-0000-0000000000a2'
			WHERE name = 'one';
			UPDATE item SET author = '00000000-0000-0000-0000-0000000000ff' WHERE name = 'two';
			INSERT INTO people VALUES ('00000000-0000-0000-0000-0000000000a3', 'Cy', 'lead');
			INSERT INTO item (id, name, function, feeling, at, note, kind, person_id, author, checked_by) VALUES
				(100, 'new', 'lead', 'bad', '2026-03-03Z', 'n', 'thing', '00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-0000000000ee', '00000000-0000-0000-0000-0000000000ee')`,
		);
		// An enum's label that the old system lacks cannot be: its text array can hold any.
		await mergeAll(databases, made);
		assert.deepEqual(
			(await countRejects(databases.source, [])).map(
				({ route, reason }) => `${route}: ${reason}`,
			),
			["item > thing: roles has an unknown label"],
		);
		await run(
			databases.databases.target.url,
			"UPDATE item SET functions = '{hand}' WHERE name = 'uno'",
		);
		assert.deepEqual(await mergeAll(databases, made), {
			"people > person": { updated: 0, inserted: 0 },
			"item > thing": { updated: 1, inserted: 0 },
		});
		const rows = await things();
		assert.deepEqual(
			rows.find(({ id }) => id === 1),
			{
				id: 1,
				"odd Name": "uno",
				role: "hand",
				roles: ["hand"],
				mood: "glad",
				size: 4,
				price: 2.05,
				exact: "2.50",
				at: "2026-02-02 00:00:00.5+00",
				day: "2026-02-02",
				doc: { b: 2 },
				note: "said",
				maker: "unknown",
				kept: 7,
				bits: "111",
				person_id: "00000000-0000-0000-0000-0000000000a2",
				made_by: "00000000-0000-0000-0000-00000000000a",
				checked_by: "00000000-0000-0000-0000-00000000000a",
				doubled: 4.1,
			},
		);
		assert.equal(
			rows.find(({ id }) => id === 2).made_by,
			"00000000-0000-0000-0000-00000000000a",
		);
		const added = rows.find(({ id }) => id === 100);
		assert.equal(added["odd Name"], "new");
		assert.equal(added.mood, "sad");
		assert.equal(added.kept, 7);
		assert.equal(added.person_id, "00000000-0000-0000-0000-0000000000a3");
		// Who signed up after the switch is nobody in the old system.
		assert.equal(added.checked_by, null);
		// No foreign key says that this is a user, so an unknown one goes back as it is.
		assert.equal(added.made_by, "00000000-0000-0000-0000-0000000000ee");
	});

	it("keeps the old row of one that does not fit, and deletes only what is gone", async () => {
		const { source, target } = databases;
		const route = made.back.routes.find(({ to }) => to.name === "thing");
		assert.ok(route && "merge" in route);
		await target.query(
			"UPDATE public.item SET size = 100000 WHERE name = 'two'; DELETE FROM public.item WHERE name = 'three'",
		);
		await source.query("BEGIN");
		await source.query(stagingTable(route, "staged"));
		await copyRoute(target, source, route, '"staged"');
		const statements = mergeStatements(route, {
			staged: "staged",
			touched:
				"(SELECT id::bigint, ARRAY[id::text] AS key FROM unnest(ARRAY[2, 3]) id)",
			journalKey: "key",
			rejected: "(SELECT 2::bigint AS id)",
		});
		assert.equal((await source.query(statements.remove)).rowCount, 1);
		if (statements.update) await source.query(statements.update);
		await source.query(statements.insert);
		await source.query("DROP TABLE staged; COMMIT");
		assert.deepEqual(
			(await things()).map(({ id, size }) => ({ id, size })),
			[
				{ id: 1, size: 4 },
				{ id: 2, size: null },
				{ id: 100, size: null },
			],
		);
	});
});
