import assert from "node:assert/strict";
import {
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import { MigrationError } from "../../migration/errors";
import {
	accept,
	column,
	defineMapping,
	first,
	into,
	labels,
	rejectLabel,
	same,
} from "../../migration/mapping/define";
import type { CompiledMapping } from "../../migration/mapping/mapping";
import {
	acceptedOnCommandLine,
	copyRejects,
	countRejects,
	describeReject,
	refuseUnaccepted,
	rejectedRows,
	removeRejects,
	unacceptedRejects,
} from "../../migration/mapping/rejects";
import {
	compiled,
	copyAll,
	copyRoute,
	type Pair,
	pair,
} from "./mapping-support";

const SOURCE = `
	CREATE TYPE role AS ENUM ('owner', 'inspector', 'guest');
	CREATE TABLE site (id integer PRIMARY KEY, name text);
	INSERT INTO site VALUES (1, 'fits'), (2, 'much too long a name'), (3, NULL), (4, 'closed');
	CREATE TABLE unit (id integer PRIMARY KEY, site_id integer REFERENCES site, parent integer REFERENCES unit, size bigint NOT NULL DEFAULT 1);
	INSERT INTO unit VALUES
		(10, 1, NULL, 1), (11, 2, NULL, 1), (12, 3, NULL, 1), (13, 4, NULL, 1), (14, NULL, NULL, 1),
		(15, 1, NULL, 3000000000), (16, 1, 10, 1), (17, 1, 15, 1), (18, 1, 17, 1), (19, 1, 18, 1);
	CREATE TABLE reading (id integer PRIMARY KEY, unit_id integer NOT NULL REFERENCES unit, device integer, value numeric);
	INSERT INTO reading VALUES
		(100, 10, 16, 1.25), (101, 10, 15, 1.25), (102, 11, NULL, 1), (103, 19, NULL, 1), (104, 10, NULL, 1.255),
		(105, 10, NULL, 12345), (106, 10, NULL, 'NaN'), (107, 10, NULL, 'Infinity'), (108, 10, NULL, NULL), (109, 10, 99, -999.99);
	CREATE TABLE member (id integer PRIMARY KEY, person integer NOT NULL, role role NOT NULL, word text, code text, number text, state text NOT NULL);
	INSERT INTO member VALUES
		(1, 1, 'owner', 'up', '00000000-0000-0000-0000-00000000000A', ' 12 ', 'open'),
		(2, 1, 'guest', 'up', NULL, NULL, 'open'),
		(3, 2, 'inspector', 'up', NULL, NULL, 'open'),
		(4, 3, 'guest', 'sideways', NULL, NULL, 'open'),
		(5, 4, 'guest', 'up', 'not a uuid', NULL, 'open'),
		(6, 5, 'guest', 'up', NULL, '12.5', 'open'),
		(7, 6, 'guest', 'up', NULL, '99999999999', 'open'),
		(8, 7, 'guest', 'up', NULL, NULL, 'ajar'),
		(9, 8, 'guest', 'up', NULL, NULL, 'shut'),
		(10, 9, 'guest', 'down', NULL, '+7', 'shut'),
		(11, 9, 'owner', 'down', NULL, NULL, 'shut');
	CREATE TABLE loose (site integer, note text);
	INSERT INTO loose VALUES (1, 'a'), (1, 'a'), (7, 'no such site'), (NULL, 'none');
`;

const TARGET = `
	CREATE TYPE role AS ENUM ('owner', 'guest');
	CREATE TYPE way AS ENUM ('up', 'down');
	CREATE TABLE site (id integer PRIMARY KEY, name varchar(10) NOT NULL);
	CREATE TABLE unit (id integer PRIMARY KEY, site_id integer REFERENCES site, parent integer REFERENCES unit, size integer NOT NULL);
	CREATE TABLE reading (
		id integer PRIMARY KEY, unit_id integer NOT NULL REFERENCES unit, device integer REFERENCES unit,
		value numeric(5,2) NOT NULL
	);
	CREATE TABLE member (
		id integer PRIMARY KEY, person integer NOT NULL UNIQUE, role role NOT NULL, way way, code uuid,
		number integer, state text NOT NULL, CONSTRAINT known_state CHECK (state IN ('open', 'shut')),
		CONSTRAINT owners_up CHECK (role <> 'owner' OR way = 'up')
	);
	CREATE TABLE loose (site integer REFERENCES site, note text);
`;

const mapping = defineMapping({
	name: "narrow",
	tables: {
		site: into({
			table: "site",
			filter: "t.name IS DISTINCT FROM 'closed'",
			columns: same("id", "name"),
		}),
		unit: into({
			table: "unit",
			columns: same("id", "site_id", "parent", "size"),
		}),
		reading: into({
			table: "reading",
			columns: {
				...same("id", "unit_id", "value"),
				device: column("device", { orphans: "null" }),
			},
		}),
		member: into({
			table: "member",
			columns: {
				...same("id", "person", "code", "number", "state"),
				role: labels("role", {
					owner: "owner",
					guest: "guest",
					inspector: rejectLabel,
				}),
				way: column("word"),
			},
			reject: [{ when: "t.person = 8", reason: "person is unwanted" }],
			unique: { person: first("t.role") },
		}),
		loose: into(
			{ table: "loose", columns: same("site", "note") },
			{ back: "export" },
		),
	},
	accepted: [
		accept("reading", "value is null", "the sensor was silent; agreed by Ada"),
	],
});

/** By table, what became of each row, by its id. */
const REASONS: Record<string, Record<string, string>> = {
	site: { 2: "name is too long", 3: "name is null" },
	unit: {
		11: "site_id has no parent",
		12: "site_id has no parent",
		13: "site_id has no parent",
		15: "size is out of range",
		17: "parent has no parent",
		18: "parent has no parent",
		19: "parent has no parent",
	},
	reading: {
		102: "unit_id has no parent",
		103: "unit_id has no parent",
		104: "value has more than 2 decimals",
		105: "value is out of range",
		107: "value is out of range",
		108: "value is null",
	},
	member: {
		2: "person is a duplicate",
		3: "role inspector has no counterpart",
		4: "way has an unknown label",
		5: "code is not a valid uuid",
		6: "number is not a valid integer",
		7: "number is out of range",
		8: "known_state does not hold",
		9: "person is unwanted",
		11: "owners_up does not hold",
	},
};

describe("rows that do not fit", () => {
	let databases: Pair;
	let made: CompiledMapping;
	let counts: Awaited<ReturnType<typeof copyAll>>;

	before(async () => {
		databases = await pair(SOURCE, TARGET);
		made = await compiled(mapping, databases);
		assert.deepEqual(made.problems, []);
		counts = await copyAll(databases, made);
	});
	after(() => databases.close());

	async function reasons(table: string): Promise<Record<string, string>> {
		const { rows } = await databases.target.query(
			"SELECT key[1] AS id, reason FROM cutover.reject WHERE from_table = $1",
			[table],
		);
		return Object.fromEntries(rows.map(({ id, reason }) => [id, reason]));
	}

	for (const [table, expected] of Object.entries(REASONS))
		it(`are told apart from those of ${table} that do, each by its reason`, async () => {
			assert.deepEqual(await reasons(table), expected);
			const { rows } = await databases.source.query(
				`SELECT count(*)::int AS all FROM public.${table} ${table === "site" ? "WHERE name IS DISTINCT FROM 'closed'" : ""}`,
			);
			const { copied, rejected } = counts[table] ?? { copied: 0, rejected: 0 };
			assert.equal(rejected, Object.keys(expected).length);
			assert.equal(copied + rejected, rows[0].all);
		});

	it("take no parent's place: a row whose parent stays behind keeps NULL where that was asked for", async () => {
		const { rows } = await databases.target.query(
			"SELECT id, device FROM public.reading ORDER BY id",
		);
		assert.deepEqual(rows, [
			{ id: 100, device: 16 },
			{ id: 101, device: null },
			{ id: 106, device: null },
			{ id: 109, device: null },
		]);
	});

	it("of a table without key are noted as well", async () => {
		assert.deepEqual(counts.loose, { copied: 3, rejected: 1 });
		const [row] = await rejectedRows(
			databases.target,
			{ table: "loose", reason: "site has no parent" },
			5,
		);
		assert.deepEqual(row, {
			key: [],
			reason: "site has no parent",
			row: { site: 7, note: "no such site" },
		});
	});

	it("are no matter to the proof: what came along is what the routes read", async () => {
		for (const route of made.forward.routes)
			assert.deepEqual(
				await digestTable(databases.target, writtenSide(route)),
				await digestTable(databases.source, readSide(route)),
				route.label,
			);
	});

	it("fail the verification until a person accepts every kind of them", async () => {
		const open = await unacceptedRejects(databases.target, made.accepted);
		assert.ok(open.every(({ accepted }) => accepted === null));
		assert.ok(!open.some(({ reason }) => reason === "value is null"));
		const all = await countRejects(databases.target, made.accepted);
		assert.equal(all.length, open.length + 1);
		assert.equal(
			describeReject(
				all.find(({ reason }) => reason === "value is null") as (typeof all)[0],
			),
			"reading: 1 rows rejected: value is null (accepted: the sensor was silent; agreed by Ada)",
		);
		assert.throws(
			() => refuseUnaccepted(open),
			(error: MigrationError) => {
				assert.equal(error.exitCode, 3);
				assert.match(
					error.found,
					/unit: 3 rows rejected: site_id has no parent/,
				);
				assert.match(error.fix, /--accept-rejects "loose:site has no parent"/);
				return true;
			},
		);
		const agreed = acceptedOnCommandLine(
			open.map(({ table, reason }) => `${table}:${reason}`),
		);
		assert.deepEqual(
			await unacceptedRejects(databases.target, [...made.accepted, ...agreed]),
			[],
		);
		assert.throws(() => acceptedOnCommandLine(["no reason"]), MigrationError);
	});

	it("are looked at again when they change", async () => {
		const route = made.forward.routes.find(({ label }) => label === "reading");
		assert.ok(route);
		await databases.source.query(
			"UPDATE public.reading SET value = 7 WHERE id = 108; UPDATE public.reading SET value = NULL WHERE id = 109",
		);
		const touched = "t.id IN (108, 109)";
		await databases.target.query("BEGIN");
		await databases.target.query(
			removeRejects(
				route,
				"(SELECT ARRAY[id] AS key FROM unnest(ARRAY['108', '109']) id)",
			),
		);
		await databases.target.query(
			"DELETE FROM public.reading WHERE id IN (108, 109)",
		);
		await databases.source.query("BEGIN");
		await copyRoute(databases.source, databases.target, {
			...route,
			filter: touched,
		});
		await copyRejects(databases.source, databases.target, route, touched);
		await databases.source.query("COMMIT");
		await databases.target.query("COMMIT");
		const now = await reasons("reading");
		assert.equal(now[108], undefined);
		assert.equal(now[109], "value is null");
		assert.deepEqual(
			await digestTable(databases.target, writtenSide(route)),
			await digestTable(databases.source, readSide(route)),
		);
	});

	it("are found by who depends on them: keys of the rows that must be looked at again", async () => {
		const { dependents } = made.forward;
		const keys = async (from: string, to: string, value: string) => {
			const found = dependents.filter(
				({ lookup, table }) => lookup.name === from && table.name === to,
			);
			const all = new Set<string>();
			for (const one of found) {
				const { rows } = await databases.source.query(
					one.keys(`(SELECT ARRAY[${value}] AS match)`),
				);
				for (const { key } of rows) all.add(key.join());
			}
			return [...all].sort();
		};
		assert.deepEqual(await keys("site", "unit", "'1'"), [
			"10",
			"15",
			"16",
			"17",
			"18",
			"19",
		]);
		assert.deepEqual(await keys("unit", "reading", "'16'"), ["100"]);
		assert.deepEqual(await keys("unit", "unit", "'15'"), ["17"]);
		assert.deepEqual(await keys("member", "member", "'1'"), ["1", "2"]);
		const parent = dependents.find(
			({ lookup, table }) => lookup.name === "site" && table.name === "unit",
		);
		assert.equal(parent?.kind, "presence");
		assert.deepEqual(parent?.reads, ["name"]);
		assert.deepEqual(
			parent?.match.map(({ name }) => name),
			["id"],
		);
	});
});
