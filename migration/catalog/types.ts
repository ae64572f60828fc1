import { ident } from "../sql";
import type { Needs } from "./keys";

/**
 * What a database holds, as far as a copy, a proof of it and the making of the
 * same schema elsewhere need to know. Plain data: an export carries it as JSON.
 */
export interface Catalog {
	readonly server: Server;
	/** Those that were asked for and those that extensions live in. */
	readonly schemas: readonly string[];
	readonly extensions: readonly Extension[];
	/** Ordinary and partitioned tables; partitions stand apart. */
	readonly tables: readonly Table[];
	/** Partitions of all levels; parents come before their children. */
	readonly partitions: readonly Partition[];
	readonly enums: readonly EnumType[];
	readonly domains: readonly Domain[];
	readonly composites: readonly Composite[];
	readonly ranges: readonly Range[];
	readonly sequences: readonly Sequence[];
	readonly constraints: readonly Constraint[];
	readonly foreignKeys: readonly ForeignKey[];
	readonly indexes: readonly Index[];
	readonly statistics: readonly TableObject[];
	readonly views: readonly View[];
	readonly routines: readonly Routine[];
	readonly triggers: readonly Trigger[];
	readonly rules: readonly TableObject[];
	readonly policies: readonly TableObject[];
	readonly comments: readonly Comment[];
	/** Objects of kinds that our own DDL does not write. */
	readonly others: readonly OtherObject[];
	readonly platform: Platform;
	/** What must exist before an object can be made. */
	readonly needs: Needs;
	/** What the target's server could not compute by itself, by key: see tryMaintenance. */
	readonly unreachable?: Readonly<
		Record<
			string,
			{ readonly error: string; readonly functions: readonly string[] }
		>
	>;
}

export interface Server {
	/** server_version_num, for instance 150018. */
	readonly version: number;
	readonly versionText: string;
	readonly encoding: string;
	readonly database: string;
	readonly role: string;
}

export interface Name {
	readonly schema: string;
	readonly name: string;
}

export interface Extension {
	readonly name: string;
	readonly version: string;
	readonly schema: string;
}

export interface Table {
	readonly schema: string;
	readonly name: string;
	readonly partitioned: boolean;
	/** Our role owns it, or is a member of the role that does. */
	readonly owned: boolean;
	/** Tables that it inherits from, quoted; its rows are its own all the same. */
	readonly inherits: readonly string[];
	readonly columns: readonly Column[];
	/** Columns of the primary key in its order; null where there is none. */
	readonly primaryKey: readonly string[] | null;
	/**
	 * Columns that tell its rows apart: the primary key, else the shortest unique
	 * index over NOT NULL columns; null where there is neither.
	 */
	readonly rowKey: readonly string[] | null;
	/** The planner's estimate, of a partitioned table its partitions'; -1 where unknown. */
	readonly estimatedRows: number;
	/** Main, TOAST and map files, without indexes; of all partitions together. */
	readonly bytes: number;
	/** Strategy and columns of a partitioned table: `RANGE (at)`. */
	readonly partitionKey?: string;
	readonly unlogged?: true;
	/** Storage parameters: `fillfactor=70`, `toast.autovacuum_enabled=false`. */
	readonly options?: readonly string[];
	readonly rowSecurity?: "enabled" | "forced";
	/** Only where it is not the primary key. */
	readonly replicaIdentity?: "full" | "nothing" | { readonly index: string };
	/** The index that CLUSTER goes by. */
	readonly clusterIndex?: string;
}

export interface Partition extends Table {
	/** The partitioned table that it is a part of, itself perhaps a partition. */
	readonly parent: Name;
	/** `FOR VALUES FROM (…) TO (…)` or `DEFAULT`. */
	readonly bound: string;
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
	/** Expression of a generated column, which no copy may write. */
	readonly generated: string | null;
	readonly identity: "always" | "by default" | null;
	/** Only from a table that this one inherits from. */
	readonly inherited?: true;
	/** Quoted; only where it is not the type's own. */
	readonly collation?: string;
	/** PLAIN, MAIN, EXTERNAL or EXTENDED; only where it is not the type's own. */
	readonly storage?: string;
	/** pglz or lz4; only where it is set. */
	readonly compression?: string;
	/** SET STATISTICS; only where it is set. */
	readonly statistics?: number;
	/** Planner's hints: `n_distinct=5`. */
	readonly options?: readonly string[];
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
	/** Quoted; only where it is not the type's own. */
	readonly collation?: string;
	readonly notNull: boolean;
	readonly default: string | null;
	readonly checks: readonly {
		readonly name: string;
		readonly definition: string;
	}[];
}

