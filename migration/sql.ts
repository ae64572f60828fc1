import pg from "pg";

/**
 * Quotes an SQL identifier; several parts become a qualified name:
 * `ident("public", "Odd name")` gives `"public"."Odd name"`. The one place where
 * names enter SQL.
 */
export function ident(...parts: string[]): string {
	return parts.map((part) => pg.escapeIdentifier(part)).join(".");
}

/** Quotes an SQL string, for the statements that take no parameters (COPY, DDL). */
export function literal(text: string): string {
	return pg.escapeLiteral(text);
}

/** Quotes a list of column names, separated by commas. */
export function idents(names: readonly string[]): string {
	return names.map((name) => ident(name)).join(", ");
}

/**
 * A table in a FROM clause: ONLY its own rows where others inherit from it, as
 * those are tables of their own here; a partitioned table has none but its
 * partitions'.
 */
export function fromTable(table: {
	readonly schema: string;
	readonly name: string;
	readonly partitioned: boolean;
}): string {
	const name = ident(table.schema, table.name);
	return table.partitioned ? name : `ONLY ${name}`;
}

/** Whether a table, given by its qualified and quoted name, is there. */
export async function relationExists(
	client: pg.ClientBase,
	name: string,
): Promise<boolean> {
	const { rows } = await client.query(
		'SELECT to_regclass($1) IS NOT NULL AS "exists"',
		[name],
	);
	return rows[0]?.exists === true;
}
