import type { Client } from "pg";
import { readCatalog } from "../catalog/read";
import type { Catalog } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { hasRecord, readStatements } from "../copy/record";
import { withTablesLocked } from "../journal/lock";
import { ident, relationExists } from "../sql";

/**
 * Reads a database's catalog as it is meant to be: where a sync fills it, with the
 * triggers, rules and keys that it has suspended or not made yet. They are made for
 * the look and taken back in the same transaction, so the server itself says how
 * they read. Over half of the rows of a copy that was cut short some cannot be made:
 * these are missing.
 *
 * @throws MigrationError (exit 4) where sessions keep the tables for `lockTimeout`
 * milliseconds.
 */
export async function readMeantCatalog(
	address: DatabaseAddress,
	client: Client,
	schemas: readonly string[],
	lockTimeout: number,
): Promise<Catalog> {
	if (!(await relationExists(client, "cutover.suspended")))
		return readCatalog(client, schemas);
	return withConnection(address, { readOnly: false }, (session) =>
		withTablesLocked(
			address,
			session,
			[],
			"ACCESS EXCLUSIVE",
			lockTimeout,
			async () => {
				await session.query("SAVEPOINT as_it_was");
				for (const sql of await missing(session)) await make(session, sql);
				const catalog = await readCatalog(session, schemas);
				const held = await heldKeys(session);
				await session.query("ROLLBACK TO as_it_was");
				return {
					...catalog,
					foreignKeys: catalog.foreignKeys.map((key) =>
						held.has(ident(key.schema, key.table, key.name))
							? {
									...key,
									definition: key.definition.replace(/ NOT VALID$/, ""),
									validated: true,
								}
							: key,
					),
				};
			},
		),
	);
}

/** What is to be made when the sync ends, in order. */
async function missing(session: Client): Promise<string[]> {
	const statements = (await hasRecord(session))
		? await readStatements(session)
		: [];
	const { rows } = await session.query<{ back: string }>(
		`SELECT back FROM cutover.suspended WHERE back IS NOT NULL
		ORDER BY kind = 'later', position`,
	);
	return [
		...statements.filter(({ done }) => !done).map(({ sql }) => sql),
		...rows.map(({ back }) => back),
	];
}

/** Keys that are validated once they are back: no row ever came past them. */
async function heldKeys(session: Client): Promise<Set<string>> {
	const { rows } = await session.query<{
		schema: string;
		table: string;
		name: string;
	}>(
		`SELECT schema_name AS "schema", table_name AS "table", name FROM cutover.suspended
		WHERE validate IS NOT NULL`,
	);
	return new Set(
		rows.map(({ schema, table, name }) => ident(schema, table, name)),
	);
}

async function make(session: Client, sql: string): Promise<void> {
	await session.query("SAVEPOINT one");
	try {
		await session.query(sql);
	} catch (error) {
		const { code } = error as { code?: string };
		// Integrity constraints, and what hangs on one that could not be made.
		if (!code?.startsWith("23") && !code?.startsWith("42")) throw error;
		await session.query("ROLLBACK TO one");
	}
	await session.query("RELEASE one");
}
