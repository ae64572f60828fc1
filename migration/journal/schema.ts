/**
 * What the journal keeps on the side that is read.
 *
 * An entry's key is that of a row that was written; NULL says that the table was
 * truncated, so that no row from before is left; an empty array says that the
 * table is to be copied as a whole. A negative number stands for a note: the key
 * holds values by which rows of another table depend on the row that was written.
 *
 * The journal has no index: it is read and emptied as a whole, and an index would
 * cost every write of the product. As each cycle leaves as many dead rows as it
 * took, autovacuum comes by number and not by share, and without pauses.
 */
export const CREATE_JOURNAL = `
	CREATE SCHEMA IF NOT EXISTS cutover;
	CREATE TABLE IF NOT EXISTS cutover.journal (
		table_id integer NOT NULL,
		key text[],
		at timestamptz NOT NULL
	) WITH (
		autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 5000,
		autovacuum_vacuum_cost_delay = 0,
		autovacuum_analyze_scale_factor = 0,
		autovacuum_analyze_threshold = 5000
	);
	CREATE TABLE IF NOT EXISTS cutover.journal_table (
		id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		relation oid NOT NULL UNIQUE,
		key_columns text[],
		shape jsonb,
		epoch uuid NOT NULL DEFAULT gen_random_uuid(),
		installed_at timestamptz NOT NULL DEFAULT clock_timestamp()
	);
	COMMENT ON COLUMN cutover.journal_table.epoch IS
		'a copy made under another epoch may lack writes: the table is copied again';
	CREATE TABLE IF NOT EXISTS cutover.journal_note (
		id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		relation oid NOT NULL,
		definition jsonb NOT NULL,
		UNIQUE (relation, definition)
	);
	CREATE TABLE IF NOT EXISTS cutover.journal_stranger (
		relation oid PRIMARY KEY
	);
	COMMENT ON TABLE cutover.journal_stranger IS
		'tables known not to be followed; one that is in neither list came since';
	CREATE TABLE IF NOT EXISTS cutover.journal_reader (
		only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
		id uuid NOT NULL
	);
	COMMENT ON TABLE cutover.journal_reader IS
		'the one database that this journal is read for, by cutover.follower there';
	CREATE OR REPLACE FUNCTION cutover.journal_truncate() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
	BEGIN
		-- Arguments: number of the table, key of the marker.
		INSERT INTO cutover.journal VALUES (
			TG_ARGV[0]::integer,
			CASE TG_ARGV[1] WHEN 'whole' THEN '{}'::text[] END,
			clock_timestamp()
		);
		RETURN NULL;
	END
	$$;
	REVOKE ALL ON FUNCTION cutover.journal_truncate() FROM PUBLIC;
`;

/** Takes all of the above away; the triggers must be gone. */
export const DROP_JOURNAL = `
	DROP TABLE IF EXISTS cutover.journal, cutover.journal_table,
		cutover.journal_note, cutover.journal_stranger, cutover.journal_reader;
	DROP FUNCTION IF EXISTS cutover.journal_truncate();
`;

/** Names of the triggers on every followed table and its partitions. */
export const ROW_TRIGGER = "cutover_journal";
export const TRUNCATE_TRIGGER = "cutover_journal_truncate";
