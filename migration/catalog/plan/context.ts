import { Items, type Obstacle } from "../items";
import { keyOf } from "../keys";
import type { Offer } from "../offer";
import type { Catalog, Name, Partition, Table } from "../types";

/** What the parts of the plan share. */
export class Context {
	readonly items = new Items();
	/** By key; parents before their partitions. Partitions of no known table stay behind. */
	readonly tables: ReadonlyMap<string, Table | Partition>;
	readonly #views: ReadonlySet<string>;

	constructor(
		readonly catalog: Catalog,
		readonly offer: Offer | undefined,
	) {
		const tables = new Map<string, Table | Partition>();
		for (const table of catalog.tables) tables.set(tableKey(table), table);
		for (const partition of catalog.partitions)
			if (tables.has(tableKey(partition.parent)))
				tables.set(tableKey(partition), partition);
		this.tables = tables;
		this.#views = new Set(catalog.views.map(viewKey));
	}

	needs(key: string): readonly string[] {
		return this.catalog.needs[key] ?? [];
	}

	/** Why the target's server cannot compute what belongs to an object. */
	unreachable(key: string): Obstacle | undefined {
		const found = this.catalog.unreachable?.[key];
		return (
			found && {
				why: `calls ${found.functions.join(", ")}, which does not find what it names under the search path of maintenance, pg_catalog: ${found.error}`,
				todo: `on the source, ${found.functions.map((identity) => `ALTER FUNCTION ${identity} SET search_path = public`).join("; ")} (or the schemas that it needs), then begin anew; or make it by hand`,
			}
		);
	}

	/** The table or partition of an object; undefined where it stays behind. */
	tableOf(object: OfTable): Table | Partition | undefined {
		return this.tables.get(keyOf("table", object.schema, object.table));
	}

	/** The key of an object's table or view; undefined where it stays behind. */
	ownerOf({ schema, table }: OfTable): string | undefined {
		return [keyOf("table", schema, table), keyOf("view", schema, table)].find(
			(key) => this.tables.has(key) || this.#views.has(key),
		);
	}

	/**
	 * The same without what needs an extra word on a server that lacks it:
	 * compression only saves space, and a server's own default serves as well.
	 */
	asOffered<T extends Table>(table: T): T {
		const { offer } = this;
		if (!offer) return table;
		return {
			...table,
			columns: table.columns.map(({ compression, ...column }) =>
				compression && offer.compressions.includes(compression)
					? { ...column, compression }
					: column,
			),
		};
	}
}

export interface OfTable {
	readonly schema: string;
	readonly table: string;
}

export function tableKey({ schema, name }: Name): string {
	return keyOf("table", schema, name);
}

export function viewKey({ schema, name }: Name): string {
	return keyOf("view", schema, name);
}

export function constraintKey(object: OfTable & Name): string {
	return keyOf("constraint", object.schema, object.table, object.name);
}
