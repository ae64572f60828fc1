import { ident } from "../../sql";
import type { Obstacle } from "../items";
import { keyOf, plainName } from "../keys";
import { createTable, setDefault } from "../make/tables";
import { createView } from "../make/views";
import type { Column, Constraint, Partition, Sequence, Table } from "../types";
import { type Context, constraintKey, tableKey, viewKey } from "./context";

/** Tables and partitions with their defaults, and what owns the sequences. */
export function addTables(context: Context): void {
	for (const table of context.tables.values()) addTable(context, table);
	for (const sequence of context.catalog.sequences) addOwner(context, sequence);
}

/** Views and materialized views, these without rows. */
export function addViews(context: Context): void {
	for (const view of context.catalog.views) {
		const key = viewKey(view);
		context.items.add({
			key,
			title: key,
			schema: view.schema,
			table: view.name,
			needs: context.needs(key),
			create: createView(view),
		});
	}
}

/**
 * The checks that stand in a table's CREATE TABLE: those that rows must meet and
 * that call nothing which may read other tables or come later.
 */
export function inlineChecks(
	context: Context,
	table: Table | Partition,
): Constraint[] {
	const own = tableKey(table);
	return context.catalog.constraints.filter(
		(check) =>
			check.kind === "check" &&
			check.validated &&
			check.schema === table.schema &&
			check.table === table.name &&
			// A partition is made whole, then joined; an heir has its parent's anyway.
			(!check.inherited || "parent" in table) &&
			isEarly(context, constraintKey(check), own),
	);
}

function addTable(context: Context, table: Table | Partition): void {
	const key = tableKey(table);
	const defaultKey = ({ name }: Column) =>
		keyOf("default", table.schema, table.name, name);
	const isInline = (column: Column) =>
		isEarly(context, defaultKey(column), key);
	const checks = inlineChecks(context, table);
	const parts = [
		...table.columns
			.filter(
				(column) =>
					column.generated !== null ||
					(column.default !== null && isInline(column)),
			)
			.map(defaultKey),
		...checks.map(constraintKey),
	];
	context.items.add({
		key,
		title: key,
		schema: table.schema,
		table: table.name,
		needs: [key, ...parts]
			.flatMap((part) => context.needs(part))
			.filter((need) => need !== key),
		create: createTable(context.asOffered(table), {
			checks,
			hasDefault: isInline,
			sequences: context.catalog.sequences,
		}),
		obstacle:
			collationObstacle(context, table) ??
			context.unreachable(key) ??
			table.columns
				.filter(({ generated }) => generated !== null)
				.map((column) => context.unreachable(defaultKey(column)))
				.find((found) => found !== undefined),
		blocks: true,
	});
	for (const column of table.columns)
		if (column.default !== null)
			context.items.add({
				key: defaultKey(column),
				title: `default of ${plainName(table.schema, table.name, column.name)}`,
				schema: table.schema,
				table: table.name,
				needs: [key, ...context.needs(defaultKey(column))],
				create: isInline(column) ? [] : [setDefault(table, column)],
			});
}

function addOwner(
	context: Context,
	{ schema, name, ownedBy, identity }: Sequence,
): void {
	if (identity || ownedBy === null) return;
	const { table, column } = ownedBy;
	const sequence = keyOf("sequence", schema, name);
	context.items.add({
		key: `owner of ${sequence}`,
		title: `owner of ${sequence}`,
		schema,
		table,
		needs: [sequence, keyOf("table", schema, table)],
		create: [
			`ALTER SEQUENCE ${ident(schema, name)} OWNED BY ${ident(schema, table, column)}`,
		],
		silent: true,
	});
}

/** Whether all that a part of a table needs is made before any table, and can be. */
function isEarly({ items, catalog }: Context, part: string, table: string) {
	return (catalog.needs[part] ?? []).every(
		(need) =>
			need === table ||
			(/^(extension|type|sequence|collation) /.test(need) &&
				items.missing(need) === null),
	);
}

function collationObstacle(
	{ offer }: Context,
	table: Table,
): Obstacle | undefined {
	const column = table.columns.find(
		({ collation }) =>
			collation && offer?.missingCollations.includes(collation),
	);
	return (
		column && {
			why: `column ${plainName(column.name)} has the collation ${column.collation}, which the target's server lacks`,
			todo: "have the server built with it, or change the column's collation on the source",
		}
	);
}
