import type { ClientBase } from "pg";
import { ident } from "../sql";

/**
 * Takes a table's statistics, without which the first queries would be planned for
 * an empty one; gives whether that came to its end. VACUUM is left to the server,
 * which comes by itself within a minute: here all would wait for it. The
 * server computes with the values, and some defeat it: for statistics of a numrange
 * it takes its length as float8, which 1e400 does not fit (22003). The source has
 * no statistics of such a column either; the rows are there all the same.
 */
export async function analyze(
	client: ClientBase,
	table: { readonly schema: string; readonly name: string },
): Promise<boolean> {
	try {
		await client.query(`ANALYZE ${ident(table.schema, table.name)}`);
		return true;
	} catch (error) {
		// Class 22: data exceptions.
		if ((error as { code?: string }).code?.startsWith("22")) return false;
		throw error;
	}
}
