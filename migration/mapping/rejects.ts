import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { relayCopy } from "../copy/relay";
import { ExitCode, MigrationError } from "../errors";
import type { Route } from "../route";
import { fromTable, ident, literal, relationExists } from "../sql";
import type { AcceptedReject } from "./types";

/**
 * Rows that do not fit the other side, on the side that would not take them. A
 * row's entry is made anew whenever the row is looked at again: it goes when the
 * row fits by then, or is gone itself. Tables without key have an empty key.
 */
export const CREATE_REJECTS = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.reject (
		route text NOT NULL,
		from_table text NOT NULL,
		key text[] NOT NULL,
		reason text NOT NULL,
		"row" jsonb NOT NULL,
		at timestamptz NOT NULL DEFAULT clock_timestamp()
	);
	CREATE INDEX IF NOT EXISTS reject_key ON cutover.reject (route, key);
	COMMENT ON TABLE cutover.reject IS
		'rows of the old system that do not fit the new one, each with its reason';
`;

/** A route that knows its name in the reject table. */
export type LabelledRoute = Route & { readonly label: string };

/** How many rows of a table were rejected for a reason. */
export interface RejectCount {
	/** Table that the rows are of, as people write it. */
	readonly table: string;
	readonly route: string;
	readonly reason: string;
	readonly rows: number;
	/** Set where a person has agreed to leave these rows behind. */
	readonly accepted: string | null;
}

/** A rejected row. */
export interface RejectedRow {
	readonly key: readonly string[];
	readonly reason: string;
	/** The row as it was, column by column: may hold secrets. */
	readonly row: Readonly<Record<string, unknown>>;
}

/** Makes the reject table where it is missing. */
export async function ensureRejects(client: ClientBase): Promise<void> {
	await client.query(CREATE_REJECTS);
}

/**
 * SQL of the rejected rows, run on the side that is read: columns route,
 * from_table, key, reason, row, for COPY into the reject table. Null where the
 * route rejects nothing. `where` narrows it as in `selectRows`.
 */
export function selectRejected(
	route: LabelledRoute,
	where?: string,
): string | null {
	if (route.reject === null) return null;
	const key = route.key
		? `ARRAY[${route.key.from.map(({ name }) => `${ident("t", name)}::text`).join(", ")}]`
		: "'{}'::text[]";
	const conditions = [route.filter, where].flatMap((one) =>
		one ? [`(${one})`] : [],
	);
	// OFFSET 0: the reason is computed once, and not again for the condition on it.
	return `
		SELECT ${literal(route.label)} AS route, ${literal(tableName(route.from))} AS from_table, r.key, r.reason, r.row
		FROM (
			SELECT ${key} AS key, ${route.reject} AS reason, to_jsonb(t) AS row
			FROM ${fromTable(route.from)} t ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""} OFFSET 0
		) r
		WHERE r.reason IS NOT NULL`;
}

/** The COPY statement that takes what `selectRejected` gives. */
export const COPY_REJECTS =
	'COPY cutover.reject (route, from_table, key, reason, "row") FROM STDIN (FORMAT binary)';

/**
 * Notes a route's rejected rows, all or those that meet `where`; what stood there
 * of the same rows has to be removed before. Runs in the callers' transactions.
 */
export async function copyRejects(
	read: ClientBase,
	write: ClientBase,
	route: LabelledRoute,
	where?: string,
): Promise<number> {
	const rejected = selectRejected(route, where);
	if (rejected === null) return 0;
	const { rows } = await relayCopy(read, write, {
		out: `COPY (${rejected}) TO STDOUT (FORMAT binary)`,
		into: COPY_REJECTS,
	});
	return rows;
}

/**
 * SQL that removes entries of rows that are looked at again: all of a route, or
 * those whose key is in `keys`, a table or a query in parentheses, without alias,
 * with a column `key text[]`.
 */
export function removeRejects(
	route: Pick<LabelledRoute, "label">,
	keys?: string,
): string {
	return keys === undefined
		? `DELETE FROM cutover.reject WHERE route = ${literal(route.label)}`
		: `DELETE FROM cutover.reject r USING ${keys} k WHERE r.route = ${literal(route.label)} AND r.key = k.key`;
}

/** Counts rejected rows by table and reason, with what a person has said of them. */
export async function countRejects(
	client: ClientBase,
	accepted: readonly AcceptedReject[],
): Promise<RejectCount[]> {
	if (!(await relationExists(client, "cutover.reject"))) return [];
	const { rows } = await client.query<Omit<RejectCount, "accepted">>(`
		SELECT from_table AS "table", route, reason, count(*)::float8 AS "rows"
		FROM cutover.reject GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
	`);
	return rows.map((row) => ({
		...row,
		accepted:
			accepted.find(
				({ table, reason }) => table === row.table && reason === row.reason,
			)?.note ?? null,
	}));
}

/** Those that nobody has agreed to: with any, a verification must not pass. */
export async function unacceptedRejects(
	client: ClientBase,
	accepted: readonly AcceptedReject[],
): Promise<RejectCount[]> {
	return (await countRejects(client, accepted)).filter(
		(count) => count.accepted === null,
	);
}

/** Some rejected rows of a table and reason, for a person to look at. */
export async function rejectedRows(
	client: ClientBase,
	{ table, reason }: Pick<RejectCount, "table" | "reason">,
	limit: number,
): Promise<RejectedRow[]> {
	const { rows } = await client.query<RejectedRow>(
		`SELECT key, reason, "row" FROM cutover.reject
		WHERE from_table = $1 AND reason = $2 ORDER BY key LIMIT $3`,
		[table, reason, limit],
	);
	return rows;
}

/** A count as a line for people. */
export function describeReject({
	table,
	reason,
	rows,
	accepted,
}: RejectCount): string {
	const what = `${table}: ${rows} rows rejected: ${reason}`;
	return accepted === null ? what : `${what} (accepted: ${accepted})`;
}

/** Refuses to go on while rejected rows are accepted by nobody. */
export function refuseUnaccepted(counts: readonly RejectCount[]): void {
	const open = counts.filter(({ accepted }) => accepted === null);
	const [first] = open;
	if (!first) return;
	throw new MigrationError(
		{
			expected: "a person's agreement to every kind of row that stays behind",
			found: open.map(describeReject).join("\n         "),
			fix: `correct the rows on the source, change the mapping, or accept them: --accept-rejects ${JSON.stringify(`${first.table}:${first.reason}`)}, or accept(…) in the mapping`,
		},
		ExitCode.differences,
	);
}

/**
 * Reads `TABLE:REASON` as the command line gives it: an agreement for this run, by
 * whoever runs it. One that lasts stands in the mapping, with a note.
 */
export function acceptedOnCommandLine(
	entries: readonly string[],
): AcceptedReject[] {
	return entries.map((entry) => {
		const at = entry.indexOf(":");
		if (at <= 0 || at === entry.length - 1)
			throw new MigrationError({
				expected: "--accept-rejects TABLE:REASON, worded as the report does",
				found: entry,
				fix: 'for instance --accept-rejects "readings:value is null"',
			});
		return {
			table: entry.slice(0, at),
			reason: entry.slice(at + 1).trim(),
			note: "--accept-rejects",
		};
	});
}
