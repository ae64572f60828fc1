import type { ClientBase } from "pg";
import type { Catalog, ForeignKey, Table, Trigger } from "../catalog/types";
import { ident } from "../sql";

const ENABLE: Record<Trigger["enabled"], string> = {
	O: "ENABLE",
	A: "ENABLE ALWAYS",
	R: "ENABLE REPLICA",
	D: "DISABLE",
};

/**
 * Runs `work` inside the open transaction without triggers firing and without
 * foreign keys on the given tables, then puts both back as they were. The keys
 * are checked as a whole when they come back, which is faster than row by row,
 * needs no order among the tables and lets rows refer to themselves. Neither a
 * superuser nor session_replication_role is needed: owning the tables is enough.
 */
export async function withoutChecks(
	client: ClientBase,
	catalog: Catalog,
	pairs: readonly { readonly table: Table }[],
	work: () => Promise<void>,
): Promise<void> {
	const names = new Set(
		pairs.map(({ table }) => ident(table.schema, table.name)),
	);
	const keys = catalog.foreignKeys.filter(
		(key) =>
			names.has(ident(key.schema, key.table)) ||
			names.has(ident(key.refSchema, key.refTable)),
	);
	const triggers = catalog.triggers.filter(
		(trigger) =>
			trigger.enabled !== "D" &&
			names.has(ident(trigger.schema, trigger.table)),
	);
	for (const key of keys)
		await client.query(
			`ALTER TABLE ${ident(key.schema, key.table)} DROP CONSTRAINT ${ident(key.name)}`,
		);
	for (const { schema, table, name } of triggers)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} DISABLE TRIGGER ${ident(name)}`,
		);
	await work();
	// Deferred checks of unique keys must be over before a table is altered.
	await client.query("SET CONSTRAINTS ALL IMMEDIATE");
	for (const { schema, table, name, enabled } of triggers)
		await client.query(
			`ALTER TABLE ${ident(schema, table)} ${ENABLE[enabled]} TRIGGER ${ident(name)}`,
		);
	for (const key of keys) await addForeignKey(client, key);
}

async function addForeignKey(
	client: ClientBase,
	key: ForeignKey,
): Promise<void> {
	await client.query(
		`ALTER TABLE ${ident(key.schema, key.table)} ADD CONSTRAINT ${ident(key.name)} ${key.definition}`,
	);
}
