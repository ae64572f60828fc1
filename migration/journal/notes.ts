import type { ClientBase } from "pg";
import type { Column } from "../catalog/types";
import { ident } from "../sql";
import type { NotedValues } from "./triggers";

/**
 * Rows of `table` whose picture on the other side depends on rows of `lookup`: they
 * are sent again when such a row changes.
 */
export interface Dependent {
	/**
	 * `presence`: they come along only if that row does, so it matters also when
	 * that row is sent again for what it depends on itself.
	 */
	readonly kind: "value" | "presence";
	readonly lookup: { readonly schema: string; readonly name: string };
	/** Columns of `lookup` by which the rows of `table` find it. */
	readonly match: readonly Column[];
	/** Further columns of `lookup` that they depend on. */
	readonly reads: readonly string[];
	readonly table: { readonly schema: string; readonly name: string };
	/**
	 * SQL that gives the keys of the dependent rows as text, in the order of the
	 * table's key: column `key text[]`.
	 * `changed` is an item for FROM that has values of `match`: column `match text[]`.
	 */
	readonly keys: (changed: string) => string;
	/**
	 * Of `presence`: how to find out whether a row of `lookup` that was noted appears
	 * on the other side now, or disappears from it. Where neither, nobody who depends
	 * on it has to be sent again. Both give those values of `changed` (a table or a
	 * query without alias, column `match text[]`) that belong to such a row.
	 */
	readonly standing?: Standing | undefined;
}

/** See Dependent; undefined where the other side's name of a row is not plain. */
export interface Standing {
	/** Run on the side that is read: rows that come along as they are now. */
	readonly arrives: (changed: string) => string;
	/** Run on the other side: rows that are there. */
	readonly stands: (changed: string) => string;
}

/** What tells a note from others of its table; stays the same from run to run. */
function definitionOf({ kind, match, reads, table }: Dependent): string {
	return JSON.stringify({
		kind,
		table: ident(table.schema, table.name),
		match: match.map(({ name, type }) => `${name} ${type}`),
		reads: [...reads].sort(),
	});
}

/** A dependent with its note's number. */
export interface NumberedDependent extends Dependent {
	readonly id: number;
}

/**
 * Numbers the dependents, keeping the numbers that there are, and forgets others.
 * `changed` has the OIDs of the tables whose notes are not what they were.
 */
export async function numberNotes(
	client: ClientBase,
	dependents: readonly Dependent[],
): Promise<{ numbered: NumberedDependent[]; changed: Set<string> }> {
	const { rows } = await client.query<{
		id: number;
		relation: string;
		at: number | null;
		made: boolean;
	}>(
		`
		WITH wanted AS (
			SELECT to_regclass(w.lookup)::oid AS relation, w.definition, min(w.at) AS at
			FROM jsonb_to_recordset($1) AS w (lookup text, definition jsonb, at integer)
			GROUP BY 1, 2
		),
		dropped AS (
			DELETE FROM cutover.journal_note n
			WHERE NOT EXISTS (
				SELECT FROM wanted w WHERE w.relation = n.relation AND w.definition = n.definition
			)
			RETURNING n.id, n.relation
		),
		made AS (
			INSERT INTO cutover.journal_note (relation, definition)
			SELECT relation, definition FROM wanted
			ON CONFLICT (relation, definition) DO NOTHING
			RETURNING id, relation, definition
		)
		SELECT n.id, n.relation::int8::text AS "relation", w.at, false AS "made"
		FROM cutover.journal_note n JOIN wanted w USING (relation, definition)
		UNION ALL
		SELECT m.id, m.relation::int8::text, w.at, true FROM made m JOIN wanted w USING (relation, definition)
		UNION ALL
		SELECT d.id, d.relation::int8::text, NULL, true FROM dropped d
		`,
		[
			JSON.stringify(
				dependents.map((dependent, at) => ({
					lookup: ident(dependent.lookup.schema, dependent.lookup.name),
					definition: JSON.parse(definitionOf(dependent)),
					at,
				})),
			),
		],
	);
	return {
		numbered: rows.flatMap(({ id, at }) => {
			const dependent = at === null ? undefined : dependents[at];
			return dependent ? [{ ...dependent, id }] : [];
		}),
		changed: new Set(
			rows.filter(({ made }) => made).map(({ relation }) => relation),
		),
	};
}

/** The notes that a table's function has to make. */
export function notesOf(
	table: { readonly schema: string; readonly name: string },
	numbered: readonly NumberedDependent[],
): NotedValues[] {
	return numbered.filter(
		({ lookup }) =>
			lookup.schema === table.schema && lookup.name === table.name,
	);
}
