/** What a database holds, as far as a copy and a proof of it need to know. */
export interface Catalog {
	readonly server: Server;
	readonly tables: readonly Table[];
	readonly enums: readonly EnumType[];
	readonly domains: readonly Domain[];
	readonly composites: readonly Composite[];
	readonly sequences: readonly Sequence[];
	readonly constraints: readonly Constraint[];
	readonly foreignKeys: readonly ForeignKey[];
	readonly indexes: readonly Index[];
	readonly triggers: readonly Trigger[];
}

export interface Server {
	/** server_version_num, for instance 150018. */
	readonly version: number;
	readonly versionText: string;
	readonly encoding: string;
	readonly database: string;
	readonly role: string;
}

export interface Table {
	readonly schema: string;
	readonly name: string;
	readonly partitioned: boolean;
	/** Our role owns it, or is a member of the role that does. */
	readonly owned: boolean;
	/** Tables that it inherits from; its rows are its own all the same. */
	readonly inherits: readonly string[];
	readonly columns: readonly Column[];
	/** Columns of the primary key in its order; null where there is none. */
	readonly primaryKey: readonly string[] | null;
	/**
	 * Columns that tell its rows apart: the primary key, else the shortest unique
	 * index over NOT NULL columns; null where there is neither.
	 */
	readonly rowKey: readonly string[] | null;
	/** The planner's estimate; -1 where the table was never analyzed. */
	readonly estimatedRows: number;
	/** Main, TOAST and map files, without indexes. */
	readonly bytes: number;
}

export type TypeKind =
	| "base"
	| "enum"
	| "domain"
	| "composite"
	| "range"
	| "multirange"
	| "pseudo";

/** A type by what decides how its values travel and hash. */
export interface TypeRef {
	readonly schema: string;
	readonly name: string;
	readonly kind: TypeKind;
}

export interface Column {
	readonly name: string;
	/** format_type, with modifiers: `numeric(5,2)`, `public.app_role[]`. */
	readonly type: string;
	/** The type under any domains. */
	readonly base: TypeRef;
	/** Type of the elements, where the base type is an array. */
	readonly element: TypeRef | null;
	/** The base type's modifier; -1 where it has none. */
	readonly modifier: number;
	readonly notNull: boolean;
	readonly default: string | null;
	/** Functions outside pg_catalog that default or generation expression call. */
	readonly needs: readonly string[];
	/** Expression of a generated column, which no copy may write. */
	readonly generated: string | null;
	readonly identity: "always" | "by default" | null;
}

export interface EnumType {
	readonly schema: string;
	readonly name: string;
	readonly labels: readonly string[];
}

export interface Domain {
	readonly schema: string;
	readonly name: string;
	readonly type: string;
	readonly notNull: boolean;
	readonly default: string | null;
	readonly checks: readonly string[];
}

export interface Composite {
	readonly schema: string;
	readonly name: string;
	readonly fields: readonly { readonly name: string; readonly type: string }[];
}

export interface Sequence {
	readonly schema: string;
	readonly name: string;
	readonly type: string;
	/** bigint values travel as text. */
	readonly start: string;
	readonly increment: string;
	readonly min: string;
	readonly max: string;
	readonly cache: string;
	readonly cycle: boolean;
	/** The serial or identity column it serves. */
	readonly ownedBy: { readonly table: string; readonly column: string } | null;
	readonly identity: boolean;
}

/** Primary key, unique, check or exclusion. */
export interface Constraint {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly kind: "primary key" | "unique" | "check" | "exclusion";
	readonly definition: string;
	/** False where the source's rows were never held against it (NOT VALID). */
	readonly validated: boolean;
	/**
	 * Definition of the index that a primary key or unique constraint can be made
	 * from (ADD CONSTRAINT … USING INDEX); null where it cannot.
	 */
	readonly index: string | null;
	/** Functions outside pg_catalog that it calls. */
	readonly needs: readonly string[];
}

export interface ForeignKey {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly columns: readonly string[];
	readonly refSchema: string;
	readonly refTable: string;
	readonly refColumns: readonly string[];
	readonly definition: string;
	readonly validated: boolean;
}

/** An index that no constraint owns. */
export interface Index {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly definition: string;
	readonly needs: readonly string[];
}

export interface Trigger {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	/** pg_trigger.tgenabled: origin, always, replica or disabled. */
	readonly enabled: "O" | "A" | "R" | "D";
	readonly definition: string;
}

/** A table's name as people write it: without the schema where that is public. */
export function tableName(table: {
	readonly schema: string;
	readonly name: string;
}): string {
	return table.schema === "public"
		? table.name
		: `${table.schema}.${table.name}`;
}
