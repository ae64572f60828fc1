import assert from "node:assert/strict";
import {
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import {
	archive,
	archived,
	byDefault,
	column,
	constant,
	defineMapping,
	drop,
	firstOf,
	into,
	keep,
	labels,
	lookup,
	same,
	sql,
} from "../../migration/mapping/define";
import { compiled, copyAll, type Pair, pair } from "./mapping-support";

const SOURCE = `
	CREATE TYPE mood AS ENUM ('glad', 'sad', 'grim');
	CREATE TABLE place (id integer PRIMARY KEY, name text NOT NULL, owner_id integer);
	INSERT INTO place VALUES (1, 'North', 7), (2, 'South', NULL);
	CREATE TABLE room (id integer PRIMARY KEY, place_id integer NOT NULL REFERENCES place, name text NOT NULL);
	INSERT INTO room VALUES (10, 1, 'Cold store'), (20, 2, 'Hall');
	CREATE TABLE thing (
		id uuid PRIMARY KEY, room_id integer NOT NULL REFERENCES room, label text NOT NULL, mood mood NOT NULL,
		moods mood[], high numeric(5,2) NOT NULL, low numeric(5,2), weight bigint, at timestamptz NOT NULL,
		note jsonb, maker text, model text, secret text, gone boolean NOT NULL DEFAULT false
	);
	INSERT INTO thing VALUES
		('00000000-0000-0000-0000-000000000001', 10, 'One', 'glad', '{glad,NULL,sad}', 41.05, NULL, 12, '2026-01-01 00:00:00.123999Z', '{"a": 1.10}', 'ACME', 'X1', 's', false),
		('00000000-0000-0000-0000-000000000002', 20, '', 'sad', NULL, -0.50, -3.25, NULL, 'infinity', NULL, NULL, '', NULL, false),
		('00000000-0000-0000-0000-000000000003', 20, 'Three', 'grim', '{}', 0, 0, -5, '1900-02-03 04:05:06.999999Z', 'null', '', NULL, NULL, false),
		('00000000-0000-0000-0000-000000000004', 10, 'Gone', 'glad', '{}', 0, 0, 0, '2026-01-01Z', NULL, NULL, NULL, NULL, true);
	CREATE TABLE diary (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood, moods mood[], text text, span interval);
	INSERT INTO diary (mood, moods, text, span) VALUES ('grim', '{grim}', 'x', '1 day'), (NULL, NULL, NULL, NULL);
	CREATE TABLE heap (a text, b integer);
	INSERT INTO heap VALUES ('twice', 1), ('twice', 1);
	CREATE TABLE scratch (x integer);
`;

const TARGET = `
	CREATE TYPE feeling AS ENUM ('happy', 'unhappy');
	CREATE TABLE location (id integer PRIMARY KEY, title varchar(20) NOT NULL, kind text NOT NULL, owner bigint);
	CREATE TABLE item (
		id uuid PRIMARY KEY, title varchar(16) NOT NULL, location_id integer NOT NULL REFERENCES location,
		owner integer, feeling feeling NOT NULL, feelings text[], high_tenths integer NOT NULL,
		low numeric(7,2), weight integer, at timestamp(3) with time zone NOT NULL, note text,
		made_by text NOT NULL, made_at timestamptz NOT NULL DEFAULT '2026-06-01Z'
	);
	CREATE TABLE item_maker (item_id uuid PRIMARY KEY, maker varchar(8) NOT NULL, model varchar(8));
`;

const mapping = defineMapping({
	name: "things",
	tables: {
		place: into({
			table: "location",
			columns: {
				...same("id"),
				title: "name",
				kind: constant("'place'"),
				owner: "owner_id",
			},
		}),
		room: archive(),
		thing: into(
			[
				{
					table: "item",
					filter: "NOT t.gone",
					columns: {
						id: "id",
						title: column("label"),
						location_id: lookup("place_id", {
							table: "room",
							on: { id: "room_id" },
						}),
						owner: firstOf(
							lookup("owner_id", [
								{ table: "room", on: { id: "room_id" } },
								{ table: "place", on: { id: "place_id" } },
							]),
							constant("0"),
						),
						feeling: labels("mood", {
							glad: "happy",
							sad: "unhappy",
							grim: "unhappy",
						}),
						feelings: "moods",
						high_tenths: sql("round(t.high * 10)"),
						low: "low",
						weight: "weight",
						at: "at",
						note: "note",
						made_by: column("maker", { ifNull: "'nobody'" }),
						made_at: byDefault,
					},
				},
				{
					table: "item_maker",
					filter: "t.maker IS NOT NULL",
					columns: { item_id: "id", ...same("maker", "model") },
				},
			],
			{
				rest: {
					...archived("high", "room_id"),
					secret: drop("was never used"),
				},
				back: {
					from: "item",
					columns: {
						room_id: keep,
						mood: keep,
						high: sql("t.high_tenths / 10.0"),
						maker: keep,
						gone: constant("false"),
						label: "title",
					},
					onInsert: { room_id: constant("10"), mood: constant("'glad'") },
				},
			},
		),
		diary: archive(),
		heap: archive(),
		scratch: drop("nobody knows what it was for"),
	},
});

describe("a mapping", () => {
	let databases: Pair;

	before(async () => {
		databases = await pair(SOURCE, TARGET);
	});
	after(() => databases.close());

	it("brings rows by every kind of value, and nothing is lost to the digests", async () => {
		const made = await compiled(mapping, databases);
		assert.deepEqual(made.problems, []);
		assert.deepEqual(made.undecided, []);
		const counts = await copyAll(databases, made);
		assert.deepEqual(counts, {
			"place > location": { copied: 2, rejected: 0 },
			"thing > item": { copied: 3, rejected: 0 },
			"thing > item_maker": { copied: 2, rejected: 0 },
			"room > legacy.room": { copied: 2, rejected: 0 },
			"thing > legacy.thing": { copied: 4, rejected: 0 },
			"diary > legacy.diary": { copied: 2, rejected: 0 },
			"heap > legacy.heap": { copied: 2, rejected: 0 },
		});
		for (const route of made.forward.routes)
			assert.deepEqual(
				await digestTable(databases.target, writtenSide(route)),
				await digestTable(databases.source, readSide(route)),
				route.label,
			);
		const { rows } = await databases.target.query(
			"SELECT to_jsonb(i) - 'note' AS item, note FROM public.item i ORDER BY id",
		);
		assert.deepEqual(rows[0], {
			item: {
				id: "00000000-0000-0000-0000-000000000001",
				title: "One",
				location_id: 1,
				owner: 7,
				feeling: "happy",
				feelings: ["glad", null, "sad"],
				high_tenths: 411,
				low: null,
				weight: 12,
				at: "2026-01-01T00:00:00.123+00:00",
				made_by: "ACME",
				made_at: "2026-06-01T00:00:00+00:00",
			},
			note: '{"a": 1.10}',
		});
		assert.equal(rows[1].item.owner, 0);
		assert.equal(rows[1].item.at, "infinity");
		assert.equal(rows[1].item.made_by, "nobody");
		assert.equal(rows[2].item.at, "1900-02-03T04:05:06.999+00:00");
	});
});
