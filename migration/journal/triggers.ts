import type { Column } from "../catalog/types";
import { ident, literal } from "../sql";
import { ROW_TRIGGER, TRUNCATE_TRIGGER } from "./schema";

/** Types whose text is the same under every setting of a session. */
const PRINTED_ALIKE = new Set([
	"bit",
	"bool",
	"bpchar",
	"char",
	"cidr",
	"inet",
	"int2",
	"int4",
	"int8",
	"macaddr",
	"macaddr8",
	"name",
	"numeric",
	"oid",
	"text",
	"uuid",
	"varbit",
	"varchar",
]);

/**
 * For all other types: the settings of the follower's sessions, whatever the
 * writer's are. Each is set and reset with every row, so only where it is needed.
 */
const PRINT_SETTINGS = `
	SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
	SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C'`;

/** Whether a key column's text depends on the settings of the session that writes. */
export function dependsOnSettings({ base, element }: Column): boolean {
	if (element !== null) return true;
	if (base.kind === "enum") return false;
	return base.schema !== "pg_catalog" || !PRINTED_ALIKE.has(base.name);
}

/** Name of the function that notes a table's rows. */
export function functionName(id: number): string {
	return ident("cutover", `journal_${id}`);
}

/** Values of a row that other rows depend on, to be noted when they change. */
export interface NotedValues {
	/** Its number in cutover.journal_note. */
	readonly id: number;
	/** Columns by which the dependent rows find this one: they are what is noted. */
	readonly match: readonly Column[];
	/** Further columns whose change matters to them. */
	readonly reads: readonly string[];
}

/**
 * SQL of the function that notes a table's rows in the journal; `key` is null for
 * a table without one.
 *
 * SECURITY DEFINER, so that writers need no rights on the journal; its search path
 * is pinned, as writers could otherwise lend it operators of their own.
 */
export function createFunction(
	id: number,
	key: readonly Column[] | null,
	notes: readonly NotedValues[],
): string {
	const printed = [...(key ?? []), ...notes.flatMap(({ match }) => match)];
	const settings = printed.some(dependsOnSettings) ? PRINT_SETTINGS : "";
	const body = `
	BEGIN
		${key === null ? noteTable(id) : noteKey(id, key)}
		${notes.map(noteValues).join("")}
		RETURN NULL;
	END`;
	return `
		CREATE OR REPLACE FUNCTION ${functionName(id)}() RETURNS trigger
		LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog ${settings}
		AS ${literal(body)};
		REVOKE ALL ON FUNCTION ${functionName(id)}() FROM PUBLIC`;
}

function asText(row: "NEW" | "OLD", columns: readonly string[]): string {
	return `ARRAY[${columns.map((name) => `${row}.${ident(name)}::text COLLATE "C"`).join(", ")}]`;
}

/**
 * An update that changes the key's text notes both keys: equal keys may differ in
 * text (1.0 and 1.00), and the other side may compare them as text.
 */
function noteKey(id: number, key: readonly Column[]): string {
	const names = key.map(({ name }) => name);
	const [before, after] = [asText("OLD", names), asText("NEW", names)];
	return `
		IF TG_OP <> 'DELETE' THEN
			INSERT INTO cutover.journal VALUES (${id}, ${after}, clock_timestamp());
		END IF;
		IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND ${before} <> ${after}) THEN
			INSERT INTO cutover.journal VALUES (${id}, ${before}, clock_timestamp());
		END IF;`;
}

/**
 * One marker a transaction is enough. What is remembered in the session goes with
 * the marker when a savepoint or the transaction is rolled back.
 */
function noteTable(id: number): string {
	const memory = literal(`cutover.journal_${id}`);
	return `
		IF current_setting(${memory}, true) IS DISTINCT FROM pg_current_xact_id()::text THEN
			INSERT INTO cutover.journal VALUES (${id}, '{}', clock_timestamp());
			PERFORM set_config(${memory}, pg_current_xact_id()::text, true);
		END IF;`;
}

/** In the journal, notes have negative numbers and the values as their key. */
function noteValues({ id, match, reads }: NotedValues): string {
	const names = match.map(({ name }) => name);
	const all = [...names, ...reads];
	return `
		IF TG_OP <> 'UPDATE' OR ${asText("OLD", all)} IS DISTINCT FROM ${asText("NEW", all)} THEN
			IF TG_OP <> 'DELETE' THEN
				INSERT INTO cutover.journal VALUES (${-id}, ${asText("NEW", names)}, clock_timestamp());
			END IF;
			IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND ${asText("OLD", names)} IS DISTINCT FROM ${asText("NEW", names)}) THEN
				INSERT INTO cutover.journal VALUES (${-id}, ${asText("OLD", names)}, clock_timestamp());
			END IF;
		END IF;`;
}

/** A table or one of its partitions. */
export interface Member {
	readonly schema: string;
	readonly name: string;
	/** The followed table itself, and not a partition of it. */
	readonly root: boolean;
}

/**
 * SQL of a member's triggers, ENABLE ALWAYS so that they fire in every session.
 * Row triggers of a partitioned table are cloned to its partitions, those to come
 * too; TRUNCATE's are not. A partition's TRUNCATE leaves the rows of the others,
 * so it asks for the table as a whole.
 */
export function createTriggers(id: number, member: Member): string[] {
	const table = ident(member.schema, member.name);
	const marker = member.root ? "truncated" : "whole";
	return [
		...(member.root
			? [
					`CREATE OR REPLACE TRIGGER ${ROW_TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON ${table}
					FOR EACH ROW EXECUTE FUNCTION ${functionName(id)}()`,
				]
			: []),
		`CREATE OR REPLACE TRIGGER ${TRUNCATE_TRIGGER} AFTER TRUNCATE ON ${table}
		FOR EACH STATEMENT EXECUTE FUNCTION cutover.journal_truncate(${literal(String(id))}, ${literal(marker)})`,
		`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${ROW_TRIGGER}`,
		`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${TRUNCATE_TRIGGER}`,
	];
}

/** SQL that takes a member's triggers away; a clone goes with its original. */
export function dropTriggers(member: Member): string[] {
	const table = ident(member.schema, member.name);
	return [
		...(member.root
			? [`DROP TRIGGER IF EXISTS ${ROW_TRIGGER} ON ${table}`]
			: []),
		`DROP TRIGGER IF EXISTS ${TRUNCATE_TRIGGER} ON ${table}`,
	];
}
