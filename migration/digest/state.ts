import type { ClientBase } from "pg";
import { BARRIER_TRIGGER, standingFreeze } from "../freeze/record";
import { hasJournal, readLag } from "../journal/state";
import { ident, literal } from "../sql";
import type { Comparison } from "./comparison";

/** Whether the source can change while it is compared. */
export interface SourceState {
	/** The write barrier stands on every compared table, and has not lapsed. */
	readonly frozen: boolean;
	/** Compared tables, and partitions of them, that the barrier does not close. */
	readonly open: readonly string[];
	/** Changes noted and not yet on the target; null where no journal is installed. */
	readonly pending: number | null;
}

/** Tables and partitions without a barrier that fires in every session. */
const OPEN_TABLES = `
	WITH RECURSIVE tree (oid) AS (
		SELECT n.name::regclass::oid FROM unnest($1::text[]) n (name)
		UNION
		SELECT i.inhrelid FROM tree
		JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
		JOIN pg_inherits i ON i.inhparent = p.oid
	)
	SELECT tree.oid::regclass::text AS "name"
	FROM tree
	WHERE NOT EXISTS (
		SELECT FROM pg_trigger t
		WHERE t.tgrelid = tree.oid AND t.tgname = ${literal(BARRIER_TRIGGER)} AND t.tgenabled = 'A'
	)
	ORDER BY 1
`;

/** Reads, in the session's snapshot, whether the compared tables stand still. */
export async function readSourceState(
	source: ClientBase,
	comparisons: readonly Comparison[],
): Promise<SourceState> {
	const names = comparisons.flatMap((comparison) =>
		comparison.source.map(({ table }) => ident(table.schema, table.name)),
	);
	const { rows } = await source.query<{ name: string }>(OPEN_TABLES, [names]);
	return {
		frozen: rows.length === 0 && (await standingFreeze(source)) !== null,
		open: rows.map(({ name }) => name),
		pending: (await hasJournal(source)) ? (await readLag(source)).rows : null,
	};
}

/** What a reader has to know about differences while the source moves; one line or none. */
export function describeMoving({ frozen, pending }: SourceState): string[] {
	if (frozen) return [];
	return [
		pending === null
			? "the source is not frozen and no journal is installed: what was written there since the copy differs"
			: `the source is not frozen: differences may be changes under way (${pending} wait in the journal)`,
	];
}
