import type { ClientBase } from "pg";
import { literal } from "../sql";
import { keyOf } from "./keys";
import { SERVER } from "./queries/platform";
import * as tables from "./queries/tables";
import { ENUMS, SEQUENCES } from "./queries/types";
import { References, withoutNulls } from "./references";
import type {
	Catalog,
	Column,
	Constraint,
	EnumType,
	ForeignKey,
	Index,
	Partition,
	Sequence,
	Server,
	Table,
	TypeKind,
	TypeRef,
} from "./types";

/** What says whether rows of one database fit into another: a small part of its catalog. */
export type Shape = Pick<Catalog, "server" | "tables" | "enums" | "sequences">;

/** What tables carry beside their columns. */
export type Definitions = Pick<
	Catalog,
	"constraints" | "foreignKeys" | "indexes"
>;

/** pg_type.typtype, spelled out. */
const TYPE_KINDS: Record<string, TypeKind> = {
	b: "base",
	c: "composite",
	d: "domain",
	e: "enum",
	m: "multirange",
	p: "pseudo",
	r: "range",
};

/** A row of TABLES: one with a parent is a partition. */
export type TableRow = Omit<Partition, "columns"> & { ref: string };
/** A row of COLUMNS. */
export type ColumnRow = Column & { ref: string; table: string };

/** Reads what the given schemas can hold, in one round trip. */
export async function readShape(
	client: ClientBase,
	schemas: readonly string[],
): Promise<Shape> {
	const [server, found, columns, enums, sequences] = await readTogether<
		[Server, TableRow, ColumnRow, EnumType, Sequence]
	>(client, schemas, [SERVER, tables.TABLES, tables.COLUMNS, ENUMS, SEQUENCES]);
	return {
		server: server[0] as Server,
		tables: toTables(found, columns, new References()).filter(isTable),
		...{ enums, sequences },
	};
}

/** Reads the definitions of what the given schemas' tables carry, in one round trip. */
export async function readDefinitions(
	client: ClientBase,
	schemas: readonly string[],
): Promise<Definitions> {
	const [constraints, foreignKeys, indexes] = await readTogether<
		[Constraint, ForeignKey, Index]
	>(client, schemas, [tables.CONSTRAINTS, tables.FOREIGN_KEYS, tables.INDEXES]);
	return { constraints, foreignKeys, indexes };
}

/** Whether it is a table of its own and no partition. */
export function isTable(table: Table | Partition): table is Table {
	return !("parent" in table);
}

/** Tables and partitions with their columns; notes their keys. */
export function toTables(
	found: readonly TableRow[],
	columns: readonly ColumnRow[],
	references: References,
): (Table | Partition)[] {
	const byTable = new Map<string, ColumnRow[]>();
	for (const column of columns) {
		const known = byTable.get(column.table);
		if (known) known.push(column);
		else byTable.set(column.table, [column]);
	}
	return found.map((row) => ({
		...withoutNulls(references.add(row, keyOf("table", row.schema, row.name)), [
			"parent",
			"bound",
			"partitionKey",
			"unlogged",
			"options",
			"rowSecurity",
			"replicaIdentity",
			"clusterIndex",
		]),
		columns: (byTable.get(row.ref) ?? []).map(({ table: _, ...column }) =>
			toColumn(
				references.add(
					column,
					keyOf("default", row.schema, row.name, column.name),
				),
			),
		),
	}));
}

function toColumn(column: Column): Column {
	return {
		...withoutNulls(column, [
			"inherited",
			"collation",
			"storage",
			"compression",
			"statistics",
			"options",
		]),
		base: toTypeRef(column.base),
		element: column.element && toTypeRef(column.element),
	};
}

/** A type as the catalog's queries give it, with its kind spelled out. */
export function toTypeRef(type: TypeRef): TypeRef {
	return { ...type, kind: TYPE_KINDS[type.kind] ?? "base" };
}

/** Sends queries over schemas together: over a long way, each answer takes its time. */
async function readTogether<Rows extends unknown[]>(
	client: ClientBase,
	schemas: readonly string[],
	queries: { readonly [At in keyof Rows]: string },
): Promise<{ [At in keyof Rows]: Rows[At][] }> {
	const names = `ARRAY[${schemas.map(literal).join(", ")}]::name[]`;
	const results = await client.query(
		queries.map((sql) => sql.replaceAll("$1", () => names)).join(";"),
	);
	return (results as unknown as { rows: unknown[] }[]).map(
		({ rows }) => rows,
	) as { [At in keyof Rows]: Rows[At][] };
}
