import type { Column } from "../catalog/types";
import { literal } from "../sql";

/** A type, as a catalog's column describes it. */
export type ValueType = Pick<Column, "type" | "base" | "element" | "modifier">;

/** A condition under which a value does not fit, and how the reason words it. */
export interface Unfit {
	/** SQL over the same row as the value; false or NULL where it fits. */
	readonly when: string;
	/** Follows the column's name: `is too long`. */
	readonly what: string;
}

/** How a value becomes one of another type. */
export interface Fit {
	/**
	 * SQL of the value in the column's wire form: its own type, an enum as text.
	 * Never fails where none of `unfit` is true.
	 */
	readonly sql: string;
	/** In this order: each may rely on those before it being false. */
	readonly unfit: readonly Unfit[];
	/** Different values stay different, so that the way back finds the same one. */
	readonly exact: boolean;
}

/** What is known of both sides beyond the types. */
export interface FitContext {
	/** Labels of the value's own enum, or of its elements'. */
	readonly fromLabels?: readonly string[] | undefined;
	/** Labels of the column's enum, or of its elements'. */
	readonly toLabels?: readonly string[] | undefined;
	/** server_version_num of the side that is read. */
	readonly version: number;
	/** That of the side that is written. */
	readonly toVersion: number;
}

/** pg_input_is_valid came with version 16. */
const VALIDATES_INPUT = 160000;

/** Types that PostgreSQL itself is asked about, where it can be. */
const VALIDATED = new Set([
	"cidr",
	"date",
	"inet",
	"json",
	"jsonb",
	"macaddr",
	"time",
	"timestamp",
	"timestamptz",
	"timetz",
]);

/** Intervals may be infinite from version 17 on; before, that was a number. */
const INFINITE_INTERVALS = 170000;

const TEXTS = new Set(["text", "varchar", "bpchar", "name"]);

const INTEGERS: Record<string, { least: string; most: string; rank: number }> =
	{
		int2: { least: "-32768", most: "32767", rank: 2 },
		int4: { least: "-2147483648", most: "2147483647", rank: 4 },
		int8: {
			least: "-9223372036854775808",
			most: "9223372036854775807",
			rank: 8,
		},
	};

/** Texts that the casts below take; stricter than PostgreSQL, which also takes `now`. */
const FORMS: Record<string, string> = {
	bool: "^(t|true|y|yes|on|1|f|false|n|no|off|0)$",
	uuid: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
	integer: "^[+-]?[0-9]{1,18}$",
	// 255 is the most that a repetition may ask for.
	numeric: "^[+-]?([0-9]{1,255}(\\.[0-9]{0,255})?|\\.[0-9]{1,255})$",
};

const DATES = new Set(["date", "time", "timetz", "timestamp", "timestamptz"]);

/**
 * How a value of one type fits a column of another, or null where no cast is both
 * safe and plain: then the mapping has to say it in SQL. Nothing is rounded or
 * cut on the way, but for one thing: timestamps are cut (not rounded) to the
 * precision of the column, by date_trunc, so that both sides digest the same
 * instant whatever the server would make of it.
 */
export function fit(
	value: string,
	from: ValueType,
	to: ValueType,
	context: FitContext,
): Fit | null {
	if (to.base.kind === "enum") return intoEnum(value, from, context);
	if (to.element) return intoArray(value, from, to, context);
	if (from.element) return isText(to) ? intoText(value, from, to) : null;
	if (to.base.schema !== "pg_catalog" || !["base"].includes(to.base.kind))
		return sameType(from, to) ? plain(value) : null;
	const name = to.base.name;
	if (isText(to)) return intoText(value, from, to);
	if (name in INTEGERS) return intoInteger(value, from, name);
	if (name === "numeric") return intoNumeric(value, from, to);
	if (["timestamp", "timestamptz", "time", "timetz"].includes(name))
		return intoInstant(value, from, to, context);
	if (
		sameType(from, to) ||
		(from.base.name === to.base.name && to.modifier === -1)
	)
		return name === "interval" && context.toVersion < INFINITE_INTERVALS
			? {
					...plain(value),
					unfit: [{ when: `NOT isfinite(${value})`, what: "is infinite" }],
				}
			: plain(value);
	if (name === "float8" && ["float4", "int2", "int4"].includes(from.base.name))
		return plain(`(${value})::float8`);
	if (name === "json" && from.base.name === "jsonb")
		return plain(`(${value})::json`);
	return isText(from) ? fromText(value, to, context) : null;
}

