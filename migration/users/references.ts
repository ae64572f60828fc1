import type { ClientBase } from "pg";
import {
	type Catalog,
	type ForeignKey,
	type Table,
	tableName,
} from "../catalog/types";
import { MigrationError } from "../errors";
import { fromTable, ident } from "../sql";

/** A column that holds user ids, which an import rewrites to the new ones. */
export interface UserRewrite {
	readonly schema: string;
	readonly table: string;
	readonly column: string;
	/** How it was found. */
	readonly reason: "foreign key" | "named" | "found by data";
}

/**
 * Columns that hold user ids by declaration: a foreign key to auth.users, a name
 * given by the operator (`table.column`), or a foreign key to such a column. `known`
 * ones are taken for such as well.
 */
export function declaredUserColumns(
	catalog: Pick<Catalog, "foreignKeys" | "tables">,
	named: readonly string[] = [],
	known: readonly UserRewrite[] = [],
): UserRewrite[] {
	const found = new Map<string, UserRewrite>();
	const add = (rewrite: UserRewrite): boolean => {
		const key = ident(rewrite.schema, rewrite.table, rewrite.column);
		if (found.has(key)) return false;
		found.set(key, rewrite);
		return true;
	};
	for (const name of named) add(namedColumn(catalog.tables, name));
	for (const rewrite of known) add(rewrite);
	for (const key of catalog.foreignKeys) {
		const column = referencing(key, "auth", "users", "id");
		if (column) add({ ...keyColumn(key, column), reason: "foreign key" });
	}
	return closure(catalog.foreignKeys, found, add);
}

/**
 * Adds the columns that nobody declared but that hold at least one id of
 * auth.users: an id copied unchanged would name nobody in the new system. Ids are
 * random 128-bit numbers, so one match is proof. Looks only at uuid columns
 * without a foreign key of their own.
 */
export async function findUserColumns(
	client: ClientBase,
	catalog: Catalog,
	named: readonly string[],
): Promise<UserRewrite[]> {
	const declared = declaredUserColumns(catalog, named);
	const found: UserRewrite[] = [];
	for (const table of catalog.tables) {
		const candidates = table.columns.filter(
			(column) =>
				column.type === "uuid" &&
				column.generated === null &&
				!isRewritten(declared, table, column.name) &&
				!catalog.foreignKeys.some(
					(key) =>
						key.schema === table.schema &&
						key.table === table.name &&
						key.columns.includes(column.name),
				),
		);
		if (candidates.length === 0) continue;
		// One pass over the table for all its candidates.
		const { rows } = await client.query<Record<string, boolean>>(`
			SELECT ${candidates
				.map(
					(column, index) =>
						`coalesce(bool_or(${ident("t", column.name)} IN (SELECT id FROM auth.users)), false) AS "${index}"`,
				)
				.join(", ")}
			FROM ${ident(table.schema, table.name)} t
		`);
		for (const [index, column] of candidates.entries())
			if (rows[0]?.[String(index)])
				found.push({
					...{ schema: table.schema, table: table.name, column: column.name },
					reason: "found by data",
				});
	}
	return declaredUserColumns(catalog, named, found);
}

/** Rows of a table that are looked at for ids in text: enough to notice, few enough for any table. */
const TEXT_SAMPLE_ROWS = 10_000;

/**
 * Text columns that hold at least one user id among a table's first 10,000 rows. Such
 * ids are never rewritten by themselves: a text may hold other things beside, and may
 * be meant to stay as it is. A person decides, and maps the column where it matters.
 */
export async function findTextUserColumns(
	client: ClientBase,
	{ tables }: Pick<Catalog, "tables">,
): Promise<string[]> {
	const found: string[] = [];
	for (const table of tables) {
		const candidates = table.columns.filter(
			({ base, element }) =>
				element === null &&
				base.schema === "pg_catalog" &&
				["text", "varchar", "bpchar"].includes(base.name),
		);
		if (candidates.length === 0) continue;
		const { rows } = await client.query<Record<string, boolean>>(`
			WITH ids AS MATERIALIZED (SELECT id::text FROM auth.users)
			SELECT ${candidates
				.map(
					({ name }, index) =>
						`coalesce(bool_or(${ident("t", name)}::text IN (SELECT id FROM ids)), false) AS "${index}"`,
				)
				.join(", ")}
			FROM (SELECT * FROM ${fromTable(table)} LIMIT ${TEXT_SAMPLE_ROWS}) t
		`);
		for (const [index, { name }] of candidates.entries())
			if (rows[0]?.[String(index)]) found.push(`${tableName(table)}.${name}`);
	}
	return found;
}

/** Whether a table's column is among the rewritten ones. */
export function isRewritten(
	rewrites: readonly UserRewrite[],
	table: { readonly schema: string; readonly name: string },
	column: string,
): boolean {
	return rewrites.some(
		(rewrite) =>
			rewrite.schema === table.schema &&
			rewrite.table === table.name &&
			rewrite.column === column,
	);
}

function closure(
	foreignKeys: readonly ForeignKey[],
	found: Map<string, UserRewrite>,
	add: (rewrite: UserRewrite) => boolean,
): UserRewrite[] {
	let grown = true;
	while (grown) {
		grown = false;
		for (const target of [...found.values()])
			for (const key of foreignKeys) {
				const column = referencing(
					key,
					target.schema,
					target.table,
					target.column,
				);
				if (column && add({ ...keyColumn(key, column), reason: "foreign key" }))
					grown = true;
			}
	}
	return [...found.values()].sort((a, b) =>
		ident(a.schema, a.table, a.column) < ident(b.schema, b.table, b.column)
			? -1
			: 1,
	);
}

/** The key's column that points at the given one, if any. */
function referencing(
	key: ForeignKey,
	schema: string,
	table: string,
	column: string,
): string | undefined {
	if (key.refSchema !== schema || key.refTable !== table) return undefined;
	return key.columns[key.refColumns.indexOf(column)];
}

function keyColumn(key: ForeignKey, column: string) {
	return { schema: key.schema, table: key.table, column };
}

function namedColumn(tables: readonly Table[], name: string): UserRewrite {
	for (const table of tables)
		for (const column of table.columns) {
			const full = `${tableName(table)}.${column.name}`;
			if (name !== full && name !== `public.${full}`) continue;
			if (column.type === "uuid")
				return {
					schema: table.schema,
					table: table.name,
					column: column.name,
					reason: "named",
				};
			throw new MigrationError({
				expected: `${name} to be of type uuid, as user ids are`,
				found: column.type,
				fix: "correct --user-column",
			});
		}
	throw new MigrationError({
		expected: `a column called ${name} in the source`,
		found: "none",
		fix: "correct --user-column (table.column)",
	});
}
