import type { ClientBase } from "pg";
import { type DatabaseAddress, withConnection } from "../connection";
import { fromTable, ident } from "../sql";
import { keyOf, routineKey } from "./keys";
import type { Catalog, Name, Routine } from "./types";

/** Rows that an expression is tried on: a strict function is not called for NULL. */
const ROWS = 1000;

/** A trial that takes longer has got past its first call. */
const TRIAL = "5s";

/** undefined_table, _function, _column, _object, invalid_schema_name */
const NOT_FOUND: readonly (string | undefined)[] = [
	"42P01",
	"42883",
	"42703",
	"42704",
	"3F000",
];

/** What the server computes by itself, by the object's key. */
interface Trial {
	readonly key: string;
	/** The select list, and what it is computed from. */
	readonly list: string;
	readonly from: string;
	/** Keys of the objects whose functions are called. */
	readonly calledBy: readonly string[];
}

/** Expressions of indexes, checks, generated columns and statistics; $1: schemas. */
const EXPRESSIONS = `
	SELECT 'index' AS "kind", ARRAY[n.nspname, i.relname]::text[] AS "names", n.nspname::text AS "schema", c.relname::text AS "table",
		concat_ws(', ', pg_get_expr(x.indexprs, x.indrelid), pg_get_expr(x.indpred, x.indrelid)) AS "list"
	FROM pg_index x
	JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_class c ON c.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL)
	UNION ALL
	SELECT 'constraint', ARRAY[n.nspname, c.relname, k.conname]::text[], n.nspname, c.relname, pg_get_expr(k.conbin, k.conrelid)
	FROM pg_constraint k
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND k.contype = 'c'
	UNION ALL
	SELECT 'default', ARRAY[n.nspname, c.relname, a.attname]::text[], n.nspname, c.relname, pg_get_expr(d.adbin, d.adrelid)
	FROM pg_attrdef d
	JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
	JOIN pg_class c ON c.oid = d.adrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1)
	UNION ALL
	SELECT 'statistics', ARRAY[n.nspname, c.relname, s.stxname]::text[], n.nspname, c.relname,
		array_to_string(pg_get_statisticsobjdef_expressions(s.oid), ', ')
	FROM pg_statistic_ext s
	JOIN pg_class c ON c.oid = s.stxrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND s.stxexprs IS NOT NULL
`;

/**
 * Finds what the target's server cannot compute by itself, by trying it on the
 * source: while indexes are built, statistics taken and materialized views
 * refreshed, PostgreSQL 17 lets functions see pg_catalog alone
 * (https://www.postgresql.org/docs/17/release-17.html#RELEASE-17-MIGRATION), and
 * rows are loaded under the same path. A function that names a table without its
 * schema fails there. Only what calls functions without a path of their own is
 * tried: mostly that is nothing.
 */
export async function tryMaintenance(
	catalog: Catalog,
	source: DatabaseAddress,
): Promise<Catalog> {
	const open = new Map(
		catalog.routines
			.filter(dependsOnPath)
			.map((routine) => [routineKey(routine.identity), routine.identity]),
	);
	const calls = (key: string) =>
		(catalog.needs[key] ?? []).flatMap((need) => open.get(need) ?? []);
	const keys = Object.keys(catalog.needs).filter(
		(key) => calls(key).length > 0,
	);
	if (keys.length === 0) return catalog;
	const unreachable: Record<string, { error: string; functions: string[] }> =
		{};
	await withConnection(source, { readOnly: true }, async (client) => {
		await client.query(`SET statement_timeout = '${TRIAL}'`);
		for (const trial of await trialsOf(client, catalog)) {
			const functions = [...new Set(trial.calledBy.flatMap(calls))];
			const error =
				functions.length > 0 ? await failureOf(client, trial) : null;
			if (error !== null) unreachable[trial.key] = { error, functions };
		}
	});
	return { ...catalog, unreachable };
}

async function trialsOf(
	client: ClientBase,
	catalog: Catalog,
): Promise<Trial[]> {
	const { rows } = await client.query<{
		kind: "index" | "constraint" | "default" | "statistics";
		names: string[];
		schema: string;
		table: string;
		list: string;
	}>(EXPRESSIONS, [catalog.schemas]);
	const partitioned = new Set(
		[...catalog.tables, ...catalog.partitions]
			.filter((table) => table.partitioned)
			.map(nameOf),
	);
	const computed = rows.map(({ kind, names, schema, table: name, list }) => ({
		key: keyOf(kind, ...names),
		calledBy: [keyOf(kind, ...names)],
		list,
		table: keyOf("table", schema, name),
		from: fromTable({
			...{ schema, name },
			partitioned: partitioned.has(nameOf({ schema, name })),
		}),
	}));
	// A function in SQL is looked into when any query of the table is planned.
	const tables = new Map(
		computed.map(({ table, from }): [string, Trial] => [
			table,
			{
				...{ key: table, list: "", from },
				calledBy: computed.flatMap((one) =>
					one.table === table ? one.calledBy : [],
				),
			},
		]),
	);
	return [
		...tables.values(),
		...computed,
		...catalog.views
			.filter(({ materialized, populated }) => materialized && populated)
			.map(({ schema, name, query }) => ({
				key: keyOf("view", schema, name),
				calledBy: [keyOf("view", schema, name)],
				list: "*",
				from: `(${query}) AS query`,
			})),
	];
}

/** The server's words where names are not found; null where it works, or takes long. */
async function failureOf(
	client: ClientBase,
	{ list, from }: Trial,
): Promise<string | null> {
	try {
		await client.query(`SELECT ${list} FROM ${from} LIMIT ${ROWS}`);
		return null;
	} catch (error) {
		const { code, message } = error as { code?: string; message: string };
		return NOT_FOUND.includes(code) ? message : null;
	}
}

/** Written in SQL or PL/pgSQL, as text, and under whatever path its caller has. */
function dependsOnPath({ definition }: Routine): boolean {
	const [body] = /\n(AS|BEGIN ATOMIC|RETURN) /.exec(definition) ?? [];
	const head = definition.slice(0, definition.indexOf(body ?? ""));
	return (
		body === "\nAS " &&
		/\n LANGUAGE (sql|plpgsql)\b/.test(head) &&
		!/\n SET search_path TO /.test(head)
	);
}

function nameOf({ schema, name }: Name): string {
	return ident(schema, name);
}
