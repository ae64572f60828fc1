import type { Column } from "../catalog/types";
import { ident, idents } from "../sql";
import type { DraftColumn, MappedRoute } from "./compile";
import { type ValueType, wireType } from "./fit";
import type { BackWay } from "./invert";

/**
 * A route whose rows are merged into those that the receiving side has, instead of
 * taking their place: it holds more columns than travel, and finer values than the
 * other side could keep.
 */
export interface MergeRoute extends MappedRoute {
	readonly merge: Merge;
}

/** What to do with the columns of a merge route. */
export interface Merge {
	/** Columns that are written in new rows only. */
	readonly insertOnly: readonly string[];
	/**
	 * Columns that stay as they are while what the other side made of them is
	 * unchanged: then only precision has been lost (microseconds, an old label),
	 * and writing it back would make the loss real.
	 */
	readonly unlessSame: Readonly<Record<string, readonly SameImage[]>>;
	/** Columns that travel for the comparison only. */
	readonly compared: readonly string[];
}

/** The image of a row on the other side, column by column. */
export interface SameImage {
	/** Name of the travelling column that holds what the other side has now. */
	readonly travelling: string;
	/** SQL over t, the row of the receiving side: what the other side made of it. */
	readonly sql: string;
}

/** Makes a merge route of a compiled way back. */
export function mergeRoute(
	route: MappedRoute,
	way: BackWay,
	columns: readonly DraftColumn[],
): MergeRoute {
	const compared = new Map<string, { column: Column; sql: string }>();
	const unlessSame: Record<string, SameImage[]> = {};
	for (const { column, type } of columns) {
		if (way.insertOnly.includes(column.name)) continue;
		const images = (way.forward?.columns ?? []).filter((one) =>
			one.raw.reads.includes(column.name),
		);
		if (
			images.length > 0 &&
			!images.every((image) => image.exact && image.raw.column === column.name)
		) {
			unlessSame[column.name] = images.map((image) => {
				const travelling = `=${image.column.name}`;
				compared.set(travelling, {
					column: travelled(image.column, travelling),
					sql: own(image.column),
				});
				return { travelling, sql: image.sql };
			});
			continue;
		}
		const cut = images.length === 0 ? coarser(column, type) : null;
		if (cut !== null) {
			unlessSame[column.name] = [
				{
					travelling: column.name,
					sql: `date_trunc('${cut}', ${ident("t", column.name)})`,
				},
			];
		}
	}
	return {
		...route,
		columns: [
			...route.columns,
			...[...compared.values()].map(({ column, sql }) => ({ column, sql })),
		],
		merge: {
			insertOnly: way.insertOnly,
			unlessSame,
			compared: [...compared.keys()],
		},
	};
}

/** SQL for a temporary table that takes the rows of a merge route. */
export function stagingTable(route: MergeRoute, name: string): string {
	return `CREATE TEMPORARY TABLE ${ident(name)} (${route.columns
		.map(({ column }) => `${ident(column.name)} ${wireTypeOf(column)}`)
		.join(", ")})`;
}

/** What a merge works on: tables, or queries in parentheses, without alias. */
export interface MergeInput {
	/** Made by `stagingTable` and filled with the rows that came. */
	readonly staged: string;
	/** Has the key columns of the receiving side: all rows that were looked at. */
	readonly touched: string;
	/**
	 * Likewise: those among them that the other side still has and that did not
	 * fit. They keep what they have; the reject table names them.
	 */
	readonly rejected: string;
}

/**
 * The statements of a merge, in their order: rows that have gone are deleted, rows
 * that are there are updated where something changed, new ones are inserted. The
 * last gives the keys of rows that it inserted: a staged row that is in none of
 * the two collides with a row of the receiving side that never went to the other.
 */
