import { type Definition, definitionsOf } from "../catalog/definitions";
import { keyOf } from "../catalog/keys";
import type { Catalog } from "../catalog/types";
import { ident, literal } from "../sql";

/** A table that is going to be filled, and how much is coming. */
export interface Filled {
	readonly schema: string;
	readonly name: string;
	/** Of the table that it is filled from. */
	readonly bytes: number;
}

/**
 * From this size on, indexes are built faster over the loaded table than row by
 * row; below it a rebuilding costs more in round trips than it gains.
 */
const REBUILD_FROM_BYTES = 4_000_000;

const BUILT_AFTERWARDS: readonly Definition["kind"][] = [
	"primary key",
	"unique",
	"exclusion",
	"index",
];

/**
 * What to take away from tables that are there already before they are filled, and
 * the definitions that make it again: all foreign keys that touch them, as rows
 * come in any order, and the keys and indexes of the large ones. `drops` are
 * statements in a valid order.
 */
export function strip(
	catalog: Catalog,
	filled: readonly Filled[],
): { readonly drops: string[]; readonly definitions: Definition[] } {
	const sizes = new Map(
		filled.map(({ schema, name, bytes }) => [ident(schema, name), bytes]),
	);
	const touched = new Set(
		catalog.foreignKeys
			.filter(
				(key) =>
					sizes.has(ident(key.schema, key.table)) ||
					sizes.has(ident(key.refSchema, key.refTable)),
			)
			.map((key) => ident(key.schema, key.table, key.name)),
	);
	const partitioned = new Set(
		catalog.tables
			.filter((table) => table.partitioned)
			.map(({ schema, name }) => ident(schema, name)),
	);
	const definitions = definitionsOf(catalog).filter(
		({ kind, schema, table, name }) =>
			kind === "foreign key"
				? touched.has(ident(schema, table, name))
				: BUILT_AFTERWARDS.includes(kind) &&
					!partitioned.has(ident(schema, table)) &&
					(sizes.get(ident(schema, table)) ?? 0) >= REBUILD_FROM_BYTES,
	);
	const drops = definitions.map(({ kind, schema, table, name }) =>
		kind === "index"
			? `DROP INDEX ${ident(schema, name)}`
			: `ALTER TABLE ${ident(schema, table)} DROP CONSTRAINT ${ident(name)}`,
	);
	const comments = catalog.comments.filter(({ key }) =>
		definitions.some(({ kind, schema, table, name }) =>
			kind === "index"
				? key === keyOf("index", schema, name)
				: key === keyOf("constraint", schema, table, name),
		),
	);
	// Foreign keys hang on the keys they refer to.
	const first = definitions.map(({ kind }) => kind === "foreign key");
	return {
		drops: [
			...drops.filter((_, index) => first[index]),
			...drops.filter((_, index) => !first[index]),
		],
		definitions: [
			...definitions,
			...comments.map(
				({ on, text }): Definition => ({
					kind: "comment",
					schema: "",
					table: "",
					name: on,
					statements: [
						{ phase: "last", sql: `COMMENT ON ${on} IS ${literal(text)}` },
					],
				}),
			),
		],
	};
}
