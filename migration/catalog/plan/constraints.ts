import { keyOf, plainName } from "../keys";
import {
	constraintDefinition,
	foreignKeyDefinition,
	indexDefinition,
} from "../make/constraints";
import { tableSettings } from "../make/tables";
import type { Constraint, ForeignKey, Index, Name } from "../types";
import { type Context, constraintKey, type OfTable, tableKey } from "./context";
import { inlineChecks } from "./tables";

/** Keys, checks and exclusions; those of partitions before those of their parents. */
export function addConstraints(context: Context): void {
	const inline = new Set(
		[...context.tables.values()].flatMap((table) =>
			inlineChecks(context, table),
		),
	);
	for (const constraint of innermostFirst(context, context.catalog.constraints))
		addConstraint(context, constraint, inline.has(constraint));
}

/** Indexes of tables; those of partitions before those of their parents. */
export function addIndexes(context: Context): void {
	for (const index of innermostFirst(context, context.catalog.indexes)) {
		const table = context.tableOf(index);
		if (table) addIndex(context, index, table.partitioned ? "attach" : "index");
	}
	for (const table of context.tables.values()) {
		const statements = tableSettings(table);
		const { schema, name } = table;
		if (statements.length > 0)
			context.items.add({
				key: `index settings of ${tableKey(table)}`,
				title: `index settings of ${tableKey(table)}`,
				schema,
				table: name,
				needs: [tableKey(table)],
				definition: {
					kind: "index",
					schema,
					table: name,
					name,
					statements: statements.map((sql) => ({ phase: "key", sql })),
				},
			});
	}
}

/** Foreign keys, as far as the table that they refer to comes along. */
export function addForeignKeys(context: Context): void {
	for (const key of context.catalog.foreignKeys) addForeignKey(context, key);
}

/** One index of a table or, in the phase `last`, of a materialized view. */
export function addIndex(
	context: Context,
	index: Index,
	phase: "index" | "attach" | "last",
): void {
	const { schema, table, name, valid } = index;
	const key = keyOf("index", schema, name);
	context.items.add({
		key,
		title: `index ${plainName(name)} on ${plainName(schema, table)}`,
		schema,
		table,
		needs: context.needs(key),
		definition: indexDefinition(index, phase, partsOf(context, index)),
		obstacle: valid
			? context.unreachable(key)
			: {
					why: "its build failed on the source, where it serves no query either",
					todo: "drop or rebuild it there",
				},
	});
}

function addConstraint(
	context: Context,
	constraint: Constraint,
	isInline: boolean,
): void {
	const table = context.tableOf(constraint);
	if (!table) return;
	const { kind, schema, name } = constraint;
	const key = constraintKey(constraint);
	// What a table has from its parent comes with the parent's.
	const comesAlong = isInline || (kind === "check" && constraint.inherited);
	context.items.add({
		key,
		title: `${kind} ${plainName(name)} of ${plainName(schema, table.name)}`,
		schema,
		table: table.name,
		needs: [tableKey(table), ...context.needs(key)],
		obstacle: context.unreachable(key),
		definition: comesAlong
			? undefined
			: constraintDefinition(
					constraint,
					table.partitioned,
					partsOf(context, constraint),
				),
	});
}

function addForeignKey(context: Context, foreignKey: ForeignKey): void {
	const table = context.tableOf(foreignKey);
	if (!table) return;
	const { schema, name, columns, refSchema, refTable } = foreignKey;
	const referred = keyOf("table", refSchema, refTable);
	const key = constraintKey(foreignKey);
	context.items.add({
		key,
		title: `foreign key ${plainName(name)} of ${plainName(schema, table.name)} (${columns.map((column) => plainName(column)).join(", ")})`,
		schema,
		table: table.name,
		needs: [tableKey(table), referred, ...context.needs(key)],
		definition: foreignKeyDefinition(
			foreignKey,
			table.partitioned || context.tables.get(referred)?.partitioned === true,
		),
	});
}

/** The indexes of partitions that an index of a partitioned table is put together from. */
function partsOf(context: Context, index: Name): Name[] {
	const { constraints, indexes } = context.catalog;
	return [...constraints, ...indexes].filter(
		(part) =>
			part.partOf?.schema === index.schema &&
			part.partOf.name === index.name &&
			context.tableOf(part) !== undefined,
	);
}

function innermostFirst<T extends OfTable>(
	context: Context,
	objects: readonly T[],
): T[] {
	const depth = (object: OfTable): number => {
		const table = context.tableOf(object);
		return table && "parent" in table
			? 1 + depth({ schema: table.parent.schema, table: table.parent.name })
			: 0;
	};
	return objects
		.map((object) => ({ object, levels: depth(object) }))
		.sort((a, b) => b.levels - a.levels)
		.map(({ object }) => object);
}