/** An unfit NULL, for columns that are NOT NULL. */
export function unfitNull(value: string): Unfit {
	return { when: `(${value}) IS NULL`, what: "is null" };
}

/** Whether a type is one of the built-in texts. */
export function isText(type: ValueType): boolean {
	return (
		type.element === null &&
		type.base.schema === "pg_catalog" &&
		TEXTS.has(type.base.name)
	);
}

/** The type in which a value for the column travels: SQL, with modifiers. */
export function wireType(column: ValueType): string {
	return column.base.kind === "enum" ? "text" : column.type;
}

function plain(sql: string): Fit {
	return { sql, unfit: [], exact: true };
}

function sameType(from: ValueType, to: ValueType): boolean {
	return from.type === to.type;
}

function intoEnum(
	value: string,
	from: ValueType,
	{ fromLabels, toLabels = [] }: FitContext,
): Fit | null {
	if (from.base.kind !== "enum" && !isText(from)) return null;
	const sql = `(${value})::text`;
	const safe =
		from.base.kind === "enum" &&
		fromLabels?.every((label) => toLabels.includes(label));
	return {
		sql,
		unfit: safe
			? []
			: [{ when: notAmong(sql, toLabels), what: "has an unknown label" }],
		exact: true,
	};
}

function notAmong(text: string, allowed: readonly string[]): string {
	return `${text} <> ALL (ARRAY[${allowed.map(literal).join(", ")}]::text[])`;
}

function intoArray(
	value: string,
	from: ValueType,
	to: ValueType,
	{ fromLabels, toLabels = [] }: FitContext,
): Fit | null {
	if (!from.element || !to.element) return null;
	if (to.element.kind === "enum") {
		if (from.element.kind !== "enum" && from.type !== "text[]") return null;
		const sql = `(${value})::text[]`;
		const safe =
			from.element.kind === "enum" &&
			fromLabels?.every((label) => toLabels.includes(label));
		const unknown = `EXISTS (SELECT FROM unnest(${sql}) e WHERE ${notAmong("e", toLabels)})`;
		return {
			sql,
			unfit: safe ? [] : [{ when: unknown, what: "has an unknown label" }],
			exact: true,
		};
	}
	if (from.element.kind === "enum")
		return to.type === "text[]" ? plain(`(${value})::text[]`) : null;
	return sameType(from, to) ? plain(value) : null;
}

/** character_length counts what varchar(n) counts: characters, not bytes. */
function intoText(value: string, from: ValueType, to: ValueType): Fit | null {
	if (to.base.name === "name" && !sameType(from, to)) return null;
	const known =
		from.base.kind === "enum" ||
		from.element !== null ||
		from.base.schema === "pg_catalog";
	if (!known) return null;
	const text = `(${value})::text`;
	// The modifier of varchar(n) and character(n) is n and the length word's 4 bytes.
	const limit = to.modifier === -1 ? null : to.modifier - 4;
	const fits =
		limit === null ||
		(isText(from) && from.modifier !== -1 && from.modifier - 4 <= limit);
	return {
		sql: to.base.name === "bpchar" ? `${text}::${to.type}` : text,
		unfit: fits
			? []
			: [{ when: `char_length(${text}) > ${limit}`, what: "is too long" }],
		// Padding makes texts alike that are not.
		exact: to.base.name !== "bpchar" || from.base.name === "bpchar",
	};
}

function intoInteger(value: string, from: ValueType, name: string): Fit | null {
	const to = INTEGERS[name];
	if (!to) return null;
	const source = INTEGERS[from.base.name];
	if (source)
		return {
			sql: source.rank === to.rank ? value : `(${value})::${name}`,
			unfit:
				source.rank <= to.rank
					? []
					: [outside(`(${value})`, to.least, to.most)],
			exact: true,
		};
	if (from.base.name === "numeric" && from.element === null)
		return {
			sql: `(${value})::${name}`,
			unfit: [
				// NaN is greater than any number, so it is out of range too.
				outside(`(${value})`, to.least, to.most),
				{
					when: `(${value}) <> trunc(${value})`,
					what: "is not a whole number",
				},
			],
			exact: true,
		};
	if (!isText(from)) return null;
	const number = `btrim(${value})`;
	return {
		sql: `${number}::${name}`,
		unfit: [
			malformed(number, FORMS.integer ?? "", "integer"),
			outside(`${number}::int8`, to.least, to.most),
		],
		exact: false,
	};
}

