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
