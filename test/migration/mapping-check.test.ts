import assert from "node:assert/strict";
import ts from "typescript";
import type { MigrationError } from "../../migration/errors";
import { checkMapping, refuseUnfit } from "../../migration/mapping/check";
import * as words from "../../migration/mapping/define";
import type { Into, Mapping, TargetTable } from "../../migration/mapping/types";
import { type Pair, pair } from "./mapping-support";

const { archive, drop, into, labels, lookup, same, sql, trusted } = words;

const SOURCE = `
	CREATE TYPE mood AS ENUM ('glad', 'sad', 'very "odd"');
	CREATE TABLE place (id integer PRIMARY KEY, name text NOT NULL, kind text);
	CREATE TABLE thing (
		id integer PRIMARY KEY, place_id integer, mood mood NOT NULL, size double precision, "odd Column" text, at timestamp, doc text
	);
	CREATE TABLE "odd Table" (x integer);
	INSERT INTO place SELECT n, 'p' FROM generate_series(1, 30) n;
`;
const TARGET = `
	CREATE TYPE mood AS ENUM ('glad', 'calm');
	CREATE TABLE place (id integer PRIMARY KEY, name text NOT NULL);
	CREATE TABLE thing (
		id integer PRIMARY KEY, place_id integer REFERENCES place, mood mood NOT NULL, size numeric(5,2), at timestamptz,
		doc jsonb, must text NOT NULL, code text UNIQUE, twice integer GENERATED ALWAYS AS (id * 2) STORED,
		CONSTRAINT apart EXCLUDE USING btree (code WITH =)
	);
	CREATE TABLE only_new (id integer PRIMARY KEY, v text);
	INSERT INTO only_new VALUES (1, 'seed'), (2, 'seed');
`;

