import * as fc from "fast-check";
import { literal } from "../../migration/sql";

/** A type that a column can have, with values of it. */
export interface Kind {
	/** As it stands in a column's definition. */
	readonly sql: string;
	/** SQL of a value that is not NULL, of exactly this type. */
	readonly value: fc.Arbitrary<string>;
	/** It has a btree operator class and short values: it can be a part of a key. */
	readonly ordered: boolean;
}

/** Built-in types that no column of a user can hold a value of, and why. */
export const EXCLUDED: Readonly<Record<string, string>> = {
	gtsvector: "only inside indexes: accepts no input",
	pg_brin_bloom_summary: "only inside indexes: accepts no input",
	pg_brin_minmax_multi_summary: "only inside indexes: accepts no input",
	pg_dependencies: "only in the server's statistics: accepts no input",
	pg_mcv_list: "only in the server's statistics: accepts no input",
	pg_ndistinct: "only in the server's statistics: accepts no input",
	pg_node_tree: "only in the server's catalogs: accepts no input",
};

/** Identifiers that break what does not quote; each at most 63 bytes. */
export const identifier: fc.Arbitrary<string> = fc
	.oneof(
		fc.constantFrom(
			"select",
			"user",
			"Table",
			"public.t",
			'"',
			'a"b',
			"it's",
			" ",
			" leading and trailing ",
			"semi;colon -- comment",
			"/* comment",
			"$1",
			"$$",
			"%s%I",
			"back\\slash",
			"tab\tnewline\n",
			"ünïcödé",
			"e\u0301",
			"表",
			"𝄞",
			"1st",
			"oid",
			"t",
			"x".repeat(63),
			"ü".repeat(31),
		),
		fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
		fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
	)
	.map((text) => cut(text.replaceAll("\0", "0")))
	.filter((text) => text !== "" && !SYSTEM_COLUMNS.has(text));

/** Columns that every table has; no other may be called so. */
const SYSTEM_COLUMNS = new Set([
	"tableoid",
	"xmin",
	"cmin",
	"xmax",
	"cmax",
	"ctid",
]);

/** Any text that a database of encoding UTF8 can hold. */
const anyText: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom(
		"",
		" ",
		"NULL",
		"\\N",
		"\\.",
		"\n\\.\n",
		"\t\r\n\b\f\v",
		"'\"\\",
		"{}",
		"(,)",
		"\u0001\u007f\u0080\ufeff\uffff",
		"e\u0301é",
		"𝄞ß",
	),
	fc
		.string({ unit: "binary", maxLength: 30 })
		.map((text) => text.replaceAll("\0", "")),
);

const integer = (bits: number): fc.Arbitrary<string> => {
	const most = 2n ** BigInt(bits - 1);
	return fc
		.oneof(
			fc.constantFrom(-most, most - 1n, 0n, -1n),
			fc.bigInt({ min: -most, max: most - 1n }),
		)
		.map(String);
};
const unsigned = (bits: number): fc.Arbitrary<string> =>
	fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n }).map(String);
const bytes = (length: number): fc.Arbitrary<string> =>
	fc
		.uint8Array({ minLength: length, maxLength: length })
		.map((array) => Buffer.from(array).toString("hex"));
const bits = fc
	.array(fc.constantFrom("0", "1"), { maxLength: 70 })
	.map((list) => list.join(""));

/** Also every not-a-number, infinity, signed zero and the smallest there is. */
const float: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom("NaN", "Infinity", "-Infinity", "-0", "0", "1e-300"),
	fc.double({ noNaN: true }).map(String),
);
const float4: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom(
		"NaN",
		"Infinity",
		"-Infinity",
		"-0",
		"1e-45",
		"3.4028235e38",
	),
	fc.float({ noNaN: true }).map(String),
);
const digits = (most: number) =>
	fc
		.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: most })
		.map((list) => list.join(""));
