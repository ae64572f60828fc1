import { BARRIER_TRIGGER } from "../../freeze/record";
import { ident, literal } from "../../sql";
import type { Definition } from "../definitions";
import type { Obstacle } from "../items";
import { type KeyKind, keyOf, plainName, routineKey } from "../keys";
import { advise } from "../left-out";
import { SET_ENABLED, type TableObject, type Trigger } from "../types";
import { addIndex } from "./constraints";
import { type Context, viewKey } from "./context";

/** What functions use of Supabase, by the functions' identity. */
export type Uses = ReadonlyMap<string, readonly string[]>;

/** Functions and procedures. */
export function addRoutines(context: Context): void {
	for (const routine of context.catalog.routines) {
		const key = routineKey(routine.identity);
		context.items.add({
			key,
			title: key,
			schema: routine.schema,
			table: routine.name,
			needs: context.needs(key),
			create: [routine.definition.trimEnd()],
			obstacle: routine.superuser
				? {
						why: "only a superuser may make it (untrusted language, LEAKPROOF or SUPPORT)",
						todo: "write it anew in a trusted language, or let the provider make it",
					}
				: undefined,
		});
	}
}

/** Statistics, then what runs by itself on writes, and what is computed from the rows. */
export function addCode(context: Context, uses: Uses): void {
	const { statistics, rules, triggers, comments } = context.catalog;
	for (const object of statistics)
		addObject(context, "statistics", object, "key", [object.definition]);
	for (const object of rules)
		addObject(context, "rule", object, "last", [object.definition]);
	for (const trigger of triggers) addTrigger(context, trigger, uses);
	addViewRows(context);
	for (const { on, text, key } of comments) {
		const object = context.items.get(key);
		if (!object) continue;
		const { schema, table } = object;
		context.items.add({
			key: `comment on ${on}`,
			title: `comment on ${on}`,
			schema,
			table,
			needs: [key],
			definition: {
				kind: "comment",
				schema,
				table,
				name: on,
				statements: [
					{ phase: "last", sql: `COMMENT ON ${on} IS ${literal(text)}` },
				],
			},
			silent: true,
		});
	}
}

function addTrigger(context: Context, trigger: Trigger, uses: Uses): void {
	const { schema, table, name, definition, enabled, calls } = trigger;
	if (name === BARRIER_TRIGGER || calls.startsWith("cutover.")) return;
	if (!context.catalog.schemas.includes(schema)) {
		addForeignTrigger(context, trigger);
		return;
	}
	const used = uses.get(calls);
	addObject(
		context,
		"trigger",
		trigger,
		"last",
		// CREATE gives the state O.
		enabled === "O"
			? [definition]
			: [
					definition,
					`ALTER TABLE ${ident(schema, table)} ${SET_ENABLED[enabled]} TRIGGER ${ident(name)}`,
				],
		used && {
			why: `calls ${calls}, which uses Supabase's ${used.join(", ")}: every write would fail`,
			todo: advise(used),
		},
	);
}

/** A trigger of the application on a table of somebody else's, as auth.users. */
function addForeignTrigger(context: Context, trigger: Trigger): void {
	const { schema, table, name, definition } = trigger;
	context.items.add({
		key: keyOf("trigger", schema, table, name),
		title: `trigger ${plainName(name)} on ${plainName(schema, table)}`,
		schema,
		table,
		needs: [],
		create: [definition],
		obstacle: {
			why: `is on ${plainName(schema, table)}, which does not come along, and calls ${trigger.calls}`,
			todo: "let the backend do the same when that happens which it waited for",
		},
	});
}

/** What belongs to a table or view and is made by statements of its own. */
function addObject(
	context: Context,
	kind: Definition["kind"] & KeyKind,
	{ schema, table, name }: TableObject,
	phase: "key" | "last",
	statements: readonly string[],
	obstacle?: Obstacle,
): void {
	const owner = context.ownerOf({ schema, table });
	if (owner === undefined) return;
	const key = keyOf(kind, schema, table, name);
	context.items.add({
		key,
		title: `${kind} ${plainName(name)} on ${plainName(schema, table)}`,
		schema,
		table,
		needs: [owner, ...context.needs(key)],
		definition: {
			kind,
			schema,
			table,
			name,
			statements: statements.map((sql) => ({ phase, sql })),
		},
		obstacle: obstacle ?? context.unreachable(key),
	});
}

/** The rows of other materialized views that a view reads, also through views. */
function rowsRead(
	context: Context,
	key: string,
	seen = new Set<string>(),
): string[] {
	return context.needs(key).flatMap((need) => {
		if (!need.startsWith("view ") || seen.has(need)) return [];
		seen.add(need);
		const view = context.catalog.views.find((one) => viewKey(one) === need);
		return view?.materialized
			? [`rows of ${need}`]
			: rowsRead(context, need, seen);
	});
}

/** A materialized view's rows, after those of the views that it reads, then its indexes. */
function addViewRows(context: Context): void {
	const { views, indexes } = context.catalog;
	const materialized = new Map(
		views
			.filter((view) => view.materialized)
			.map((view) => [viewKey(view), view]),
	);
	for (const key of context.items.sorted([...materialized.keys()])) {
		const { schema, name, populated } = materialized.get(key) ?? {};
		if (schema === undefined || name === undefined || !populated) continue;
		context.items.add({
			key: `rows of ${key}`,
			title: `rows of ${key}`,
			schema,
			table: name,
			needs: [key, ...rowsRead(context, key)],
			obstacle: context.unreachable(key),
			silent: context.items.missing(key) !== null,
			definition: {
				kind: "materialized view",
				schema,
				table: name,
				name,
				statements: [
					{
						phase: "last",
						sql: `REFRESH MATERIALIZED VIEW ${ident(schema, name)}`,
					},
				],
			},
		});
	}
	for (const index of indexes)
		if (materialized.has(keyOf("view", index.schema, index.table)))
			addIndex(context, index, "last");
}