export interface Composite {
	readonly schema: string;
	readonly name: string;
	readonly fields: readonly {
		readonly name: string;
		readonly type: string;
		readonly collation?: string;
	}[];
}

export interface Range {
	readonly schema: string;
	readonly name: string;
	readonly subtype: string;
	/** Quoted, as all names below. */
	readonly operatorClass: string;
	readonly collation?: string;
	readonly canonical?: string;
	readonly difference?: string;
	readonly multirange: string;
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
	/** Only from a parent: a table that this one inherits from or is a partition of. */
	readonly inherited: boolean;
	/**
	 * Definition of the index that a primary key or unique constraint can be made
	 * from (ADD CONSTRAINT … USING INDEX); null where it cannot.
	 */
	readonly index: string | null;
	/** The partitioned table's index that its index is a part of. */
	readonly partOf: Name | null;
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
	/** A table, a partition or a materialized view. */
	readonly table: string;
	readonly name: string;
	/** Of a partitioned table's index: ON ONLY, without its partitions' indexes. */
	readonly definition: string;
	/** False where its build failed on the source: it serves no query there. */
	readonly valid: boolean;
	/** The partitioned table's index that it is a part of. */
	readonly partOf: Name | null;
}

/** What belongs to one table or view and is made by one statement. */
export interface TableObject {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	/** The whole statement, without semicolon. */
	readonly definition: string;
}

/** pg_trigger.tgenabled and pg_rewrite.ev_enabled: origin, always, replica or disabled. */
export type Enabled = "O" | "A" | "R" | "D";

/** How ALTER TABLE sets it, before TRIGGER or RULE. */
export const SET_ENABLED: Readonly<Record<Enabled, string>> = {
	O: "ENABLE",
	A: "ENABLE ALWAYS",
	R: "ENABLE REPLICA",
	D: "DISABLE",
};

export interface Trigger extends TableObject {
	readonly enabled: Enabled;
	/** The function it calls, with argument types: `public.touch()`. */
	readonly calls: string;
}

export interface View {
	readonly schema: string;
	readonly name: string;
	readonly materialized: boolean;
	/** Of a materialized view: it held rows. */
	readonly populated: boolean;
	/** Its query, without semicolon. */
	readonly query: string;
	readonly options?: readonly string[];
	/** What INSERT through the view fills in. */
	readonly defaults: readonly {
		readonly column: string;
		readonly expression: string;
	}[];
}

export interface Routine {
	readonly schema: string;
	readonly name: string;
	/** Qualified, quoted, with argument types: `public.f(integer)`. */
	readonly identity: string;
	/** The whole statement. */
	readonly definition: string;
	/** Only superusers may make it (untrusted language, leakproof, support function). */
	readonly superuser: boolean;
	/** Its owner has taken EXECUTE from PUBLIC. */
	readonly restricted: boolean;
}

export interface Comment {
	/** What follows COMMENT ON: `COLUMN public.t.c`. */
	readonly on: string;
	readonly text: string;
	/** The object's key. */
	readonly key: string;
}

export interface OtherObject {
	/** As pg_identify_object says it: `aggregate`, `text search configuration`. */
	readonly kind: string;
	readonly identity: string;
	/** OIDs of its catalog and of itself on the source, by which pg_dump knows it. */
	readonly oids: string;
	/** The statements that make it, once a tool has told them. */
	readonly statements: readonly string[] | null;
}

/** What a database holds beside its schema, and no copy of a schema brings. */
export interface Platform {
	/** Scheduled jobs of pg_cron, without their commands, which may hold secrets. */
	readonly jobs: readonly {
		readonly id: string;
		readonly name: string | null;
		readonly schedule: string;
		readonly active: boolean;
	}[];
	/** Roles other than the owner that may use objects of the schemas. */
	readonly grants: readonly {
		readonly role: string;
		readonly objects: number;
	}[];
	/** ALTER DATABASE … SET and ALTER ROLE … SET for our role: `search_path=…`. */
	readonly settings: readonly {
		readonly role: string | null;
		readonly setting: string;
	}[];
	readonly largeObjects: number;
	/** Schemas that the server has and the catalog leaves out. */
	readonly otherSchemas: readonly string[];
}

/**
 * A table's name as people write it: without the schema where that is public. No
 * two tables share one: a part that has a dot or begins with a quote is quoted.
 */
export function tableName({
	schema,
	name,
}: {
	readonly schema: string;
	readonly name: string;
}): string {
	const parts = schema === "public" ? [name] : [schema, name];
	return parts
		.map((part) => (/^"|\./.test(part) ? ident(part) : part))
		.join(".");
}