const sign = fc.constantFrom("", "-");
/** With trailing zeros, which are a part of the value, and 1,000 digits and more. */
const numeric: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom(
		"NaN",
		"Infinity",
		"-Infinity",
		"0",
		"0.000",
		"1.0",
		"1.00",
		"1e-1000",
		"1e1000",
	),
	fc
		.tuple(sign, digits(30), digits(30))
		.map(([minus, whole, part]) => `${minus}${whole}.${part}`),
);
const money = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map(
	(cents) =>
		`${cents / 100n}.${String(cents % 100n)
			.replace("-", "")
			.padStart(2, "0")}`,
);

/** Microseconds since 1970 as a timestamp, from 4713 BC to the year 294276. */
const moment: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom(
		"infinity",
		"-infinity",
		"4713-01-01 00:00:00 BC",
		"294276-12-31 23:59:59.999999",
		"0001-12-31 BC",
		"2000-02-29 24:00:00",
		"2026-03-29 01:59:59.9999995",
	),
	fc
		.tuple(
			fc.date({
				min: new Date("0001-01-01"),
				max: new Date("9999-12-31"),
				noInvalidDate: true,
			}),
			fc.integer({ min: 0, max: 999 }),
		)
		.map(
			([date, micro]) =>
				`${date.toISOString().slice(0, -1)}${String(micro).padStart(3, "0")}`,
		),
);
/** The last moment of all cannot be rounded up. */
const roundable = moment.filter((text) => !text.startsWith("294276"));
const day = fc.oneof(
	fc.constantFrom("infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"),
	moment
		.map((text) => text.replace(/ .*|T.*/, ""))
		.filter((text) => /^\d{4}-\d\d-\d\d$/.test(text)),
);
const clock = fc.oneof(
	fc.constantFrom("00:00:00", "24:00:00", "23:59:59.999999"),
	fc
		.tuple(
			fc.integer({ min: 0, max: 23 }),
			fc.integer({ min: 0, max: 59 }),
			fc.integer({ min: 0, max: 59_999_999 }),
		)
		.map(
			([hour, minute, micro]) =>
				`${hour}:${minute}:${(micro / 1e6).toFixed(6)}`,
		),
);
const offset = fc
	.tuple(
		fc.constantFrom("+", "-"),
		fc.integer({ min: 0, max: 15 }),
		fc.integer({ min: 0, max: 59 }),
	)
	.map(
		([sign, hours, minutes]) =>
			`${sign}${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`,
	);
/** 24 hours and a day are different values that compare as equal. */
const interval = fc.oneof(
	fc.constantFrom(
		"0",
		"1 day",
		"24 hours",
		"1 mon",
		"30 days",
		"-1 mon +1 day -00:00:00.000001",
	),
	fc
		.tuple(
			fc.integer({ min: -100_000, max: 100_000 }),
			fc.integer({ min: -100_000, max: 100_000 }),
			fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
		)
		.map(
			([months, days, micros]) =>
				`${months} mons ${days} days ${micros} microseconds`,
		),
);

const point = fc.tuple(float, float).map(([x, y]) => `(${x},${y})`);
const finitePoint = fc
	.tuple(fc.integer(), fc.integer())
	.map(([x, y]) => `(${x},${y})`);
const points = fc.array(point, { minLength: 1, maxLength: 4 });
const line = fc
	.tuple(fc.integer({ min: 1, max: 9 }), fc.integer(), fc.integer())
	.map((list) => `{${list.join(",")}}`);

const json: fc.Arbitrary<string> = fc
	.oneof(
		fc.constantFrom(
			"null",
			'""',
			'{"b":1,  "a":1.0, "a":2}',
			"1e400",
			"[1.00, -0, 1E+2]",
			'"\\ud834\\udd1e \\u00e9"',
		),
		fc.json({ stringUnit: "grapheme" }),
	)
	// jsonb refuses \u0000, as text cannot hold it.
	.filter((text) => !text.includes("\\u0000"));
const jsonPath = fc.constantFrom(
	"$",
	"strict $.a[*] ? (@ > 1)",
	'$."it\'s".**{2 to last}.b',
	'lax $[0 to last].x like_regex "^a.*" flag "i"',
);
const lexeme = fc
	.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
	.map(
		(text) =>
			`'${text.replaceAll("\0", "").replaceAll("\\", "\\\\").replaceAll("'", "''")}'`,
	)
	.filter((text) => text !== "''");