function outside(number: string, least: string, most: string): Unfit {
	return {
		when: `${number} NOT BETWEEN ${least} AND ${most}`,
		what: "is out of range",
	};
}

function malformed(text: string, form: string, type: string): Unfit {
	return {
		when: `${text} !~ ${literal(form)}`,
		what: `is not a valid ${type}`,
	};
}

function intoNumeric(
	value: string,
	from: ValueType,
	to: ValueType,
): Fit | null {
	if (sameType(from, to)) return plain(value);
	const text = isText(from);
	const whole = from.base.name in INTEGERS;
	if (!text && !whole && from.base.name !== "numeric") return null;
	const number = text
		? `btrim(${value})::numeric`
		: whole
			? // The least integer has no positive counterpart of its type.
				`(${value})::numeric`
			: `(${value})`;
	const limits = to.modifier === -1 ? null : precision(to.modifier);
	const own =
		from.base.name === "numeric" && from.modifier !== -1
			? precision(from.modifier)
			: null;
	const unfit: Unfit[] = text
		? [malformed(`btrim(${value})`, FORMS.numeric ?? "", "number")]
		: [];
	if (limits) {
		const digits = limits.precision - limits.scale;
		if (!own || own.precision - own.scale > digits)
			unfit.push({
				// Infinity does not fit a declared precision; NaN, greater than all, does.
				when: `abs(${number}) >= 1e${digits}::numeric${whole ? "" : ` AND ${number} <> 'NaN'`}`,
				what: "is out of range",
			});
		if (!whole && (!own || own.scale > limits.scale))
			unfit.push({
				when: `${number} <> round(${number}, ${limits.scale})`,
				what: `has more than ${limits.scale} decimals`,
			});
	}
	return { sql: `${number}::${to.type}`, unfit, exact: !text };
}

/** The modifier holds precision and scale (11 bits, signed since version 15) and 4. */
function precision(modifier: number): { precision: number; scale: number } {
	const packed = modifier - 4;
	return {
		precision: (packed >> 16) & 0xffff,
		scale: ((packed & 0x7ff) ^ 1024) - 1024,
	};
}

/** Units that date_trunc knows, by the decimals of a second that they leave. */
const TRUNCATED: Record<number, string> = { 0: "second", 3: "milliseconds" };

function intoInstant(
	value: string,
	from: ValueType,
	to: ValueType,
	context: FitContext,
): Fit | null {
	const name = to.base.name;
	if (from.base.name !== name || from.element !== null)
		return isText(from) ? fromText(value, to, context) : null;
	const decimals = to.modifier === -1 ? 6 : to.modifier;
	const own = from.modifier === -1 ? 6 : from.modifier;
	if (own <= decimals) return plain(value);
	const unit = TRUNCATED[decimals];
	if (!unit || name === "time" || name === "timetz") return null;
	return { sql: `date_trunc('${unit}', ${value})`, unfit: [], exact: false };
}

function fromText(
	value: string,
	to: ValueType,
	{ version }: FitContext,
): Fit | null {
	const name = to.base.name;
	const text = `btrim(${value})`;
	const form = FORMS[name];
	if (form)
		return {
			sql: `lower(${text})::${to.type}`,
			unfit: [malformed(`lower(${text})`, form, to.type)],
			exact: false,
		};
	if (version < VALIDATES_INPUT || !VALIDATED.has(name)) return null;
	const unfit: Unfit[] = [];
	// Else `now` and `tomorrow` would be good dates, of another day on each side.
	if (DATES.has(name))
		unfit.push(malformed(text, "^-?(infinity$|[0-9])", to.type));
	unfit.push({
		when: `NOT pg_input_is_valid(${value}, ${literal(to.type)})`,
		what: `is not a valid ${to.type}`,
	});
	if (name !== "timestamp" && name !== "timestamptz")
		return { sql: `(${value})::${to.type}`, unfit, exact: false };
	const unit = TRUNCATED[to.modifier];
	if (to.modifier !== -1 && !unit) return null;
	const instant = `(${value})::${name}`;
	return {
		sql: unit ? `date_trunc('${unit}', ${instant})` : instant,
		unfit,
		exact: false,
	};
}
