import type { Definitions } from "../catalog/shape";
import { type Table, tableName } from "../catalog/types";
import type { Difference } from "./difference";

type Described = {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly definition: string;
};

/**
 * Constraints, foreign keys and indexes of the given tables that the target lacks
 * or has otherwise. For a target that was made in the source's image; one with a
 * schema of its own differs there by design.
 */
export function compareDefinitions(
	source: Definitions,
	target: Definitions,
	tables: readonly Table[],
): Difference[] {
	const compared = new Set(tables.map(tableName));
	const kinds: readonly [
		string,
		(definitions: Definitions) => readonly Described[],
	][] = [
		["constraint", ({ constraints }) => constraints],
		["foreign key", ({ foreignKeys }) => foreignKeys],
		["index", ({ indexes }) => indexes],
	];
	return kinds.flatMap(([kind, of]) =>
		of(source).flatMap((one): Difference[] => {
			const table = tableName({ schema: one.schema, name: one.table });
			if (!compared.has(table)) return [];
			const twin = of(target).find(
				({ schema, table: name, name: own }) =>
					schema === one.schema && name === one.table && own === one.name,
			);
			if (twin?.definition === one.definition) return [];
			return [
				{
					table,
					kind: "definition",
					detail: twin
						? `${kind} ${one.name} is ${twin.definition} on the target, ${one.definition} on the source`
						: `${kind} ${one.name} is missing: ${one.definition}`,
				},
			];
		}),
	);
}