const words = fc
	.array(
		fc
			.tuple(lexeme, fc.constantFrom("", ":1", ":1A,3", ":16383C"))
			.map((parts) => parts.join("")),
		{ maxLength: 5 },
	)
	.map((list) => list.join(" "));
const query = fc
	.tuple(
		lexeme,
		fc.constantFrom(" & ", " | ", " <-> ", " <3> ", " & !"),
		lexeme,
	)
	.map((parts) => parts.join(""));

const address = fc.oneof(
	fc
		.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
		.map((parts) => parts.join("/")),
	fc.constantFrom("::1", "::ffff:10.0.0.1/128", "fe80::/10", "0.0.0.0/0"),
);
const network = fc.constantFrom(
	"0.0.0.0/0",
	"10.0.0.0/8",
	"192.168.1.1/32",
	"2001:db8::/32",
	"::/0",
);

const casted = (
	type: string,
	value: fc.Arbitrary<string>,
	ordered: boolean,
): Kind => ({
	sql: type,
	value: value.map((text) => `${literal(text)}::${type}`),
	ordered,
});
/** Types without order, and those whose values name objects of the server. */
const plain = (type: string, value: fc.Arbitrary<string>): Kind =>
	casted(type, value, false);
const ordered = (type: string, value: fc.Arbitrary<string>): Kind =>
	casted(type, value, true);

/** Bounds in the order of the type, also open and infinite ones, and nothing at all. */
const range = (
	type: string,
	subtype: string,
	bound: fc.Arbitrary<string>,
): Kind => ({
	sql: type,
	value: fc.oneof(
		fc.constant(`'empty'::${type}`),
		fc
			.tuple(
				fc.option(bound),
				fc.option(bound),
				fc.constantFrom("[]", "[)", "(]", "()"),
			)
			.map(([a, b, ends]) => {
				const sql = (text: string | null) =>
					text === null ? `NULL::${subtype}` : `${literal(text)}::${subtype}`;
				return a === null || b === null
					? `${type}(${sql(a)}, ${sql(b)}, '${ends}')`
					: `${type}(least(${sql(a)}, ${sql(b)}), greatest(${sql(a)}, ${sql(b)}), '${ends}')`;
			}),
	),
	ordered: true,
});
const multirange = (type: string, of: Kind): Kind => ({
	sql: type,
	value: fc
		.array(of.value, { maxLength: 3 })
		.map((list) =>
			list.length === 0 ? `'{}'::${type}` : `${type}(${list.join(", ")})`,
		),
	ordered: true,
});

const ranges = {
	int4range: range(
		"int4range",
		"int4",
		fc.integer({ min: -99, max: 99 }).map(String),
	),
	int8range: range("int8range", "int8", fc.integer().map(String)),
	numrange: range(
		"numrange",
		"numeric",
		numeric.filter((text) => text.length < 100),
	),
	daterange: range(
		"daterange",
		"date",
		day.filter((text) => text !== "5874897-12-31"),
	),
	tsrange: range("tsrange", "timestamp", moment),
	tstzrange: range("tstzrange", "timestamptz", moment),
};

