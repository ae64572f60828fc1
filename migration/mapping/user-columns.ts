import type { ClientBase } from "pg";
import type { Catalog } from "../catalog/types";
import { tableName } from "../catalog/types";
import {
	declaredUserColumns,
	findUserColumns,
	type UserRewrite,
} from "../users/references";
import { hasAuth } from "../users/source";
import type { Mapping } from "./types";

/**
 * The source's columns that hold user ids, as people write them: by a foreign key
 * to auth.users, by the mapping's word, or by a foreign key to such a column.
 */
export function userColumnsOf(
	{ userColumns = [] }: Pick<Mapping, "userColumns">,
	catalog: Pick<Catalog, "tables" | "foreignKeys">,
): Set<string> {
	return new Set([
		...declaredUserColumns(catalog, uuidsAmong(userColumns, catalog)).map(
			nameOf,
		),
		...userColumns,
	]);
}

/**
 * Columns of uuids that hold ids of auth.users, and that nobody said so of: their
 * ids would name nobody in the new system. Reads the tables once.
 */
export async function undeclaredUserColumns(
	source: ClientBase,
	{ userColumns = [] }: Pick<Mapping, "userColumns">,
	catalog: Catalog,
): Promise<string[]> {
	if (!(await hasAuth(source))) return [];
	const found = await findUserColumns(
		source,
		catalog,
		uuidsAmong(userColumns, catalog),
	);
	return found.filter(({ reason }) => reason === "found by data").map(nameOf);
}

/** A mapping may name columns of text as well, which foreign keys never do. */
function uuidsAmong(
	names: readonly string[],
	{ tables }: Pick<Catalog, "tables">,
): string[] {
	const uuids = new Set(
		tables.flatMap((table) =>
			table.columns
				.filter(({ type }) => type === "uuid")
				.map(({ name }) => `${tableName(table)}.${name}`),
		),
	);
	return names.filter((name) => uuids.has(name));
}

function nameOf({ schema, table, column }: UserRewrite): string {
	return `${tableName({ schema, name: table })}.${column}`;
}
