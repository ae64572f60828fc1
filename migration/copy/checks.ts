import type { ClientBase } from "pg";
import { type Catalog, SET_ENABLED, type Table } from "../catalog/types";
import { ident } from "../sql";

/** From this many rows on, an index is built faster over the loaded table than row by row. */
const REBUILD_FROM_ROWS = 10_000;

/**
 * Runs `work` inside the open transaction without triggers firing, without
 * foreign keys on the given tables and without the indexes of the large ones, then
 * puts all back as it was. Keys are checked as a whole when they come back, which
 * is faster than row by row, needs no order among the tables and lets rows refer
 * to themselves. Neither a superuser nor session_replication_role is needed:
 * owning the tables is enough.
 */
export async function withoutChecks(
	client: ClientBase,
	catalog: Catalog,
	pairs: readonly {
		readonly table: Table;
		readonly exported: { readonly rows: number };
	}[],
	work: () => Promise<void>,
): Promise<void> {
	const names = new Set(
		pairs.map(({ table }) => ident(table.schema, table.name)),
	);
	const large = new Set(
		pairs
			// A partitioned table's index would come back without its partitions'.
			.filter(
				({ table, exported }) =>
					!table.partitioned && exported.rows >= REBUILD_FROM_ROWS,
			)
			.map(({ table }) => ident(table.schema, table.name)),
	);
	const keys = catalog.foreignKeys.filter(
		(key) =>
			names.has(ident(key.schema, key.table)) ||
			names.has(ident(key.refSchema, key.refTable)),
	);
	const triggers = catalog.triggers.filter(
		({ schema, table, enabled }) =>
			enabled !== "D" && names.has(ident(schema, table)),
	);
	const indexes = catalog.indexes.filter(({ schema, table }) =>
		large.has(ident(schema, table)),
	);
	for (const { schema, table, name } of keys)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} DROP CONSTRAINT ${ident(name)}`,
		);
	for (const { schema, table, name } of triggers)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} DISABLE TRIGGER ${ident(name)}`,
		);
	for (const { schema, name } of indexes)
		await client.query(`DROP INDEX ${ident(schema, name)}`);
	await work();
	// Deferred checks of unique keys must be over before a table is altered.
	await client.query("SET CONSTRAINTS ALL IMMEDIATE");
	for (const { definition } of indexes) await client.query(definition);
	for (const { schema, table, name, enabled } of triggers)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} ${SET_ENABLED[enabled]} TRIGGER ${ident(name)}`,
		);
	for (const { schema, table, name, definition } of keys)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} ADD CONSTRAINT ${ident(name)} ${definition}`,
		);
}
