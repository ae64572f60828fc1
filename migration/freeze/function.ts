import type { ClientBase } from "pg";
import { literal } from "../sql";

/**
 * Makes the barrier's function; its triggers stay as they are. The barrier is a
 * trigger, as nothing else holds: default_transaction_read_only reaches no open
 * session and any session can undo it, and REVOKE does not stop owners. A statement
 * trigger, ENABLE ALWAYS, stops every session, superusers and replication roles
 * included, and writes that cascade from tables of others.
 *
 * It is a lease: the deadline is the server's own to keep, so the source serves again
 * where whoever froze it has died. The deadline stands in the body, as writers have no
 * rights on schema cutover, and a transaction with a snapshot from before would read
 * it as it was. Hashed, the word of passBarrier can stand there as well, which
 * everybody may read.
 */
export async function replaceFunction(client: ClientBase): Promise<void> {
	const { rows } = await client.query<{ until: string; pass: string }>(`
		SELECT coalesce(until, 'infinity')::text AS "until",
			encode(sha256(convert_to(pass::text, 'UTF8')), 'hex') AS "pass"
		FROM cutover.freeze
	`);
	const { until, pass } = rows[0] as (typeof rows)[0];
	await client.query(`
		CREATE OR REPLACE FUNCTION cutover.refuse_write() RETURNS trigger LANGUAGE plpgsql
		SET search_path = pg_catalog AS ${literal(`
	BEGIN
		IF clock_timestamp() >= ${literal(until)}::timestamptz
			OR encode(sha256(convert_to(coalesce(current_setting('cutover.pass', true), ''), 'UTF8')), 'hex') = ${literal(pass)}
		THEN
			RETURN NULL;
		END IF;
		RAISE EXCEPTION 'this database is frozen: % on %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
			USING ERRCODE = 'read_only_sql_transaction', HINT = 'The product is moving; writes go to the new database soon.';
	END
	`)}
	`);
}