describe("the check of a mapping", () => {
	let databases: Pair;

	before(async () => {
		databases = await pair(SOURCE, TARGET);
	});
	after(() => databases.close());

	const place = into(
		{ table: "place", columns: same("id", "name") },
		{ rest: { kind: archive() } },
	);
	const good: TargetTable = {
		table: "thing",
		columns: {
			...same("id", "place_id"),
			mood: labels("mood", {
				glad: "glad",
				sad: "calm",
				'very "odd"': words.rejectLabel,
			}),
			must: words.constant("''"),
		},
		trusted: { apart: "code stays empty" },
	};
	const rest = {
		...words.archived("size", "odd Column", "at", "doc"),
	};
	const mapping = (
		thing: Partial<TargetTable>,
		more: { tables?: Mapping["tables"]; thing?: Partial<Into> } = {},
	): Mapping => ({
		name: "checked",
		tables: {
			place,
			"odd Table": drop("empty"),
			thing: {
				...into(
					{ ...good, ...thing, columns: { ...good.columns, ...thing.columns } },
					{ rest, back: "export" },
				),
				...more.thing,
			},
			...more.tables,
		},
	});
	const problemsOf = async (made: Mapping) =>
		(await checkMapping(made, databases)).problems;

	it("passes one that is right, and says what has no way back", async () => {
		const check = await checkMapping(mapping({}), databases);
		assert.deepEqual(check.problems, []);
		assert.equal(check.undecided, "");
		assert.deepEqual(check.exported, [
			{ table: "thing", why: "thing says so", rows: 0 },
			{
				table: "only_new",
				why: "nothing of the source went there",
				rows: 2,
			},
		]);
		refuseUnfit(check);
	});

	it("stops at what is not decided, with a list that can be pasted and that ends it", async () => {
		const undecided: Mapping = {
			name: "checked",
			tables: {
				place: into({ table: "place", columns: same("id", "name") }),
				thing: into(
					{ ...good, columns: { ...good.columns, mood: "mood" } },
					{ back: "export" },
				),
			},
		};
		const check = await checkMapping(undecided, databases);
		assert.deepEqual(check.problems, []);
		assert.throws(
			() => refuseUnfit(check),
			(error: MigrationError) => {
				assert.equal(error.exitCode, 2);
				assert.match(error.found, /7 decisions are missing/);
				return true;
			},
		);
		const pasted = pasteable(check.undecided);
		assert.deepEqual(
			[...pasted.keys()],
			[
				"tables",
				"tables.place.rest",
				"tables.thing into thing.mood",
				"tables.thing.rest",
			],
		);
		const [first, second] = [
			undecided.tables.place as Into,
			undecided.tables.thing as Into,
		];
		const decided: Mapping = {
			name: "checked",
			tables: {
				...pasted.get("tables"),
				place: { ...first, rest: pasted.get("tables.place.rest") ?? {} },
				thing: {
					...second,
					targets: second.targets.map((target) => ({
						...target,
						columns: {
							...target.columns,
							...pasted.get("tables.thing into thing.mood"),
						},
					})),
					rest: pasted.get("tables.thing.rest") ?? {},
				},
			},
		};
		const again = await checkMapping(decided, databases);
		assert.equal(again.undecided, "");
		assert.deepEqual(again.problems, []);
	});

	it("lists the labels that a table of labels leaves out", async () => {
		const check = await checkMapping(
			mapping({ columns: { mood: labels("mood", { sad: "calm" }) } }),
			databases,
		);
		assert.equal(
			check.undecided,
			[
				"// tables.thing into thing.mood.labels",
				'glad: "glad",',
				'"very \\"odd\\"": rejectLabel,',
			].join("\n"),
		);
	});

	const wrong: [string, () => Mapping, RegExp][] = [
		[
			"a table that the source lacks",
			() => mapping({}, { tables: { nowhere: archive() } }),
			/the source has no table nowhere/,
		],
		[
			"a table that the target lacks",
			() => mapping({ table: "elsewhere" }),
			/thing: the target has no table elsewhere/,
		],
		[
			"a column that the target lacks",
			() => mapping({ columns: { colour: "doc" } }),
			/thing has no column colour/,
		],
		[
			"a column that the source lacks",
			() => mapping({ columns: { code: "cipher" } }),
			/code reads thing\.cipher, which there is not/,
		],
		[
			"a column in rest that the source lacks",
			() => mapping({}, { thing: { rest: { ...rest, cipher: archive() } } }),
			/thing\.rest: the source has no column cipher/,
		],
		[
			"a column that is dropped and yet read",
			() => mapping({}, { thing: { rest: { ...rest, place_id: drop("no") } } }),
			/place_id is dropped, and yet read/,
		],
		[
			"a type that does not fit without a word",
			() => mapping({ columns: { size: "size" } }),
			/size: double precision does not fit numeric\(5,2\)/,
		],
		[
			"an instant without time zone into one with",
			() => mapping({ columns: { at: "at" } }),
			/at: timestamp without time zone does not fit timestamp with time zone/,
		],
		[
			"a text into jsonb where the server cannot try it",
			() => mapping({ columns: { doc: "doc" } }),
			/doc: text does not fit jsonb/,
		],
		[
			"a NOT NULL column that nothing fills",
			() => mapping({ columns: { must: words.byDefault } }),
			/must is NOT NULL and nothing fills it/,
		],
		[
			"a generated column",
			() => mapping({ columns: { twice: "id" } }),
			/twice is generated: it cannot be written/,
		],
		[
			"a label that the source lacks",
			() =>
				mapping({
					columns: {
						mood: labels("mood", {
							glad: "glad",
							sad: "calm",
							'very "odd"': "calm",
							mad: "calm",
						}),
					},
				}),
			/the source has no label mad/,
		],
		[
			"a label that the target lacks",
			() =>
				mapping({
					columns: {
						mood: labels("mood", {
							glad: "glad",
							sad: "low",
							'very "odd"': "calm",
						}),
					},
				}),
			/the target has no label low/,
		],
		[
			"an expression that is no SQL",
			() => mapping({ columns: { code: sql("upper(t.doc") } }),
			/thing: upper\(t\.doc: syntax error/,
		],
		[
			"an expression of the wrong type",
			() => mapping({ columns: { size: sql("t.size * 2") } }),
			/size: double precision does not fit/,
		],
		[
			"a filter that is no condition",
			() => mapping({ filter: "t.place_id + 1 + 'x'" }),
			/thing: .*invalid input syntax/,
		],
		[
			"a table that an expression reads in silence",
			() =>
				mapping({
					columns: {
						code: sql(
							"(SELECT min(p.name) FROM public.place p WHERE p.id = t.place_id)",
						),
					},
					unique: { code: trusted("for the test") },
				}),
			/reads place: say dependsOn/,
		],
		[
			"a lookup that may find two rows",
			() =>
				mapping({
					columns: {
						code: lookup("name", { table: "place", on: { kind: "doc" } }),
					},
					unique: { code: trusted("for the test") },
				}),
			/code: several rows of place may have the same kind: say which with first/,
		],
		[
			"a unique index that nothing guarantees",
			() => mapping({ columns: { code: "doc" } }),
			/unique index thing_code_key of the target \(code\) is not guaranteed/,
		],
		[
			"an exclusion constraint",
			() => mapping({ trusted: {} }),
			/exclusion constraint apart cannot be tried/,
		],
		[
			"a parent that nothing fills",
			() => mapping({}, { tables: { place: archive() } }),
			/place_id refers to place, which nothing fills/,
		],
		[
			"a value that cannot be turned round",
			() =>
				mapping(
					{ columns: { code: sql("upper(t.doc)") } },
					{
						thing: {
							back: "derived",
							rest: words.archived("size", "odd Column", "at"),
						},
					},
				),
			/way back: thing: doc does not go back by itself from code/,
		],
	];
	for (const [what, make, problem] of wrong)
		it(`names ${what}`, async () => {
			assert.match((await problemsOf(make())).join("\n"), problem);
		});

	it("knows a foreign key that holds on both sides from one that does not", async () => {
		const check = await checkMapping(mapping({}), databases);
		const route = check.compiled.forward.routes.find(
			({ label }) => label === "thing",
		);
		// The source has no foreign key from thing to place.
		assert.match(route?.reject ?? "", /place_id has no parent/);
	});
});

/** Reads a list to paste the way TypeScript does: by place, the properties. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the lines say
function pasteable(text: string): Map<string, any> {
	// biome-ignore lint/suspicious/noExplicitAny: whatever the lines say
	const found = new Map<string, any>();
	for (const part of text.split(/^\/\/ (?=tables)/m).filter(Boolean)) {
		const [place = "", ...lines] = part.split("\n");
		const source = `const pasted = {\n${lines.join("\n")}\n};`;
		const { outputText, diagnostics } = ts.transpileModule(source, {
			reportDiagnostics: true,
		});
		assert.deepEqual(diagnostics, []);
		found.set(
			place,
			new Function(...Object.keys(words), `${outputText}; return pasted;`)(
				...Object.values(words),
			),
		);
	}
	return found;
}
