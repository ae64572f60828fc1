import type { ClientBase } from "pg";
import { readCatalog } from "../catalog/read";
import { toTypeRef } from "../catalog/shape";
import type { Catalog, Table } from "../catalog/types";
import { fromTable } from "../sql";
import type { ValueType } from "./fit";

/** What a mapping is held to, of one side. */
export interface Facts {
	readonly catalog: Catalog;
	readonly uniques: readonly UniqueIndex[];
}

/** The parts of a catalog that matter to a mapping. */
export type MappedCatalog = Pick<
	Catalog,
	"server" | "tables" | "enums" | "domains" | "constraints" | "foreignKeys"
>;

/** A unique index, of a constraint or by itself. */
export interface UniqueIndex {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	/** Without expressions, which have no name. */
	readonly columns: readonly string[];
	/** Over plain columns and all rows. */
	readonly plain: boolean;
}

const UNIQUES = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "table", i.relname::text AS "name",
		ARRAY (
			SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k(attnum, position)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
			WHERE k.position <= x.indnkeyatts ORDER BY k.position
		) AS "columns",
		x.indpred IS NULL AND x.indexprs IS NULL AS "plain"
	FROM pg_index x
	JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_class c ON c.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND x.indisunique AND c.relkind IN ('r', 'p') AND NOT c.relispartition
	ORDER BY 1, 2, 3
`;

/** Looks at one side: its catalog and its unique indexes. */
export async function readFacts(
	client: ClientBase,
	schemas: readonly string[] = ["public"],
): Promise<Facts> {
	const catalog = await readCatalog(client, schemas);
	const { rows } = await client.query<UniqueIndex>(UNIQUES, [schemas]);
	return { catalog, uniques: rows };
}

/** The types that expressions give, as the database that runs them says. */
export interface Described {
	/** The type of an expression over a row of the table; undefined where it failed. */
	typeOf(table: Table, sql: string): ValueType | undefined;
	/** Expressions that the database refused, with its words. */
	readonly refused: readonly {
		readonly table: Table;
		readonly sql: string;
		readonly error: string;
	}[];
}

const TYPES = `
	SELECT f.position, format_type(t.oid, f.modifier) AS "type",
		jsonb_build_object('schema', n.nspname, 'name', b.typname, 'kind', b.typtype) AS "base",
		CASE WHEN e.oid IS NOT NULL THEN
			jsonb_build_object('schema', en.nspname, 'name', e.typname, 'kind', e.typtype)
		END AS "element",
		CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE f.modifier END AS "modifier"
	FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY f(oid, modifier, position)
	JOIN pg_type t ON t.oid = f.oid
	JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
	JOIN pg_namespace n ON n.oid = b.typnamespace
	LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typsubscript = 'array_subscript_handler'::regproc
	LEFT JOIN pg_namespace en ON en.oid = e.typnamespace
	ORDER BY f.position
`;

/**
 * Tries expressions on the database, without reading a row, and gives their types.
 * One statement a table; where it fails, one an expression, to name the wrong ones.
 */
export async function describe(
	client: ClientBase,
	expressions: readonly { readonly table: Table; readonly sql: string }[],
): Promise<Described> {
	const found = new Map<Table, Map<string, ValueType>>();
	const refused: { table: Table; sql: string; error: string }[] = [];
	for (const table of new Set(expressions.map((one) => one.table))) {
		const texts = [
			...new Set(
				expressions.filter((one) => one.table === table).map(({ sql }) => sql),
			),
		];
		const types = new Map<string, ValueType>();
		found.set(table, types);
		try {
			const all = await typesOf(client, table, texts);
			for (const [index, text] of texts.entries())
				types.set(text, all[index] as ValueType);
		} catch {
			for (const sql of texts)
				try {
					const [type] = await typesOf(client, table, [sql]);
					types.set(sql, type as ValueType);
				} catch (error) {
					refused.push({ table, sql, error: (error as Error).message });
				}
		}
	}
	return {
		typeOf: (table, sql) => found.get(table)?.get(sql),
		refused,
	};
}

async function typesOf(
	client: ClientBase,
	table: Table,
	texts: readonly string[],
): Promise<ValueType[]> {
	const list = texts.map((text, index) => `(${text}) AS "${index}"`);
	// LIMIT 0 plans the whole statement and runs none of it.
	const { fields } = await client.query(
		`SELECT ${list.join(", ")} FROM ${fromTable(table)} t LIMIT 0`,
	);
	const { rows } = await client.query<ValueType>(TYPES, [
		fields.map(({ dataTypeID }) => dataTypeID),
		fields.map(({ dataTypeModifier }) => dataTypeModifier),
	]);
	return rows.map((row) => ({
		type: row.type,
		base: toTypeRef(row.base),
		element: row.element && toTypeRef(row.element),
		modifier: row.modifier,
	}));
}