/** Every built-in type by its name in pg_type, some with several modifiers. */
export const BUILT_IN: Readonly<Record<string, readonly Kind[]>> = {
	aclitem: [
		plain(
			"aclitem",
			fc.constantFrom("pg_monitor=r/pg_read_all_data", "=X*/pg_monitor"),
		),
	],
	bit: [
		{
			sql: "bit(7)",
			value: bits.map((text) => `'${text}'::bit(7)`),
			ordered: true,
		},
	],
	bool: [ordered("bool", fc.constantFrom("t", "f"))],
	box: [
		plain(
			"box",
			fc.tuple(finitePoint, finitePoint).map((corners) => corners.join(",")),
		),
	],
	bpchar: [
		ordered(
			"char(5)",
			anyText.map((text) => [...text].slice(0, 5).join("")),
		),
		ordered(
			"bpchar",
			anyText.map((text) => `${text}  `),
		),
	],
	bytea: [
		ordered(
			"bytea",
			fc.oneof(fc.constant(""), bytes(17)).map((hex) => `\\x${hex}`),
		),
	],
	// Bytes from 128 on are printed as such up to version 15: no text of any encoding.
	char: [ordered('"char"', fc.constantFrom("", "a", "'", "\\", "\t"))],
	cid: [plain("cid", unsigned(32))],
	cidr: [ordered("cidr", network)],
	circle: [
		plain(
			"circle",
			fc
				.tuple(point, fc.constantFrom("0", "1.5", "Infinity"))
				.map(([at, radius]) => `<${at},${radius}>`),
		),
	],
	date: [ordered("date", day)],
	datemultirange: [multirange("datemultirange", ranges.daterange)],
	daterange: [ranges.daterange],
	float4: [ordered("float4", float4)],
	float8: [ordered("float8", float)],
	inet: [ordered("inet", address)],
	int2: [ordered("int2", integer(16))],
	int2vector: [
		plain(
			"int2vector",
			fc.array(integer(16), { maxLength: 5 }).map((list) => list.join(" ")),
		),
	],
	int4: [ordered("int4", integer(32))],
	int4multirange: [multirange("int4multirange", ranges.int4range)],
	int4range: [ranges.int4range],
	int8: [ordered("int8", integer(64))],
	int8multirange: [multirange("int8multirange", ranges.int8range)],
	int8range: [ranges.int8range],
	interval: [
		ordered("interval", interval),
		ordered("interval day to second(2)", interval),
		ordered("interval year", interval),
	],
	json: [plain("json", json)],
	jsonb: [plain("jsonb", json)],
	jsonpath: [plain("jsonpath", jsonPath)],
	line: [plain("line", line)],
	lseg: [
		plain(
			"lseg",
			fc.tuple(point, point).map((ends) => `[${ends.join(",")}]`),
		),
	],
	macaddr: [ordered("macaddr", bytes(6))],
	macaddr8: [ordered("macaddr8", bytes(8))],
	money: [ordered("money", money)],
	name: [ordered("name", identifier)],
	numeric: [
		ordered("numeric", numeric),
		ordered(
			"numeric(12,4)",
			fc.oneof(
				fc.constant("NaN"),
				fc.integer({ min: -9_999_999, max: 9_999_999 }).map(String),
			),
		),
		ordered(
			"numeric(3,-2)",
			fc.integer({ min: -99_900, max: 99_900 }).map(String),
		),
		ordered("numeric(2,5)", fc.constantFrom("0.00012", "-0.00099", "0")),
	],
	nummultirange: [multirange("nummultirange", ranges.numrange)],
	numrange: [ranges.numrange],
	oid: [ordered("oid", unsigned(32))],
	oidvector: [
		ordered(
			"oidvector",
			fc.array(unsigned(32), { maxLength: 5 }).map((list) => list.join(" ")),
		),
	],
	path: [
		plain(
			"path",
			fc
				.tuple(points, fc.boolean())
				.map(([list, open]) =>
					open ? `[${list.join(",")}]` : `(${list.join(",")})`,
				),
		),
	],
	pg_lsn: [
		ordered(
			"pg_lsn",
			fc.constantFrom("0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"),
		),
	],
	pg_snapshot: [
		plain(
			"pg_snapshot",
			fc.constantFrom("10:20:10,14,15", "1:1:", "100:4294967297:4294967296"),
		),
	],
	point: [plain("point", point)],
	polygon: [
		plain(
			"polygon",
			points.map((list) => `(${list.join(",")})`),
		),
	],
	refcursor: [plain("refcursor", anyText)],
	regclass: [
		plain(
			"regclass",
			fc.constantFrom("pg_catalog.pg_class", "0", "4294967295"),
		),
	],
	regcollation: [plain("regcollation", fc.constantFrom('"C"', '"POSIX"', "0"))],
	regconfig: [
		plain("regconfig", fc.constantFrom("simple", "english", "99999")),
	],
	regdictionary: [plain("regdictionary", fc.constantFrom("simple", "0"))],
	regnamespace: [
		plain("regnamespace", fc.constantFrom("pg_catalog", "public", "0")),
	],
	regoper: [plain("regoper", fc.constantFrom("pg_catalog.||/", "0"))],
	regoperator: [
		plain("regoperator", fc.constantFrom("+(int4,int4)", "!~(text,text)", "0")),
	],
	regproc: [plain("regproc", fc.constantFrom("boolin", "0", "99999"))],
	regprocedure: [plain("regprocedure", fc.constantFrom("lower(text)", "0"))],
	regrole: [
		{
			sql: "regrole",
			// No default may hold a constant of this type.
			value: fc
				.constantFrom("pg_monitor", "0")
				.map((role) => `('${role}'::text)::regrole`),
			ordered: false,
		},
	],
	regtype: [
		plain("regtype", fc.constantFrom("int4", "timestamptz[]", "interval", "0")),
	],
	text: [ordered("text", anyText), ordered('text COLLATE "C"', anyText)],
	tid: [ordered("tid", fc.constantFrom("(0,0)", "(4294967295,65535)"))],
	time: [ordered("time", clock), ordered("time(2)", clock)],
	timestamp: [ordered("timestamp", moment), ordered("timestamp(3)", roundable)],
	timestamptz: [
		ordered("timestamptz", moment),
		ordered("timestamptz(0)", roundable),
	],
	timetz: [
		ordered(
			"timetz",
			fc.tuple(clock, offset).map((parts) => parts.join("")),
		),
	],
	tsmultirange: [multirange("tsmultirange", ranges.tsrange)],
	tsquery: [ordered("tsquery", query)],
	tsrange: [ranges.tsrange],
	tstzmultirange: [multirange("tstzmultirange", ranges.tstzrange)],
	tstzrange: [ranges.tstzrange],
	tsvector: [ordered("tsvector", words)],
	txid_snapshot: [
		plain("txid_snapshot", fc.constantFrom("10:20:10,14,15", "1:1:")),
	],
	uuid: [ordered("uuid", fc.uuid())],
	varbit: [ordered("varbit", bits), ordered("varbit(70)", bits)],
	varchar: [
		ordered("varchar", anyText),
		ordered(
			"varchar(7)",
			anyText.map((text) => [...text].slice(0, 7).join("")),
		),
	],
	xid: [plain("xid", unsigned(32))],
	xid8: [ordered("xid8", unsigned(64))],
	xml: [
		plain(
			"xml",
			fc.constantFrom(
				"",
				"text &amp; more",
				"<a b='c'><!-- d --><e/>ü</a>",
				'<?xml version="1.0"?><a/>',
				" <x>\n</x> ",
			),
		),
	],
	// Domains that information_schema brings.
	cardinal_number: [
		plain("information_schema.cardinal_number", fc.nat().map(String)),
	],
	character_data: [plain("information_schema.character_data", anyText)],
	sql_identifier: [plain("information_schema.sql_identifier", identifier)],
	time_stamp: [
		plain(
			"information_schema.time_stamp",
			fc.constantFrom("2026-01-01 00:00:00.12"),
		),
	],
	yes_or_no: [
		plain("information_schema.yes_or_no", fc.constantFrom("YES", "NO")),
	],
};

/** Arrays of a type: empty, with NULLs, of two dimensions, with bounds of their own. */
export function arrayOf(kind: Kind): Kind {
	const element = fc.option(kind.value).map((value) => value ?? "NULL");
	const bare = kind.sql.replace(/ COLLATE .*/, "");
	const type = `${bare}[]`;
	const list = fc.array(element, { minLength: 1, maxLength: 3 });
	return {
		sql: kind.sql.replace(bare, () => type),
		value: fc.oneof(
			fc.constant(`'{}'::${type}`),
			list.map((values) => `ARRAY[${values.join(", ")}]::${type}`),
			fc
				.tuple(element, element, element, element)
				.map(([a, b, c, d]) => `ARRAY[[${a}, ${b}], [${c}, ${d}]]::${type}`),
			kind.value.map(
				(value) => `array_fill(${value}, ARRAY[2, 2], ARRAY[-1, 0])::${type}`,
			),
		),
		ordered: false,
	};
}

function cut(text: string): string {
	let kept = "";
	for (const character of text) {
		if (Buffer.byteLength(kept + character) > 63) break;
		kept += character;
	}
	return kept;
}
