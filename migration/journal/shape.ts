import type { ClientBase } from "pg";
import { ROW_TRIGGER, TRUNCATE_TRIGGER } from "./schema";

/**
 * What must stay as it is while a table is followed. Kept at install, read anew in
 * the snapshot of every cycle.
 */
export interface Shape {
	/** Qualified and quoted; null where the table is gone. */
	readonly name: string | null;
	/** Name → type, and what else decides on its values. */
	readonly columns: Readonly<Record<string, string>>;
	/** Type → labels, of the enums in use. */
	readonly enums: Readonly<Record<string, readonly string[]>>;
	/** The key's columns still tell rows apart; true for a table without key. */
	readonly keyHolds: boolean;
	/** OID → the table itself and its partitions, partitions of partitions too. */
	readonly members: Readonly<Record<string, ShapeMember>>;
}

export interface ShapeMember {
	readonly name: string;
	readonly schema: string;
	readonly table: string;
	readonly root: boolean;
	/** Both change together when ALTER TABLE writes all rows anew, which no trigger sees. */
	readonly file: string;
	readonly attributes: string;
	/** xmin of the trigger's row and whether it is ENABLE ALWAYS; null where it is missing. */
	readonly rowTrigger: TriggerState | null;
	readonly truncateTrigger: TriggerState | null;
}

export interface TriggerState {
	/** Changes whenever somebody disables or enables it, even back to what it was. */
	readonly version: string;
	readonly always: boolean;
}

/**
 * Reads the shapes of all followed tables, by their numbers in the journal. All
 * from tables of the catalog, so that the transaction's snapshot holds: the shape
 * is that of the rows which the same transaction reads.
 */
const SHAPES = `
	WITH RECURSIVE tree (id, oid, root) AS (
		SELECT j.id, j.relation, true FROM cutover.journal_table j
		UNION ALL
		SELECT tree.id, i.inhrelid, false
		FROM tree
		JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
		JOIN pg_inherits i ON i.inhparent = p.oid
	),
	members AS (
		SELECT tree.id, jsonb_object_agg(tree.oid::int8::text, jsonb_build_object(
			'name', format('%I.%I', n.nspname, c.relname),
			'schema', n.nspname,
			'table', c.relname,
			'root', tree.root,
			'file', c.relfilenode::int8::text,
			'attributes', (
				SELECT md5(string_agg(a.attnum || ' ' || a.xmin::text, ',' ORDER BY a.attnum))
				FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
			),
			'rowTrigger', (
				SELECT jsonb_build_object('version', t.xmin::text, 'always', t.tgenabled = 'A')
				FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = '${ROW_TRIGGER}'
			),
			'truncateTrigger', (
				SELECT jsonb_build_object('version', t.xmin::text, 'always', t.tgenabled = 'A')
				FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = '${TRUNCATE_TRIGGER}'
			)
		)) AS members
		FROM tree
		JOIN pg_class c ON c.oid = tree.oid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		GROUP BY tree.id
	),
	columns AS (
		SELECT j.id, a.attname, a.attnotnull, y.typname, yn.nspname, y.oid AS type,
			concat_ws(' ',
				format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attnotnull THEN 'NOT NULL' END,
				CASE WHEN a.attgenerated <> '' THEN 'generated as ' || pg_get_expr(d.adbin, d.adrelid) END
			) AS description
		FROM cutover.journal_table j
		JOIN pg_attribute a ON a.attrelid = j.relation AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type y ON y.oid = a.atttypid
		JOIN pg_namespace yn ON yn.oid = y.typnamespace
		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	)
	SELECT j.id,
		jsonb_build_object(
			'name', (
				SELECT format('%I.%I', n.nspname, c.relname)
				FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE c.oid = j.relation
			),
			'columns', coalesce((
				SELECT jsonb_object_agg(c.attname, c.description) FROM columns c WHERE c.id = j.id
			), '{}'),
			'enums', coalesce((
				SELECT jsonb_object_agg(e.name, e.labels) FROM (
					SELECT format_type(e.enumtypid, NULL) AS name,
						jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels
					FROM pg_enum e
					WHERE e.enumtypid IN (
						SELECT unnest(ARRAY[y.oid, y.typelem, y.typbasetype])
						FROM columns c JOIN pg_type y ON y.oid = c.type
						WHERE c.id = j.id
					)
					GROUP BY e.enumtypid
				) e
			), '{}'),
			'keyHolds', j.key_columns IS NULL OR EXISTS (
				SELECT FROM pg_index i
				WHERE i.indrelid = j.relation AND i.indisunique AND i.indisvalid AND i.indimmediate
					AND i.indpred IS NULL AND i.indexprs IS NULL
					AND (
						SELECT array_agg(a.attname::text COLLATE "C" ORDER BY a.attname)
						FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, position)
						JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
						WHERE k.position <= i.indnkeyatts
					) = ARRAY (
						SELECT k.name FROM unnest(j.key_columns) AS k (name) ORDER BY k.name COLLATE "C"
					)
			),
			'members', coalesce(m.members, '{}')
		) AS shape
	FROM cutover.journal_table j
	LEFT JOIN members m ON m.id = j.id
	ORDER BY j.id
`;

