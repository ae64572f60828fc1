import { type Column, type ForeignKey, tableName } from "../catalog/types";
import { ident, idents, literal } from "../sql";
import type { MappedRoute } from "./compile";
import type { DraftColumn } from "./draft";
import type { Facts } from "./facts";
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
	/** Unique indexes of the receiving side besides that of the key, by their columns. */
	readonly uniques: readonly (readonly string[])[];
	/** Foreign keys of the receiving side over columns that are written. */
	readonly parents: readonly ForeignKey[];
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
	receiving: Facts,
): MergeRoute {
	const compared = new Map<string, { column: Column; sql: string }>();
	const unlessSame: Record<string, SameImage[]> = {};
	for (const { column, type, exact } of columns) {
		if (way.insertOnly.includes(column.name)) continue;
		const images = (way.forward?.columns ?? []).filter((one) =>
			one.raw.reads.includes(column.name),
		);
		if (
			images.length > 0 &&
			!(
				exact &&
				images.every((image) => image.exact && image.raw.column === column.name)
			)
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
			uniques: receiving.uniques
				.filter(
					(one) =>
						one.plain &&
						one.schema === route.to.schema &&
						one.table === route.to.name &&
						!one.columns.every((name) => route.key?.to.includes(name)),
				)
				.map((one) => one.columns),
			parents: receiving.catalog.foreignKeys.filter(
				(one) =>
					one.schema === route.to.schema &&
					one.table === route.to.name &&
					// Users are looked up in the map: see parents.ts.
					one.refSchema !== "auth" &&
					one.columns.every((name) =>
						columns.some(({ column }) => column.name === name),
					),
			),
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
	/** Its column with the key as the side that is read has it: `text[]`. */
	readonly journalKey: string;
	/**
	 * Likewise: those among them that the other side still has and that did not
	 * fit. They keep what they have; the reject table names them.
	 */
	readonly rejected: string;
}

/** Statements of a merge, to be run in this order in one transaction. */
export interface MergeStatements {
	/** Deletes the rows that the other side no longer has. */
	readonly remove: string;
	/** Updates the rows in which something changed; null where nothing can. */
	readonly update: string | null;
	/** Inserts the rows that are new. */
	readonly insert: string;
	/**
	 * Notes the rows that did not arrive: one would collide, in a unique index, with
	 * a row that never went to the other side, or lacks what only new rows need.
	 */
	readonly note: string;
}

/** The statements that merge what came into the receiving side's table. */
export function mergeStatements(
	route: MergeRoute,
	{ staged, touched, journalKey, rejected }: MergeInput,
): MergeStatements {
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
	const assignments = written
		.filter(
			({ name, identity }) =>
				!key.includes(name) &&
				!route.merge.insertOnly.includes(name) &&
				identity !== "always",
		)
		.map((column) => ({ column, value: merged(route.merge, column) }));
	const missing = `NOT EXISTS (SELECT FROM ${table} t WHERE ${same("t", "s")})`;
	const needed = written.filter(
		({ name, notNull }) => notNull && route.merge.insertOnly.includes(name),
	);
	const complete = needed.map(({ name }) => `s.${ident(name)} IS NOT NULL`);
	const changed = assignments
		.map(({ column, value }) => differs(column, value))
		.join(" OR ");
	const after = (name: string) =>
		assignments.find(({ column }) => column.name === name)?.value ??
		ident("t", name);
	const free = route.merge.uniques.map((names) => {
		const values = names.map((name) => `o.${ident(name)} = ${after(name)}`);
		return `NOT EXISTS (SELECT FROM ${table} o WHERE ${values.join(" AND ")} AND NOT (${same("o", "t")}))`;
	});
	const parents = route.merge.parents.map((one) => ({
		reason: `${one.columns.join(", ")} has no parent`,
		updated: hasParent(one, after),
		inserted: hasParent(
			one,
			(name) =>
				`s.${ident(name)}${castOf(written.find((column) => column.name === name) as Column)}`,
		),
	}));
	const update = [
		`(${changed})`,
		...free,
		...parents.map(({ updated }) => updated),
	];
	const blocked = [...free, ...parents.map(({ updated }) => updated)];
	const reasons = [
		...needed.map(
			({ name }) =>
				`WHEN s.${ident(name)} IS NULL AND ${missing} THEN ${literal(`${name} is null`)}`,
		),
		...parents.map(
			({ reason, inserted }) => `WHEN NOT ${inserted} THEN ${literal(reason)}`,
		),
		`WHEN true THEN ${literal(COLLIDES)}`,
	];
	return {
		remove: `DELETE FROM ${table} t USING ${touched} k WHERE ${same("t", "k")}
			AND NOT EXISTS (SELECT FROM ${staged} s WHERE ${same("s", "k")})
			AND NOT EXISTS (SELECT FROM ${rejected} r WHERE ${same("r", "k")})`,
		update:
			changed === ""
				? null
				: `UPDATE ${table} t SET ${assignments.map(({ column, value }) => `${ident(column.name)} = ${value}`).join(", ")}
			FROM ${staged} s WHERE ${[same("t", "s"), ...update].join(" AND ")}`,
		insert: `INSERT INTO ${table} (${idents(written.map(({ name }) => name))}) OVERRIDING SYSTEM VALUE
			SELECT ${written.map((column) => `s.${ident(column.name)}${castOf(column)}`).join(", ")} FROM ${staged} s
			WHERE ${[missing, ...complete, ...parents.map(({ inserted }) => inserted)].join(" AND ")}
			ON CONFLICT DO NOTHING`,
		note: `INSERT INTO cutover.reject (route, from_table, key, reason, "row")
			SELECT ${literal(route.label)}, ${literal(tableName(route.from))},
				k.${ident(journalKey)}, CASE ${reasons.join(" ")} END, to_jsonb(s)
			FROM ${staged} s JOIN ${touched} k ON ${same("s", "k")}
			WHERE ${missing}${
				changed === "" || blocked.length === 0
					? ""
					: ` OR EXISTS (SELECT FROM ${table} t WHERE ${same("t", "s")} AND (${changed}) AND NOT (${blocked.join(" AND ")}))`
			}`,
	};
}

/** Condition for a key's parent to be there; `value` gives the SQL of a column. */
function hasParent(
	{ columns, refSchema, refTable, refColumns }: ForeignKey,
	value: (name: string) => string,
): string {
	const empty = columns.map((name) => `(${value(name)}) IS NULL`);
	const match = columns.map(
		(name, index) => `p.${ident(refColumns[index] ?? "")} = ${value(name)}`,
	);
	return `(${empty.join(" OR ")} OR EXISTS (SELECT FROM ${ident(refSchema, refTable)} p WHERE ${match.join(" AND ")}))`;
}

/** Orders routes so that the rows that others refer to are written before those. */
export function parentsFirst<R extends MappedRoute>(
	routes: readonly R[],
	foreignKeys: readonly ForeignKey[],
): R[] {
	const ordered = new Set<R>();
	const visit = (route: R, above: readonly R[]) => {
		if (ordered.has(route) || above.includes(route)) return;
		for (const key of foreignKeys)
			if (key.schema === route.to.schema && key.table === route.to.name)
				for (const parent of routes)
					if (
						parent.to.schema === key.refSchema &&
						parent.to.name === key.refTable
					)
						visit(parent, [...above, route]);
		ordered.add(route);
	};
	for (const route of routes) visit(route, []);
	return [...ordered];
}

/** Why a row did not arrive that fits: the reason has no column, as an index may have several. */
const COLLIDES = "row collides with one that never came along";

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
