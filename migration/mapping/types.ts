/**
 * The language in which a move into another schema is written down: one entry for
 * each table of the source, one value for each column of the target. It says what
 * is meant; `compile.ts` makes SQL of it and `check.ts` holds it to the live
 * databases. Names are as people write them: `units`, or `schema.units` outside
 * of public. All SQL is over the alias `t`, a row of the table that is read, and
 * is run on the side that is read, where other tables go by their qualified names.
 */
export interface Mapping {
	/** What `--mapping` calls it. */
	readonly name: string;
	/** Every table of the source. */
	readonly tables: Readonly<Record<string, TableDecision>>;
	/**
	 * Columns (`table.column`) that hold user ids though no foreign key to
	 * auth.users says so. All user ids are rewritten to the new ones, in mapped and
	 * in archived tables.
	 */
	readonly userColumns?: readonly string[];
	/** Rows that do not fit and that a person has agreed to leave behind. */
	readonly accepted?: readonly AcceptedReject[];
}

/** A person's agreement that rows with this reason stay behind, however many. */
export interface AcceptedReject {
	/** Table of the source. */
	readonly table: string;
	/** As the report words it, for instance `temperature is null`. */
	readonly reason: string;
	/** Who agreed, and why; goes into the evidence. */
	readonly note: string;
}

/** What becomes of a table of the source. */
export type TableDecision = Archive | Drop | Into;

/** Kept as it is in schema `legacy` of the target: same names, enums as text. */
export interface Archive {
	readonly kind: "archive";
	/** Columns of an archived table that are not kept, each with its reason. */
	readonly without?: Readonly<Record<string, string>>;
}

/** Left behind, for a reason that somebody else can judge. */
export interface Drop {
	readonly kind: "drop";
	readonly why: string;
}

/** Mapped to one or several tables of the target. */
export interface Into {
	readonly kind: "into";
	readonly targets: readonly TargetTable[];
	/**
	 * What becomes of the columns that no value reads. A column may also be
	 * archived though it is read, where its mapping loses something.
	 */
	readonly rest: Readonly<Record<string, Archive | Drop>>;
	/**
	 * How rows go back after the switch. `derived`: by inverting the values; a
	 * value that cannot be inverted is a mistake then. `export`: not at all; the
	 * changes are exported and named.
	 */
	readonly back: "derived" | "export" | readonly BackTable[];
}

/** One table of the target that a table of the source goes to. */
export interface TargetTable {
	readonly table: string;
	/** Values by column of the target; a column left out gets the target's default. */
	readonly columns: Readonly<Record<string, Value>>;
	/** SQL condition: rows that do not meet it are not meant to come along. */
	readonly filter?: string;
	/** Rows of other tables that the filter reads. */
	readonly dependsOn?: readonly Dependency[];
	/** Rows that are meant to come along and do not fit, beyond what types tell. */
	readonly reject?: readonly WrittenReject[];
	/** Columns of the target that carry the source's key; found where left out. */
	readonly key?: readonly string[];
	/**
	 * What to do about a unique index of the target that the source does not
	 * guarantee, by its columns (`user_id, organization_id`).
	 */
	readonly unique?: Readonly<Record<string, UniqueRule>>;
	/** Check and exclusion constraints of the target that hold anyway, and why. */
	readonly trusted?: Readonly<Record<string, string>>;
}

/** A rule of the application that no type expresses. */
export interface WrittenReject {
	/** SQL condition over t; must not fail for any row. */
	readonly when: string;
	/** Begins with a column's name, like all reasons: `device_eui is taken`. */
	readonly reason: string;
	readonly dependsOn?: readonly Dependency[];
}

/**
 * `first`: of several rows with the same values the first by this ORDER BY over t
 * comes along, the others are rejected. `trusted`: it cannot happen, and why.
 */
export type UniqueRule =
	| { readonly kind: "first"; readonly order: string }
	| { readonly kind: "trusted"; readonly why: string };

