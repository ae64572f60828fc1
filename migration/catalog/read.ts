import type { ClientBase } from "pg";
import * as queries from "./queries";
import type {
	Catalog,
	Column,
	Composite,
	Constraint,
	Domain,
	EnumType,
	ForeignKey,
	Index,
	Sequence,
	Server,
	Table,
	Trigger,
	TypeKind,
	TypeRef,
} from "./types";

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

type TableRow = Omit<Table, "columns"> & { oid: string };
type ColumnRow = Column & { table: string };

/**
 * Reads what the given schemas hold from the live database, never from migration
 * files, as production drifts from them.
 */
export async function readCatalog(
	client: ClientBase,
	schemas: readonly string[] = ["public"],
): Promise<Catalog> {
	const rows = async <T>(sql: string): Promise<T[]> =>
		(await client.query(sql, [schemas])).rows;

	const tables = await rows<TableRow>(queries.TABLES);
	const columns = await rows<ColumnRow>(queries.COLUMNS);
	return {
		server: await readServer(client),
		tables: tables.map(({ oid, ...table }) => ({
			...table,
			columns: columns.filter((column) => column.table === oid).map(toColumn),
		})),
		enums: await rows<EnumType>(queries.ENUMS),
		domains: await rows<Domain>(queries.DOMAINS),
		composites: await rows<Composite>(queries.COMPOSITES),
		sequences: await rows<Sequence>(queries.SEQUENCES),
		constraints: await rows<Constraint>(queries.CONSTRAINTS),
		foreignKeys: await rows<ForeignKey>(queries.FOREIGN_KEYS),
		indexes: await rows<Index>(queries.INDEXES),
		triggers: await rows<Trigger>(queries.TRIGGERS),
	};
}

/** Reads version, encoding, database and role of a session. */
export async function readServer(client: ClientBase): Promise<Server> {
	return (await client.query<Server>(queries.SERVER)).rows[0] as Server;
}

function toColumn({ table: _, ...column }: ColumnRow): Column {
	return {
		...column,
		base: toTypeRef(column.base),
		element: column.element && toTypeRef(column.element),
	};
}

function toTypeRef(type: TypeRef): TypeRef {
	return { ...type, kind: TYPE_KINDS[type.kind] ?? "base" };
}
