import type { ClientBase } from "pg";
import { type DatabaseAddress, withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { ident, literal, relationExists } from "../sql";
import { watchBlockers } from "./blockers";

/** Name of the barrier's trigger on every table. */
export const BARRIER_TRIGGER = "cutover_barrier";

/**
 * The barrier is a trigger, as nothing else holds: default_transaction_read_only
 * reaches no open session and any session can undo it, and REVOKE does not stop
 * owners. A statement trigger, ENABLE ALWAYS, stops every session, superusers and
 * replication roles included, from its creation on; creating it waits for the
 * writers in flight.
 */
const CREATE_BARRIER_FUNCTION = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE OR REPLACE FUNCTION cutover.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE EXCEPTION 'this database is frozen: % on %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
			USING ERRCODE = 'read_only_sql_transaction', HINT = 'The product is moving; writes go to the new database soon.';
	END
	$$;
	CREATE TABLE IF NOT EXISTS cutover.freeze (
		only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
		frozen_at timestamptz NOT NULL,
		wal_position pg_lsn NOT NULL,
		role name NOT NULL
	);
`;

/** Tables that could be written to: ordinary and partitioned, partitions too. */
const WRITABLE_TABLES = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "name",
		pg_has_role(c.relowner, 'USAGE') AS "owned",
		EXISTS (
			SELECT FROM pg_trigger t
			WHERE t.tgrelid = c.oid AND t.tgname = ${literal(BARRIER_TRIGGER)} AND t.tgenabled = 'A'
		) AS "closed"
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
		AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cutover')
	ORDER BY 1, 2
`;

interface WritableTable {
	readonly schema: string;
	readonly name: string;
	readonly owned: boolean;
	readonly closed: boolean;
}

export interface FreezeResult {
	/** ISO 8601, by the server's clock, after the last writer had finished. */
	readonly frozenAt: string | null;
	readonly walPosition: string | null;
	/** Tables that the barrier closes. */
	readonly tables: readonly string[];
	/** Tables of other roles, which only the services that write them can close. */
	readonly notOwned: readonly string[];
	readonly alreadyFrozen: boolean;
}

/**
 * Closes every table that our role owns to all writes. All or nothing: when a
 * writer does not finish within `lockTimeout` milliseconds, no table is closed and
 * the message names who is in the way. On a frozen database it only closes tables
 * that came since and answers with the first freeze's time.
 */
export async function freeze(
	source: DatabaseAddress,
	options: { readonly dryRun: boolean; readonly lockTimeout: number },
): Promise<FreezeResult> {
	return withConnection(
		source,
		{ readOnly: options.dryRun },
		async (client) => {
			const tables = await writableTables(client);
			const open = tables.filter(({ owned, closed }) => owned && !closed);
			const earlier = await readRecord(client);
			if (!options.dryRun && (open.length > 0 || earlier === null))
				await close(source, client, open, options.lockTimeout);
			const record = options.dryRun ? earlier : await readRecord(client);
			return {
				frozenAt: record?.frozenAt ?? null,
				walPosition: record?.walPosition ?? null,
				tables: names(tables.filter(({ owned }) => owned)),
				notOwned: names(tables.filter(({ owned }) => !owned)),
				alreadyFrozen: earlier !== null,
			};
		},
	);
}

/** Opens the tables again; gives their names. Does nothing where nothing is closed. */
export async function unfreeze(
	source: DatabaseAddress,
	options: { readonly dryRun: boolean; readonly lockTimeout: number },
): Promise<{ tables: string[] }> {
	return withConnection(
		source,
		{ readOnly: options.dryRun },
		async (client) => {
			const closed = (await writableTables(client)).filter(
				({ closed }) => closed,
			);
			if (!options.dryRun) {
				await client.query("BEGIN");
				await client.query(`SET LOCAL lock_timeout = ${options.lockTimeout}`);
				for (const { schema, name } of closed)
					await client.query(
						`DROP TRIGGER IF EXISTS ${ident(BARRIER_TRIGGER)} ON ${ident(schema, name)}`,
					);
				await client.query("DROP FUNCTION IF EXISTS cutover.refuse_write()");
				await client.query("DROP TABLE IF EXISTS cutover.freeze");
				await dropEmptySchema(client);
				await client.query("COMMIT");
			}
			return { tables: names(closed) };
		},
	);
}

async function close(
	source: DatabaseAddress,
	client: ClientBase,
	open: readonly WritableTable[],
	lockTimeout: number,
): Promise<void> {
	const watch = await watchBlockers(source, client);
	try {
		await client.query("BEGIN");
		await client.query(CREATE_BARRIER_FUNCTION);
		await client.query(`SET LOCAL lock_timeout = ${lockTimeout}`);
		for (const table of open) await closeTable(client, table);
		await client.query(`
			INSERT INTO cutover.freeze (frozen_at, wal_position, role)
			VALUES (clock_timestamp(), pg_current_wal_insert_lsn(), current_user)
			ON CONFLICT (only_one) DO NOTHING
		`);
		await client.query("COMMIT");
	} catch (error) {
		await client.query("ROLLBACK").catch(() => {});
		const { code } = error as { code?: string };
		// lock_not_available, deadlock_detected
		if (code !== "55P03" && code !== "40P01") throw error;
		throw new MigrationError(
			{
				expected: `every writer to finish within ${lockTimeout / 1000} s`,
				found: `in the way: ${watch.seen().join("; ") || "a session that has ended since"}`,
				fix: "end these sessions or wait for them, then freeze again; no table has been closed",
			},
			ExitCode.refused,
		);
	} finally {
		await watch.stop();
	}
}

async function closeTable(
	client: ClientBase,
	{ schema, name }: WritableTable,
): Promise<void> {
	const table = ident(schema, name);
	const trigger = ident(BARRIER_TRIGGER);
	// OR REPLACE also mends a trigger that somebody has disabled.
	await client.query(`
		CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
		FOR EACH STATEMENT EXECUTE FUNCTION cutover.refuse_write()
	`);
	await client.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${trigger}`);
}

async function writableTables(client: ClientBase): Promise<WritableTable[]> {
	return (await client.query<WritableTable>(WRITABLE_TABLES)).rows;
}

async function readRecord(
	client: ClientBase,
): Promise<{ frozenAt: string; walPosition: string } | null> {
	if (!(await relationExists(client, "cutover.freeze"))) return null;
	const { rows } = await client.query(`
		SELECT to_char(frozen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "frozenAt",
			wal_position::text AS "walPosition"
		FROM cutover.freeze
	`);
	return rows[0] ?? null;
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

function names(tables: readonly WritableTable[]): string[] {
	return tables.map(({ schema, name }) => `${schema}.${name}`);
}
