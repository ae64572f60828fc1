import type { Column } from "../catalog/types";
import { ident } from "../sql";

/**
 * Built-in types whose hash tells apart whatever their output tells apart, and is
 * the same in every supported version. Not among them, and why: numeric without
 * scale (1.0 and 1.00 hash alike), jsonb (holds numerics), interval ('1 day' and
 * '24 hours' hash alike), arrays (bounds and dimensions are not hashed), enums
 * (hashed by OID), bpchar without length, and all that does not hash at all
 * (json, xml, point, bit, money, tsvector).
 */
const HASHED_AS_THEY_ARE = new Set([
	"bool",
	"bytea",
	"char",
	"cidr",
	"date",
	"inet",
	"int2",
	"int4",
	"int8",
	"macaddr",
	"macaddr8",
	"name",
	"oid",
	"text",
	"time",
	"timestamp",
	"timestamptz",
	"timetz",
	"uuid",
	"varchar",
]);

/** Hashed by their wire format: every bit counts, so 0 and -0 differ. */
const HASHED_AS_SENT: Record<string, string> = {
	float4: "float4send",
	float8: "float8send",
	interval: "interval_send",
};

/**
 * SQL of a column's contribution to the digest, exact to the stored value and
 * equal on servers of different versions and OIDs.
 */
export function digestExpression(column: Column, reference: string): string {
	const { base, element, modifier } = column;
	if (base.schema === "pg_catalog" && element === null) {
		if (HASHED_AS_THEY_ARE.has(base.name)) return reference;
		// With a declared scale every value has that scale.
		if (base.name === "numeric" && modifier !== -1) return reference;
		const send = HASHED_AS_SENT[base.name];
		if (send) return `${send}(${reference})`;
		// The cast of character(n) to text drops its padding, its output does not.
		if (base.name === "bpchar") return `bpcharsend(${reference})`;
	}
	return `${reference}::text`;
}

/**
 * SQL of one row's digest: 64 bits over all columns, in the given order.
 * `reference` gives the SQL of a column's value, by default its name under the
 * alias t.
 */
export function rowDigest(
	columns: readonly Column[],
	reference: (column: Column) => string = (column) => ident("t", column.name),
): string {
	const parts = columns.map((column) =>
		digestExpression(column, reference(column)),
	);
	return `hash_record_extended(ROW(${parts.join(", ")}), 0)`;
}
