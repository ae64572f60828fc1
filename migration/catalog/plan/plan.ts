import type { Definition } from "../definitions";
import type { Item } from "../items";
import { routineKey } from "../keys";
import {
	advise,
	type LeftOut,
	leftBehind,
	obstacleOf,
	usesOfSupabase,
} from "../left-out";
import type { Offer } from "../offer";
import type { Catalog } from "../types";
import { addCode, addRoutines, type Uses } from "./code";
import { addConstraints, addForeignKeys, addIndexes } from "./constraints";
import { Context } from "./context";
import { addTables, addViews } from "./tables";
import { addSchemas, addTypes } from "./types";

/** Functions may name what comes later, or what no longer exists. */
export const UNCHECKED = "SET check_function_bodies = off";

/** How a catalog is made in an empty database. */
export interface Plan {
	/** Statements before any row is there, in an order that serves all dependencies. */
	readonly create: readonly string[];
	/** What is made once the rows are in. */
	readonly definitions: readonly Definition[];
	readonly leftOut: readonly LeftOut[];
}

/**
 * Decides what of a catalog can be made on the target, in which order, and names
 * the rest. What needs something that cannot come along stays behind as well, as
 * finely as possible: the default, not its table. Without `offer` the target is
 * taken to have whatever is asked for.
 */
export function planSchema(catalog: Catalog, offer?: Offer): Plan {
	const context = new Context(catalog, offer);
	const uses = usesOfSupabase(catalog.routines);
	addSchemas(context);
	addTypes(context);
	addRoutines(context);
	addTables(context);
	addViews(context);
	addConstraints(context);
	addIndexes(context);
	addForeignKeys(context);
	addCode(context, uses);
	const { items } = context;
	return {
		create: items.beforeRows().flatMap(({ create }) => create ?? []),
		definitions: [...items.late().map(lateDefinition), ...items.definitions()],
		leftOut: [
			...items.leftOut().map(({ item, root }) => leave(context, item, root)),
			...leaveUses(context, uses),
			...leftBehind(catalog),
		],
	};
}

/** Each statement may run in a session of its own, so each says how it is to be read. */
function lateDefinition({ schema, table, title, create }: Item): Definition {
	return {
		kind: "late",
		schema,
		table,
		name: title,
		statements: (create ?? []).map((sql) => ({
			phase: "last",
			sql: `${UNCHECKED}; ${sql}`,
		})),
	};
}

function leave({ items }: Context, item: Item, root: string): LeftOut {
	const known = items.get(root);
	const obstacle =
		known === undefined
			? obstacleOf(root)
			: (known.obstacle ?? {
					why: "needs itself by way of what it needs",
					todo: "make it by hand",
				});
	const statements =
		item.create ?? item.definition?.statements.map(({ sql }) => sql) ?? [];
	return {
		object: item.title,
		why:
			known === undefined || known === item
				? obstacle.why
				: `needs ${root}, which stays behind: ${obstacle.why}`,
		todo: obstacle.todo,
		...(statements.length > 0 ? { statement: statements.join(";\n") } : {}),
		...(item.blocks ? { blocks: true } : {}),
	};
}

/** Functions are made whatever their text says, but fail where they are called. */
function leaveUses({ items }: Context, uses: Uses): LeftOut[] {
	return [...uses]
		.filter(([identity]) => items.missing(routineKey(identity)) === null)
		.map(([identity, used]) => ({
			object: routineKey(identity),
			why: `comes along, but uses Supabase's ${used.join(", ")} and fails when called`,
			todo: advise(used),
		}));
}
