import type { Column, TypeRef } from "../catalog/types";

/** Wire format of a table's COPY, the same on both sides. */
export type CopyFormat = "binary" | "text";

/**
 * Built-in types whose binary form carries OIDs of one server, is missing, or is
 * not taken by the server that sent it: an empty int2vector or oidvector.
 */
const NOT_PORTABLE = new Set([
	"aclitem",
	"int2vector",
	"oidvector",
	"regclass",
	"regcollation",
	"regconfig",
	"regdictionary",
	"regnamespace",
	"regoper",
	"regoperator",
	"regproc",
	"regprocedure",
	"regrole",
	"regtype",
	"record",
]);

/**
 * Chooses the format of a table's COPY. Binary takes half the time of text and is
 * the rule; text where a column's binary form holds OIDs, which differ between
 * databases: arrays carry their element type's OID, composite values those of
 * their fields. An enum alone travels as its label. Types of extensions go as
 * text, as their versions may differ.
 */
export function copyFormat(columns: readonly Column[]): CopyFormat {
	return columns.every(isBinaryPortable) ? "binary" : "text";
}

function isBinaryPortable(column: Column): boolean {
	if (NOT_PORTABLE.has(column.base.name)) return false;
	if (column.element) return isBuiltIn(column.element);
	return column.base.kind === "enum" || isBuiltIn(column.base);
}

function isBuiltIn(type: TypeRef): boolean {
	return type.schema === "pg_catalog" && !NOT_PORTABLE.has(type.name);
}

/** The columns that a copy carries: all but the generated ones. */
export function copiedColumns(columns: readonly Column[]): Column[] {
	return columns.filter((column) => column.generated === null);
}
