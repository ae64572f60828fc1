import type { ClientBase } from "pg";
import { type DatabaseAddress, withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { withTablesLocked } from "../journal/lock";
import { ident, literal, relationExists } from "../sql";
import { type Cancelled, type WriterOptions, withoutWriters } from "./cancel";
import { replaceFunction } from "./function";
import {
	BARRIER_TRIGGER,
	CREATE_RECORD,
	type FreezeRecord,
	NOTED,
	readFreeze,
	type TableName,
	type WritableTable,
	writableTables,
} from "./record";

export interface FreezeOptions extends WriterOptions {
	readonly dryRun: boolean;
	/** Seconds until the barrier opens by itself; undefined: it stays. */
	readonly maxFreeze?: number | undefined;
	/** Give a barrier that stands a new deadline, also one that was made to stay. */
	readonly renew?: boolean;
}

export interface FreezeResult {
	/** ISO 8601, by the server's clock, after the last writer had finished. */
	readonly frozenAt: string | null;
	/** When the barrier opens by itself; null where it stays. */
	readonly until: string | null;
	readonly walPosition: string | null;
	/** Where sequences stood once the last writer had finished; null where unused. */
	readonly sequences: Readonly<Record<string, string | null>>;
	/** Tables that the barrier closes. */
	readonly tables: readonly string[];
	/** Tables of other roles, which only the services that write them can close. */
	readonly notOwned: readonly string[];
	readonly alreadyFrozen: boolean;
	readonly cancelled: readonly Cancelled[];
}

/**
 * Closes every table that our role owns to all writes, for `maxFreeze` seconds or
 * until it is taken back. All or nothing: when a writer does not finish within
 * `lockTimeout`, no table is closed and the message names who is in the way. On a
 * frozen database it closes tables that came since, keeps the first freeze's time,
 * and moves the deadline where one is given.
 *
 * @throws MigrationError (exit 4) where a writer is in the way, a deadline is given
 *   for a barrier that was made to stay, or one that does not stand is to be renewed.
 */
export async function freeze(
	source: DatabaseAddress,
	options: FreezeOptions,
): Promise<FreezeResult> {
	const { dryRun, maxFreeze } = options;
	return withConnection(source, { readOnly: dryRun }, async (client) => {
		const tables = await writableTables(client);
		const owned = tables.filter((table) => table.owned);
		const before = await readFreeze(client);
		const standing = before?.lapsed ? null : before;
		refuseOther(source, before, options);
		const nothingToDo =
			standing !== null &&
			maxFreeze === undefined &&
			owned.every(({ closed }) => closed);
		const cancelled =
			dryRun || nothingToDo
				? []
				: await withoutWriters(source, client, owned, options, () =>
						close(client, owned, maxFreeze),
					);
		const record = dryRun ? standing : await readFreeze(client);
		return {
			frozenAt: record?.frozenAt ?? null,
			until: record?.until ?? null,
			walPosition: record?.walPosition ?? null,
			sequences: await lastValues(client),
			tables: names(owned),
			notOwned: names(tables.filter(({ owned }) => !owned)),
			alreadyFrozen:
				standing !== null && standing.frozenAt === record?.frozenAt,
			cancelled,
		};
	});
}

/**
 * Opens the tables again, whatever state the barrier is in; gives their names. The
 * first step lets writes through at once and waits for nobody; the triggers, which do
 * nothing from then on, go as soon as nobody uses the tables.
 *
 * @throws MigrationError (exit 4) where somebody uses a table for longer than
 *   `lockTimeout`: writes are accepted even so.
 */
export async function unfreeze(
	source: DatabaseAddress,
	options: { readonly dryRun: boolean; readonly lockTimeout: number },
): Promise<{ tables: string[] }> {
	return withConnection(
		source,
		{ readOnly: options.dryRun },
		async (client) => {
			const tables = await tablesWithBarrier(client);
			if (options.dryRun) return { tables: names(tables) };
			await open(client, "true");
			await withTablesLocked(
				source,
				client,
				tables,
				"ACCESS EXCLUSIVE",
				options.lockTimeout,
				() => remove(client, tables),
			).catch((error: unknown) => {
				throw error instanceof MigrationError
					? new MigrationError(
							{
								...error,
								fix: "the source takes writes again; for the triggers to go, end these sessions or wait for them, then unfreeze again",
							},
							error.exitCode,
						)
					: error;
			});
			return { tables: names(tables) };
		},
	);
}

/**
 * Ends a barrier that has a deadline as if it had come, waiting for nobody; gives
 * false where there is none, or one that was made to stay. Its triggers stay.
 */
export async function liftLease(source: DatabaseAddress): Promise<boolean> {
	return withConnection(source, { readOnly: false }, (client) =>
		open(client, "until IS NOT NULL"),
	);
}

/**
 * Lets this session write through the barrier; does nothing where none stands. The
 * word for it is kept where only the barrier's owner may read it: that keeps out
 * accidents, not somebody who means it, who owns the tables anyhow.
 */
export async function passBarrier(client: ClientBase): Promise<void> {
	if (!(await relationExists(client, "cutover.freeze"))) return;
	await client.query(
		"SELECT set_config('cutover.pass', pass::text, false) FROM cutover.freeze",
	);
}

/**
 * Closes the tables, which are locked: writers from before have ended. Also where a
 * barrier stands or has lapsed, as a session that has one of the tables locked goes
 * by the function as it knows it: see keepFreeze.
 */
async function close(
	client: ClientBase,
	owned: readonly WritableTable[],
	maxFreeze: number | undefined,
): Promise<void> {
	await client.query(CREATE_RECORD);
	await client.query(
		"DELETE FROM cutover.freeze WHERE until <= clock_timestamp()",
	);
	const moved = "clock_timestamp() + make_interval(secs => $1)";
	await client.query(
		`
		INSERT INTO cutover.freeze AS f (frozen_at, wal_position, role, until, noted_at, noted)
		VALUES (clock_timestamp(), pg_current_wal_insert_lsn(), current_user, ${moved}, clock_timestamp(), '{}')
		ON CONFLICT (only_one) DO UPDATE SET until = coalesce(${moved}, f.until)
		`,
		[maxFreeze ?? null],
	);
	await replaceFunction(client);
	const trigger = ident(BARRIER_TRIGGER);
	await client.query(
		[
			// OR REPLACE also mends a trigger that somebody has disabled.
			...owned.map(({ schema, name }) => {
				const table = ident(schema, name);
				return `
				CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
				FOR EACH STATEMENT EXECUTE FUNCTION cutover.refuse_write();
				ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${trigger}`;
			}),
			`UPDATE cutover.freeze SET noted_at = clock_timestamp(), noted = ${NOTED}`,
		].join(";\n"),
	);
}

/** Lets all writes through from now on; the triggers stay. */
async function open(client: ClientBase, which: string): Promise<boolean> {
	if (!(await readFreeze(client))) return false;
	await client.query("BEGIN");
	const { rowCount } = await client.query(
		`UPDATE cutover.freeze SET until = clock_timestamp() WHERE ${which}`,
	);
	if (rowCount === 1) await replaceFunction(client);
	await client.query("COMMIT");
	return rowCount === 1;
}

async function remove(
	client: ClientBase,
	tables: readonly TableName[],
): Promise<void> {
	await client.query(
		[
			...tables.map(
				({ schema, name }) =>
					`DROP TRIGGER IF EXISTS ${ident(BARRIER_TRIGGER)} ON ${ident(schema, name)}`,
			),
			"DROP FUNCTION IF EXISTS cutover.refuse_write()",
			"DROP TABLE IF EXISTS cutover.freeze",
		].join(";\n"),
	);
	await dropEmptySchema(client);
}

/** Tables that have the barrier's trigger, in whatever state. */
async function tablesWithBarrier(client: ClientBase): Promise<TableName[]> {
	const { rows } = await client.query(`
		SELECT n.nspname::text AS "schema", c.relname::text AS "name"
		FROM pg_trigger t
		JOIN pg_class c ON c.oid = t.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE t.tgname = ${literal(BARRIER_TRIGGER)}
		ORDER BY 1, 2
	`);
	return rows;
}

async function lastValues(
	client: ClientBase,
): Promise<Record<string, string | null>> {
	const { rows } = await client.query<{ name: string; last: string | null }>(`
		SELECT format('%s.%s', schemaname, sequencename) AS "name", last_value::text AS "last"
		FROM pg_sequences WHERE schemaname <> 'cutover' ORDER BY 1
	`);
	return Object.fromEntries(rows.map(({ name, last }) => [name, last]));
}

function refuseOther(
	{ label }: DatabaseAddress,
	before: FreezeRecord | null,
	{ maxFreeze, renew }: FreezeOptions,
): void {
	const refuse = (expected: string, found: string, fix: string) => {
		throw new MigrationError({ expected, found, fix }, ExitCode.refused);
	};
	if (renew && (!before || before.lapsed))
		refuse(
			`a ${label} that is frozen`,
			before
				? `one that serves again since ${before.until}`
				: "one that is not",
			"freeze it anew: what was written meanwhile has to come along",
		);
	if (!renew && before?.until === null && maxFreeze !== undefined)
		refuse(
			`a ${label} that is not frozen, or only until a deadline`,
			`one frozen since ${before.frozenAt} to stay so`,
			"where it may open again, freeze --renew gives it a deadline, and unfreeze opens it",
		);
}

/**
 * Removes the schema cutover where nothing is left in it: on the target it also
 * holds the user map, on a followed source the journal.
 */
export async function dropEmptySchema(client: ClientBase): Promise<void> {
	const { rows } = await client.query(`
		SELECT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'cutover' AND NOT EXISTS (
			SELECT FROM pg_depend d
			WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
		)) AS "empty"
	`);
	if (rows[0]?.empty) await client.query("DROP SCHEMA cutover");
}

function names(tables: readonly TableName[]): string[] {
	return tables.map(({ schema, name }) => `${schema}.${name}`);
}