export function mergeStatements(
	route: MergeRoute,
	{ staged, touched, rejected }: MergeInput,
): { remove: string; update: string | null; insert: string } {
	const table = ident(route.to.schema, route.to.name);
	const key = route.key?.to ?? [];
	const same = (left: string, right: string) =>
		key
			.map((name) => `${left}.${ident(name)} = ${right}.${ident(name)}`)
			.join(" AND ");
	const travelling = new Set(route.merge.compared);
	const written = route.columns
		.map(({ column }) => column)
		.filter(({ name }) => !travelling.has(name));
	const updated = written.filter(
		({ name, identity }) =>
			!key.includes(name) &&
			!route.merge.insertOnly.includes(name) &&
			identity !== "always",
	);
	const assignments = updated.map((column) => ({
		column,
		value: merged(route.merge, column),
	}));
	return {
		remove: `DELETE FROM ${table} t USING ${touched} k WHERE ${same("t", "k")}
			AND NOT EXISTS (SELECT FROM ${staged} s WHERE ${same("s", "k")})
			AND NOT EXISTS (SELECT FROM ${rejected} r WHERE ${same("r", "k")})`,
		update:
			assignments.length === 0
				? null
				: `UPDATE ${table} t SET ${assignments.map(({ column, value }) => `${ident(column.name)} = ${value}`).join(", ")}
			FROM ${staged} s WHERE ${same("t", "s")}
			AND (${assignments.map(({ column, value }) => differs(column, value)).join(" OR ")})`,
		insert: `INSERT INTO ${table} (${idents(written.map(({ name }) => name))}) OVERRIDING SYSTEM VALUE
			SELECT ${written.map((column) => `s.${ident(column.name)}${castOf(column)}`).join(", ")} FROM ${staged} s
			WHERE NOT EXISTS (SELECT FROM ${table} t WHERE ${same("t", "s")})
			ON CONFLICT DO NOTHING
			RETURNING ${key.map((name) => `${ident(name)}::text`).join(", ")}`,
	};
}

function merged({ unlessSame }: Merge, column: Column): string {
	const staged = `s.${ident(column.name)}${castOf(column)}`;
	const images = unlessSame[column.name];
	if (!images) return staged;
	const unchanged = images.map(
		({ travelling, sql }) =>
			`(${sql}) IS NOT DISTINCT FROM s.${ident(travelling)}`,
	);
	return `CASE WHEN ${unchanged.join(" AND ")} THEN ${ident("t", column.name)} ELSE ${staged} END`;
}

/** Types that know no equality. */
const WITHOUT_EQUALITY = new Set(["json", "xml", "point", "polygon"]);

function differs(column: Column, value: string): string {
	const cast = WITHOUT_EQUALITY.has((column.element ?? column.base).name)
		? "::text"
		: "";
	return `${ident("t", column.name)}${cast} IS DISTINCT FROM (${value})${cast}`;
}

/** Enums travel as text; the receiving side knows their type. */
function castOf(column: Column): string {
	return wireTypeOf(column) === column.type ? "" : `::${column.type}`;
}

function wireTypeOf(column: Column): string {
	return column.element?.kind === "enum" ? "text[]" : wireType(column);
}

/** A column of the other side that travels along, in a form that both sides know. */
function travelled(column: Column, name: string): Column {
	const type = wireTypeOf(column);
	const text = type === "text" || type === "text[]";
	return {
		...column,
		name,
		type,
		...(text && column.type !== type
			? {
					base: {
						schema: "pg_catalog",
						name: type === "text" ? "text" : "_text",
						kind: "base",
					},
					element: type === "text" ? null : TEXT,
					modifier: -1,
				}
			: {}),
	};
}

const TEXT = { schema: "pg_catalog", name: "text", kind: "base" } as const;

function own(column: Column): string {
	const type = wireTypeOf(column);
	const name = ident("t", column.name);
	return type === column.type ? name : `${name}::${type}`;
}

/** Units of date_trunc by the decimals that they leave. */
const UNITS: Record<number, string> = { 0: "second", 3: "milliseconds" };

/** The unit to which the other side cuts an instant that is written by hand; null where it keeps all. */
function coarser(column: Column, type: ValueType): string | null {
	const finest = column.modifier === -1 ? 6 : column.modifier;
	return ["timestamp", "timestamptz"].includes(column.base.name) &&
		type.base.name === column.base.name &&
		type.modifier !== -1 &&
		type.modifier < finest
		? (UNITS[type.modifier] ?? null)
		: null;
}