/** Reads how the followed tables look now. */
export async function readShapes(
	client: ClientBase,
): Promise<Map<number, Shape>> {
	const { rows } = await client.query<{ id: number; shape: Shape }>(SHAPES);
	return new Map(rows.map(({ id, shape }) => [id, shape]));
}

/** What became of a table's shape. */
export interface ShapeChange {
	/** What a follower cannot go on with, for people; empty where there is nothing. */
	readonly breaking: readonly string[];
	/** Partitions that came since: their rows are not in the journal. */
	readonly attached: readonly ShapeMember[];
	/** Something changed that does no harm, and is to be remembered. */
	readonly drifted: boolean;
}

/** Compares a table's shape with the one that was kept. */
export function compareShapes(before: Shape, after: Shape): ShapeChange {
	if (after.name === null)
		return { breaking: ["it was dropped"], attached: [], drifted: false };
	const breaking = [
		...(before.name === after.name ? [] : [`it was renamed to ${after.name}`]),
		...columnChanges(before.columns, after.columns),
		...enumChanges(before.enums, after.enums),
		...(after.keyHolds
			? []
			: ["the unique index over its key's columns is gone"]),
	];
	const attached: ShapeMember[] = [];
	for (const [oid, member] of Object.entries(after.members)) {
		const known = before.members[oid];
		if (known) breaking.push(...memberChanges(known, member));
		else attached.push(member);
	}
	for (const [oid, member] of Object.entries(before.members))
		if (!after.members[oid])
			breaking.push(`partition ${member.name} was detached or dropped`);
	const drifted =
		attached.length === 0 &&
		Object.entries(after.members).some(([oid, member]) => {
			const known = before.members[oid];
			return (
				known?.file !== member.file || known.attributes !== member.attributes
			);
		});
	return { breaking, attached, drifted };
}

function columnChanges(
	before: Shape["columns"],
	after: Shape["columns"],
): string[] {
	const names = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...names].flatMap((name) => {
		const [was, is] = [before[name], after[name]];
		if (was === is) return [];
		if (was === undefined) return [`column ${name} (${is}) was added`];
		if (is === undefined) return [`column ${name} was dropped or renamed`];
		return [`column ${name} was ${was} and is ${is}`];
	});
}

function enumChanges(before: Shape["enums"], after: Shape["enums"]): string[] {
	// A type that is no longer in use shows in its column.
	return Object.entries(before).flatMap(([type, was]) => {
		const is = after[type];
		if (is === undefined || JSON.stringify(was) === JSON.stringify(is))
			return [];
		return [`enum ${type} had ${was.join(", ")} and has ${is.join(", ")}`];
	});
}

function memberChanges(before: ShapeMember, after: ShapeMember): string[] {
	const rewritten =
		before.file !== after.file && before.attributes !== after.attributes;
	const triggers = [
		[ROW_TRIGGER, before.rowTrigger, after.rowTrigger],
		[TRUNCATE_TRIGGER, before.truncateTrigger, after.truncateTrigger],
	] as const;
	return [
		...(rewritten ? [`ALTER TABLE wrote all rows of ${after.name} anew`] : []),
		...triggers.flatMap(([name, was, is]) => {
			if (is === null) return [`trigger ${name} on ${after.name} is gone`];
			if (!is.always)
				return [`trigger ${name} on ${after.name} is not ENABLE ALWAYS`];
			return is.version === was?.version
				? []
				: [`trigger ${name} on ${after.name} was switched off for a time`];
		}),
	];
}
