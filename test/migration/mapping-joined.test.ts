import assert from "node:assert/strict";
import {
	column,
	constant,
	defineMapping,
	into,
	same,
} from "../../migration/mapping/define";
import { migrateHere } from "./cli";
import { run } from "./databases";
import {
	beginBack,
	differencesOf,
	type Pair,
	pair,
	syncMapped,
} from "./mapping-support";

const SOURCE = `
	CREATE TABLE cats (id integer PRIMARY KEY, name text);
	INSERT INTO cats SELECT n, 'cat ' || n FROM generate_series(1, 50) n;
	CREATE TABLE dogs (id integer PRIMARY KEY, called text);
	INSERT INTO dogs SELECT n, 'dog ' || n FROM generate_series(101, 150) n;
	CREATE TABLE birds (name text);
	INSERT INTO birds VALUES ('Polly'), ('Polly');
`;

const TARGET = `
	CREATE TABLE animals (kind text NOT NULL, no integer NOT NULL, name text, PRIMARY KEY (no)) ;
	CREATE TABLE toys (id integer PRIMARY KEY, animal integer REFERENCES animals);
	CREATE TABLE flock (name text);
`;

const unique = {
	no: { kind: "trusted" as const, why: "dogs begin at 101" },
};

const mapping = defineMapping({
	name: "joined",
	tables: {
		cats: into(
			{
				table: "animals",
				columns: { kind: constant("'cat'"), no: column("id"), ...same("name") },
				unique,
			},
			{ back: "export" },
		),
		dogs: into(
			{
				table: "animals",
				columns: {
					kind: constant("'dog'"),
					no: column("id"),
					name: column("called"),
				},
				unique,
			},
			{ back: "export" },
		),
		birds: into({ table: "flock", columns: same("name") }, { back: "export" }),
	},
});

describe("a sync of several tables into one", function () {
	this.timeout(60_000);
	let both: Pair;

	before(async () => {
		both = await pair(SOURCE, TARGET);
		await syncMapped(mapping, both.databases);
	});
	after(() => both?.close());

	/** Makes the same changes on both sides of the follower. */
	async function follows(sql: string, count: number): Promise<void> {
		await run(both.databases.source.url, sql);
		await syncMapped(mapping, both.databases);
		assert.deepEqual(await differencesOf(mapping, both), []);
		const [found] = await run(
			both.databases.target.url,
			"SELECT count(*)::int AS n FROM animals",
		);
		assert.equal(found.n, count);
	}

	it("keeps the rows of the others when one is truncated", () =>
		follows("TRUNCATE cats", 50));

	it("brings rows that came after it, and changes of the others beside it", () =>
		follows(
			`UPDATE dogs SET called = 'before' WHERE id = 101;
			INSERT INTO cats VALUES (1, 'gone');
			TRUNCATE cats;
			INSERT INTO cats VALUES (2, 'new'), (3, 'new');
			DELETE FROM dogs WHERE id = 102;
			TRUNCATE birds`,
			51,
		));

	it("takes a row that moved from one into the other", () =>
		follows(
			"DELETE FROM dogs WHERE id = 150; INSERT INTO cats VALUES (150, 'was a dog')",
			51,
		));

	it("takes both being truncated", () =>
		follows("TRUNCATE cats, dogs; INSERT INTO dogs VALUES (7, 'alone')", 1));
});

describe("the way back of one table that went into several", function () {
	this.timeout(60_000);
	let both: Pair;
	const split = defineMapping({
		name: "split",
		tables: {
			pets: into(
				[
					{ table: "pet", columns: same("id", "name") },
					{
						table: "coat",
						columns: { pet_id: column("id"), ...same("colour") },
						key: ["pet_id"],
					},
				],
				{ back: [{ from: "pet" }, { from: "coat" }] },
			),
		},
	});

	before(async () => {
		both = await pair(
			`CREATE TABLE pets (id integer PRIMARY KEY, name text, colour text);
			INSERT INTO pets SELECT n, 'pet ' || n, 'red' FROM generate_series(1, 5) n`,
			`CREATE TABLE pet (id integer PRIMARY KEY, name text);
			CREATE TABLE coat (pet_id integer PRIMARY KEY, colour text)`,
		);
		await syncMapped(split, both.databases);
		await migrateHere(["freeze"], {
			SOURCE_DATABASE_URL: both.databases.source.url,
			TARGET_DATABASE_URL: both.databases.target.url,
		});
		await syncMapped(split, both.databases, "drain");
		await beginBack(split, both.databases);
	});
	after(() => both?.close());

	it("stops at TRUNCATE of one of them", async () => {
		await run(both.databases.target.url, "TRUNCATE coat");
		await assert.rejects(
			syncMapped(split, both.databases, "back"),
			/TRUNCATE.*--recopy coat/s,
		);
	});
});
