import type { ClientBase } from "pg";

/**
 * Runs an ANALYZE or VACUUM (ANALYZE); gives whether it came to its end. The
 * server computes with the values, and some defeat it: for statistics of a numrange
 * it takes its length as float8, which 1e400 does not fit (22003). The source has
 * no statistics of such a column either; the rows are there all the same.
 */
export async function analyze(
	client: ClientBase,
	statement: string,
): Promise<boolean> {
	try {
		await client.query(statement);
		return true;
	} catch (error) {
		// Class 22: data exceptions.
		if ((error as { code?: string }).code?.startsWith("22")) return false;
		throw error;
	}
}