/** What goes into a column. A plain string is the column of that name. */
export type Value =
	| string
	| ColumnValue
	| LabelsValue
	| SqlValue
	| ConstantValue
	| LookupValue
	| FirstOfValue
	| DefaultValue;

interface Nullable {
	/** SQL of the value in place of NULL, for instance `'unknown'`. */
	readonly ifNull?: string;
}

interface Reference {
	/**
	 * Where the column refers to a row that does not come along: `reject` this row
	 * too, write NULL, or trust that there is none.
	 */
	readonly orphans?: "reject" | "null" | "trust";
}

/** A column of the source, cast to the type of the target's. */
export interface ColumnValue extends Nullable, Reference {
	readonly kind: "column";
	readonly name: string;
}

/** An enum (or text) by a table from old labels to new ones. */
export interface LabelsValue extends Nullable {
	readonly kind: "labels";
	readonly name: string;
	/** A label that is `reject` has no counterpart on purpose: its rows are rejected. */
	readonly labels: Readonly<Record<string, string | RejectLabel>>;
	/** From new labels to old ones, where several old ones share a new one. */
	readonly back?: Readonly<Record<string, string>>;
}

/** Marks a label without counterpart. */
export interface RejectLabel {
	readonly kind: "reject label";
}

/** Any expression over t. */
export interface SqlValue extends Nullable, Reference {
	readonly kind: "sql";
	readonly sql: string;
	/** Rows of other tables that the expression reads. */
	readonly dependsOn?: readonly Dependency[];
	/** The way back: columns of the source from the row of the target, which is t then. */
	readonly back?: Readonly<Record<string, Value>>;
}

/** The same in every row: an SQL literal. */
export interface ConstantValue {
	readonly kind: "constant";
	readonly sql: string;
}

/**
 * A column of a row of another table, found hop by hop: the first hop's `on` names
 * columns of t, each further one's columns of the hop before.
 */
export interface LookupValue extends Nullable, Reference {
	readonly kind: "lookup";
	readonly take: string;
	readonly path: readonly Hop[];
}

export interface Hop {
	readonly table: string;
	/** Columns of this table, and what they equal. */
	readonly on: Readonly<Record<string, string>>;
	/** ORDER BY over the alias l, a row of this table, where several may match. */
	readonly first?: string;
}

/** The first of several values that is not NULL. */
export interface FirstOfValue extends Reference {
	readonly kind: "first of";
	readonly values: readonly Value[];
}

/** Left to the target's default. */
export interface DefaultValue {
	readonly kind: "default";
}

/**
 * Rows of another table that an expression reads. When such a row changes, the
 * rows that read it must be sent again.
 */
export interface Dependency {
	readonly table: string;
	/** Columns of that table by which its rows are found, and the SQL over t they equal. */
	readonly match: Readonly<Record<string, string>>;
	/** Further columns of that table that the expression reads. */
	readonly reads: readonly string[];
}

/** How rows of one table of the target go back into the table of the source. */
export interface BackTable {
	/** Table of the target; the only one it was mapped to where left out. */
	readonly from?: string;
	/**
	 * Columns of the source, over and above what is derived; `keep` leaves a column
	 * as it stands, in spite of what is derived.
	 */
	readonly columns?: Readonly<Record<string, Value | Keep>>;
	/** Written in new rows only; elsewhere the source keeps what it has. */
	readonly onInsert?: Readonly<Record<string, Value>>;
	/** Condition over t, a row of the target, for it to belong to this table. */
	readonly filter?: string;
	/** Rows of other tables that the filter reads. */
	readonly dependsOn?: readonly Dependency[];
	/** Check constraints of the source that hold anyway, and why. */
	readonly trusted?: Readonly<Record<string, string>>;
	/** false: only what is written here, nothing derived. */
	readonly derive?: boolean;
}

/** Leaves a column of the source as it stands. */
export interface Keep {
	readonly kind: "keep";
}
