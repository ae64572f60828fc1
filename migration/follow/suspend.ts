import type { ClientBase } from "pg";
import { type Enabled, SET_ENABLED } from "../catalog/types";
import type { DatabaseAddress } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { withTablesLocked } from "../journal/lock";
import { ident, literal, relationExists } from "../sql";

/**
 * What was changed on the side that is written to so that rows can be replaced
 * there, and the SQL that puts it back: written in the transaction that changes it.
 */
const CREATE_SUSPENDED = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.suspended (
		position integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		kind text NOT NULL CHECK (kind IN ('trigger', 'rule', 'foreign key', 'later')),
		schema_name text NOT NULL,
		table_name text NOT NULL,
		name text NOT NULL,
		back text,
		validate text,
		CHECK (back IS NOT NULL OR validate IS NOT NULL)
	);
`;

/** Tables that are written to, by schema and name. */
export interface TableName {
	readonly schema: string;
	readonly name: string;
}

interface Suspended {
	readonly kind: "trigger" | "rule" | "foreign key";
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	/** Carried out now. */
	readonly change: string;
	/** Puts it back, without a look at rows. */
	readonly back: string;
	/** Has rows looked at, once it is back; null where they need not be. */
	readonly validate: string | null;
}

/**
 * Switches off the given tables' own triggers and rules, before the first row
 * comes. Called again it changes only what is new.
 */
export async function suspendTriggers(
	address: DatabaseAddress,
	client: ClientBase,
	tables: readonly TableName[],
	lockTimeout: number,
): Promise<void> {
	await suspend(address, client, lockTimeout, async () => {
		const oids = await membersOf(client, tables);
		return [
			...(await activeTriggers(client, oids)),
			...(await activeRules(client, oids)),
		];
	});
}

/**
 * Sees to it that no trigger and no foreign key is in the way of rows that are
 * deleted and inserted again in one transaction: keys become deferrable. A key that
 * deletes or changes referring rows (ON DELETE CASCADE and the like; also RESTRICT)
 * does so at once even where it is deferrable: it is replaced by one without
 * action, which still holds at the end of every transaction. Called again it
 * changes only what is new.
 */
export async function suspendChecks(
	address: DatabaseAddress,
	client: ClientBase,
	tables: readonly TableName[],
	lockTimeout: number,
): Promise<void> {
	await suspendTriggers(address, client, tables, lockTimeout);
	await suspend(address, client, lockTimeout, async () =>
		keysInTheWay(client, await membersOf(client, tables)),
	);
}

/**
 * Does `work` in the open transaction with the same out of its way, and puts it back
 * before the transaction ends: whoever cuts it short leaves nothing changed. Keys
 * are in the way of rows that are replaced, and not of rows that are merged. Those
 * of large tables that were replaced are noted, to be validated once this is committed.
 */
export async function withoutChecksMeanwhile<T>(
	client: ClientBase,
	tables: readonly TableName[],
	{ keys }: { readonly keys: boolean },
	work: () => Promise<T>,
): Promise<T> {
	const oids = await membersOf(client, tables);
	const found = [
		...(await activeTriggers(client, oids)),
		...(await activeRules(client, oids)),
		...(keys ? await keysInTheWay(client, oids) : []),
	];
	await client.query(found.map(({ change }) => change).join(";\n"));
	const result = await work();
	// A table whose keys are still to be checked cannot be altered.
	await client.query(
		["SET CONSTRAINTS ALL IMMEDIATE", ...found.map(({ back }) => back)].join(
			";\n",
		),
	);
	await client.query(CREATE_SUSPENDED);
	await note(
		client,
		found
			.filter(({ validate }) => validate !== null)
			.map((one) => ({ ...one, back: null })),
	);
	await validateSmallKeys(client);
	return result;
}

/** Notes what is to be made when the following ends, in the open transaction. */
export async function suspendLater(
	client: ClientBase,
	statements: readonly {
		readonly schema: string;
		readonly table: string;
		readonly sql: string;
	}[],
): Promise<void> {
	await client.query(CREATE_SUSPENDED);
	await note(
		client,
		statements.map(({ schema, table, sql }) => ({
			kind: "later",
			schema,
			table,
			name: "",
			back: sql,
			validate: null,
		})),
	);
}

async function suspend(
	address: DatabaseAddress,
	client: ClientBase,
	lockTimeout: number,
	look: () => Promise<readonly Suspended[]>,
): Promise<void> {
	if ((await look()).length === 0) return;
	await withTablesLocked(
		address,
		client,
		[],
		"ACCESS EXCLUSIVE",
		lockTimeout,
		async () => {
			const found = await look();
			await client.query(CREATE_SUSPENDED);
			await client.query(found.map(({ change }) => change).join(";\n"));
			await note(client, found);
		},
	);
}

async function note(
	client: ClientBase,
	suspended: readonly (Omit<Suspended, "kind" | "change" | "back"> & {
		readonly kind: string;
		/** Null where it is back, and only to be validated. */
		readonly back: string | null;
	})[],
): Promise<void> {
	await client.query(
		`
		INSERT INTO cutover.suspended (kind, schema_name, table_name, name, back, validate)
		SELECT s ->> 'kind', s ->> 'schema', s ->> 'table', s ->> 'name', s ->> 'back', s ->> 'validate'
		FROM jsonb_array_elements($1) WITH ORDINALITY AS e (s, at)
		ORDER BY at
		`,
		[JSON.stringify(suspended)],
	);
}

/**
 * Puts triggers, rules and keys back as they were, and makes what had to wait, all in one transaction and without a
 * look at the rows: it takes the same time whatever their number. Keys count as
 * not validated until `validateKeys`. Gives the number of things put back.
 */
export async function restoreChecks(
	address: DatabaseAddress,
	client: ClientBase,
	lockTimeout: number,
): Promise<number> {
	if (!(await relationExists(client, "cutover.suspended"))) return 0;
	return withTablesLocked(
		address,
		client,
		[],
		"ACCESS EXCLUSIVE",
		lockTimeout,
		async () => {
			const { rows } = await client.query<{ back: string }>(
				`SELECT back FROM cutover.suspended WHERE back IS NOT NULL
				ORDER BY kind = 'later', position`,
			);
			if (rows.length > 0)
				await client.query(rows.map(({ back }) => back).join(";\n"));
			await client.query(`
				DELETE FROM cutover.suspended WHERE validate IS NULL;
				UPDATE cutover.suspended SET back = NULL;
			`);
			return rows.length;
		},
	);
}

/** A foreign key that is back but whose rows have not been looked at. */
export interface UnvalidatedKey {
	readonly position: number;
	/** As people write it: `table.key`. */
	readonly name: string;
	readonly sql: string;
	/** Of the referring table. */
	readonly bytes: number;
}

/** Reads which keys wait for validation, the smallest table first. */
export async function unvalidatedKeys(
	client: ClientBase,
): Promise<UnvalidatedKey[]> {
	if (!(await relationExists(client, "cutover.suspended"))) return [];
	const { rows } = await client.query<UnvalidatedKey>(`
		SELECT position, concat_ws('.', nullif(schema_name, 'public'), table_name, name) AS "name",
			validate AS "sql",
			coalesce(pg_table_size(to_regclass(format('%I.%I', schema_name, table_name))), 0)::float8 AS "bytes"
		FROM cutover.suspended
		WHERE back IS NULL
		ORDER BY bytes, position
	`);
	return rows;
}

/**
 * Validates keys, which blocks neither readers nor writers; each in a transaction of
 * its own, where none is open.
 */
export async function validateKeys(
	client: ClientBase,
	keys: readonly UnvalidatedKey[],
): Promise<void> {
	for (const { position, sql } of keys)
		await client.query(
			`${sql}; DELETE FROM cutover.suspended WHERE position = ${position}`,
		);
}

/** Keys of smaller tables are validated at once: it takes milliseconds. */
const VALIDATE_AT_ONCE_BYTES = 32_000_000;

/** Validates the keys of small tables; gives those that are left. */
export async function validateSmallKeys(
	client: ClientBase,
): Promise<UnvalidatedKey[]> {
	await validateKeys(
		client,
		(await unvalidatedKeys(client)).filter(
			({ bytes }) => bytes <= VALIDATE_AT_ONCE_BYTES,
		),
	);
	return unvalidatedKeys(client);
}

/** OIDs of the tables and their partitions. */
async function membersOf(
	client: ClientBase,
	tables: readonly TableName[],
): Promise<string[]> {
	const { rows } = await client.query<{ oid: string }>(
		`
		WITH RECURSIVE members (oid) AS (
			SELECT to_regclass(n.name)::oid FROM unnest($1::text[]) n (name)
			WHERE to_regclass(n.name) IS NOT NULL
			UNION
			SELECT i.inhrelid
			FROM members m
			JOIN pg_class p ON p.oid = m.oid AND p.relkind = 'p'
			JOIN pg_inherits i ON i.inhparent = p.oid
		)
		SELECT oid::int8::text AS "oid" FROM members
		`,
		[tables.map(({ schema, name }) => ident(schema, name))],
	);
	return rows.map(({ oid }) => oid);
}

/** A trigger or a rule that is switched off, and how it was on. */
interface Switched {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly enabled: Enabled;
}

function switchOff(
	kind: "trigger" | "rule",
	{ schema, table, name, enabled }: Switched,
): Suspended {
	// A partition's trigger may be in another state than its parent's.
	const only = kind === "trigger" ? "ONLY " : "";
	const set = (state: Enabled) =>
		`ALTER TABLE ${only}${ident(schema, table)} ${SET_ENABLED[state]} ${kind.toUpperCase()} ${ident(name)}`;
	return {
		kind,
		schema,
		table,
		name,
		change: set("D"),
		back: set(enabled),
		validate: null,
	};
}

/** All but our own. A partitioned table's come before its partitions', which may differ from it. */
async function activeTriggers(
	client: ClientBase,
	oids: readonly string[],
): Promise<Suspended[]> {
	const { rows } = await client.query<Switched>(
		`
		SELECT n.nspname::text AS "schema", c.relname::text AS "table",
			t.tgname::text AS "name", t.tgenabled::text AS "enabled"
		FROM pg_trigger t
		JOIN pg_class c ON c.oid = t.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE t.tgrelid = ANY ($1::oid[]) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
			AND t.tgname NOT LIKE 'cutover\\_%'
		ORDER BY c.relispartition, c.relkind DESC, 1, 2, 3
		`,
		[oids],
	);
	return rows.map((row) => switchOff("trigger", row));
}

async function activeRules(
	client: ClientBase,
	oids: readonly string[],
): Promise<Suspended[]> {
	const { rows } = await client.query<Switched>(
		`
		SELECT n.nspname::text AS "schema", c.relname::text AS "table",
			r.rulename::text AS "name", r.ev_enabled::text AS "enabled"
		FROM pg_rewrite r
		JOIN pg_class c ON c.oid = r.ev_class
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE r.ev_class = ANY ($1::oid[]) AND r.rulename <> '_RETURN' AND r.ev_enabled <> 'D'
		ORDER BY 1, 2, 3
		`,
		[oids],
	);
	return rows.map((row) => switchOff("rule", row));
}

interface ForeignKeyRow {
	readonly schema: string;
	readonly table: string;
	readonly name: string;
	readonly owned: boolean;
	readonly partitioned: boolean;
	readonly acts: boolean;
	readonly validated: boolean;
	readonly definition: string;
	readonly comment: string | null;
}

async function keysInTheWay(
	client: ClientBase,
	oids: readonly string[],
): Promise<Suspended[]> {
	const { rows } = await client.query<ForeignKeyRow>(
		`
		SELECT n.nspname::text AS "schema", c.relname::text AS "table", k.conname::text AS "name",
			pg_has_role(c.relowner, 'USAGE') AS "owned",
			c.relkind = 'p' AS "partitioned",
			k.confdeltype <> 'a' AS "acts",
			k.convalidated AS "validated",
			pg_get_constraintdef(k.oid) AS "definition",
			obj_description(k.oid, 'pg_constraint') AS "comment"
		FROM pg_constraint k
		JOIN pg_class c ON c.oid = k.conrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY ($1::oid[])
			AND (k.confdeltype <> 'a' OR NOT k.condeferrable)
		ORDER BY 1, 2, 3
		`,
		[oids],
	);
	const foreign = rows.filter(({ owned }) => !owned);
	if (foreign.length > 0)
		throw new MigrationError(
			{
				expected: "to own every table that refers to one that is written to",
				found: `tables of other roles: ${[...new Set(foreign.map(({ schema, table }) => ident(schema, table)))].join(", ")}`,
				fix: "have their owner drop these foreign keys until the sync is over, or own the tables",
			},
			ExitCode.refused,
		);
	return rows.map((key) => (key.acts ? replaced(key) : deferred(key)));
}

function deferred({ schema, table, name }: ForeignKeyRow): Suspended {
	const alter = `ALTER TABLE ${ident(schema, table)} ALTER CONSTRAINT ${ident(name)}`;
	return {
		kind: "foreign key",
		schema,
		table,
		name,
		change: `${alter} DEFERRABLE INITIALLY DEFERRED`,
		back: `${alter} NOT DEFERRABLE`,
		validate: null,
	};
}

function replaced(key: ForeignKeyRow): Suspended {
	const { schema, table, name, partitioned, validated, comment } = key;
	const alter = `ALTER TABLE ${ident(schema, table)}`;
	const definition = key.definition.replace(/ NOT VALID$/, "");
	// A partitioned table's keys cannot be added without a look at its rows.
	const unchecked = partitioned ? "" : " NOT VALID";
	const replace = (by: string) =>
		`${alter} DROP CONSTRAINT IF EXISTS ${ident(name)}, ADD CONSTRAINT ${ident(name)} ${by}${unchecked}`;
	const commented =
		comment === null
			? ""
			: `; COMMENT ON CONSTRAINT ${ident(name)} ON ${ident(schema, table)} IS ${literal(comment)}`;
	return {
		kind: "foreign key",
		schema,
		table,
		name,
		change: replace(withoutAction(definition)),
		back: replace(definition) + commented,
		validate:
			validated && !partitioned
				? `${alter} VALIDATE CONSTRAINT ${ident(name)}`
				: null,
	};
}

/**
 * A foreign key's definition, as pg_get_constraintdef prints it, without its ON
 * DELETE action, checked at the end of transactions.
 */
export function withoutAction(definition: string): string {
	const bare = definition.replace(
		/( ON DELETE (CASCADE|RESTRICT|SET NULL|SET DEFAULT)( \([^()]*\))?)?( DEFERRABLE( INITIALLY DEFERRED)?)?( NOT VALID)?$/,
		"",
	);
	return `${bare} DEFERRABLE INITIALLY DEFERRED`;
}
