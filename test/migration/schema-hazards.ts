/**
 * What the making of a schema gets wrong: dependencies that no list of kinds is
 * in order for, and things that CREATE TABLE has no words for. The extension
 * moddatetime, which only a superuser may create, has to be there.
 */
export const SCHEMA_HAZARDS = `
	CREATE SCHEMA "Other schema";
	CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA "Other schema";
	CREATE EXTENSION IF NOT EXISTS btree_gist;

	-- a domain that needs a function, which needs an enum; a function over the domain
	CREATE TYPE "Other schema".size AS ENUM ('s', 'm', 'l');
	CREATE TYPE nothing AS ENUM ();
	CREATE TYPE empty_row AS ();
	CREATE FUNCTION fits(text) RETURNS boolean LANGUAGE sql IMMUTABLE
		AS $$ SELECT $1 = ANY (enum_range(NULL::"Other schema".size)::text[]) $$;
	CREATE DOMAIN fitting AS text COLLATE "C" DEFAULT 'm' NOT NULL
		CONSTRAINT "must fit" CHECK (fits(VALUE)) CONSTRAINT short CHECK (length(VALUE) < 3);
	CREATE DOMAIN positive AS integer;
	ALTER DOMAIN positive ADD CONSTRAINT late CHECK (VALUE > 0) NOT VALID;
	CREATE DOMAIN fittings AS fitting[];
	CREATE FUNCTION first_of(fittings) RETURNS fitting LANGUAGE sql IMMUTABLE AS $$ SELECT $1[1] $$;

	CREATE TYPE float_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi, MULTIRANGE_TYPE_NAME = many_floats);
	CREATE TYPE text_range AS RANGE (SUBTYPE = text, COLLATION = "C");
	CREATE TYPE address AS (street text COLLATE "C", size "Other schema".size, span float_range);

	-- a table that is a column's type, a function over its rows, a default that calls a function
	CREATE TABLE house (id integer PRIMARY KEY, at address, "when" tstzrange DEFAULT 'empty');
	CREATE FUNCTION name_of(house) RETURNS text LANGUAGE sql STABLE AS $$ SELECT ($1.at).street $$;
	CREATE FUNCTION next_number() RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN RETURN (SELECT coalesce(max(number), 0) + 1 FROM public.tower); END $$;
	CREATE TABLE tower (
		number bigint DEFAULT next_number() CONSTRAINT tower_key PRIMARY KEY,
		ground house,
		floors house[],
		label text COMPRESSION pglz COLLATE "C" DEFAULT upper('t'),
		size fitting,
		spans many_floats,
		shouted text GENERATED ALWAYS AS (upper(label) || '!') STORED,
		CONSTRAINT "not ""null""" CHECK (label IS NOT NULL OR number > 0),
		CONSTRAINT by_function CHECK (fits(size)),
		CONSTRAINT late UNIQUE (label) DEFERRABLE INITIALLY DEFERRED,
		CONSTRAINT one_null UNIQUE NULLS NOT DISTINCT (size, label) INCLUDE (number),
		CONSTRAINT apart EXCLUDE USING gist (label WITH =, numrange(number, number + 1) WITH &&)
	) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
	ALTER TABLE tower ALTER label SET STORAGE EXTERNAL, ALTER label SET STATISTICS 7, ALTER label SET (n_distinct = -0.5);
	INSERT INTO tower (number, label, size) VALUES (-1, 'old', 's');
	ALTER TABLE tower ADD CONSTRAINT unproven CHECK (number > 0) NOT VALID;
	ALTER TABLE tower ADD CONSTRAINT unproven_key FOREIGN KEY (number) REFERENCES house NOT VALID;
	CREATE INDEX by_trigram ON tower USING gin (label "Other schema".gin_trgm_ops);
	CREATE UNIQUE INDEX by_expression ON tower (lower(label) COLLATE "C" text_pattern_ops DESC NULLS LAST, (number % 7)) WHERE number <> 0;
	CREATE INDEX by_function_index ON tower (fits(label)) WITH (fillfactor = 50);
	CREATE UNIQUE INDEX told ON tower (number) INCLUDE (label);
	ALTER TABLE tower CLUSTER ON told, REPLICA IDENTITY USING INDEX told;
	CREATE STATISTICS of_tower (dependencies, mcv) ON size, label FROM tower;
	CREATE UNLOGGED TABLE fleeting (at timestamptz DEFAULT now());
	ALTER TABLE fleeting REPLICA IDENTITY FULL;

	-- views in circles with keys and functions
	CREATE VIEW grouped AS SELECT h.*, count(t.number) AS towers FROM house h LEFT JOIN tower t ON t.number = h.id GROUP BY h.id;
	CREATE FUNCTION of_grouped(grouped) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT $1.towers $$;
	CREATE VIEW "on top" WITH (security_barrier, check_option = cascaded) AS
		SELECT id, "when" AS "select" FROM house WHERE id > 0;
	ALTER VIEW "on top" ALTER COLUMN id SET DEFAULT 77;
	CREATE MATERIALIZED VIEW stored AS SELECT size, count(*) AS n FROM tower GROUP BY size;
	CREATE MATERIALIZED VIEW again WITH (fillfactor = 80) AS SELECT sum(n) AS n FROM stored;
	CREATE UNIQUE INDEX stored_key ON stored (size);
	CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
	CREATE FUNCTION parsed(n integer DEFAULT 3) RETURNS SETOF tower BEGIN ATOMIC SELECT * FROM tower LIMIT n; END;
	CREATE PROCEDURE work(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;

	-- triggers, rules
	CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
	CREATE TRIGGER plain BEFORE INSERT OR UPDATE OF label ON tower FOR EACH ROW WHEN (NEW.number > 3) EXECUTE FUNCTION fire('a', 'b');
	CREATE TRIGGER always AFTER DELETE ON tower REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fire();
	ALTER TABLE tower ENABLE ALWAYS TRIGGER always;
	CREATE TRIGGER off BEFORE TRUNCATE ON house FOR EACH STATEMENT EXECUTE FUNCTION fire();
	ALTER TABLE house DISABLE TRIGGER off;
	CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON house DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fire();
	CREATE TRIGGER instead INSTEAD OF INSERT ON grouped FOR EACH ROW EXECUTE FUNCTION fire();
	CREATE TRIGGER touched BEFORE UPDATE ON fleeting FOR EACH ROW EXECUTE FUNCTION moddatetime(at);
	CREATE RULE quiet AS ON DELETE TO fleeting DO INSTEAD NOTHING;

	-- inheritance: defaults and NOT NULL of one's own, two parents, checks of either
	CREATE TABLE parent_a (id serial PRIMARY KEY, a text DEFAULT 'a' CHECK (a <> ''), g integer GENERATED ALWAYS AS (length(a)) STORED);
	CREATE TABLE parent_b (b text, CONSTRAINT only_here CHECK (b <> 'x') NO INHERIT);
	CREATE TABLE child (own text, CONSTRAINT of_child CHECK (own <> 'y')) INHERITS (parent_a, parent_b);
	ALTER TABLE child ALTER a SET DEFAULT 'of child', ALTER b SET NOT NULL, ALTER id DROP DEFAULT;
	INSERT INTO parent_a (a) VALUES ('first'), ('second');
	INSERT INTO child (id, a, b, own) VALUES (10, 'heir', 'b', 'own');

	-- partitions of several levels, with columns in an order of their own
	CREATE TABLE measured (
		id bigint GENERATED BY DEFAULT AS IDENTITY,
		at date NOT NULL,
		kind text NOT NULL,
		value numeric DEFAULT 1.50 CHECK (value > 0),
		PRIMARY KEY (id, at, kind)
	) PARTITION BY RANGE (at);
	CREATE TABLE measured_old PARTITION OF measured FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
	CREATE TABLE measured_new PARTITION OF measured FOR VALUES FROM ('2020-01-01') TO ('2030-01-01') PARTITION BY LIST (kind);
	CREATE TABLE "measured ""odd""" PARTITION OF measured_new FOR VALUES IN ('odd', 'x') PARTITION BY HASH (id);
	CREATE TABLE odd_0 PARTITION OF "measured ""odd""" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE odd_1 PARTITION OF "measured ""odd""" FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (fillfactor = 60);
	CREATE TABLE measured_rest (
		value numeric DEFAULT 2 CONSTRAINT measured_value_check CHECK (value > 0), kind text NOT NULL, at date NOT NULL, id bigint NOT NULL
	);
	ALTER TABLE measured_new ATTACH PARTITION measured_rest DEFAULT;
	CREATE INDEX of_all ON measured (value);
	CREATE INDEX of_one ON odd_1 (value, kind);
	ALTER TABLE measured_rest ADD CONSTRAINT small CHECK (value < 1000);
	ALTER TABLE measured ADD CONSTRAINT to_house FOREIGN KEY (id) REFERENCES house (id);
	CREATE TABLE refers (id bigint, at date, kind text, FOREIGN KEY (id, at, kind) REFERENCES measured);
	CREATE TRIGGER each_part AFTER INSERT ON measured FOR EACH ROW EXECUTE FUNCTION fire();
	ALTER TABLE measured DISABLE TRIGGER USER;
	ALTER TABLE house DISABLE TRIGGER USER;
	INSERT INTO house (id, at) SELECT n, ROW('street ' || n, 's', '[1,2.5)')::address FROM generate_series(1, 100) n;
	INSERT INTO measured (id, at, kind)
	SELECT n, date '2019-12-01' + n, CASE n % 3 WHEN 0 THEN 'odd' WHEN 1 THEN 'x' ELSE 'rest' END FROM generate_series(1, 100) n;
	INSERT INTO refers SELECT id, at, kind FROM measured WHERE id < 20;
	ALTER TABLE measured ENABLE TRIGGER USER;
	ALTER TABLE house ENABLE TRIGGER USER;
	ALTER TABLE house DISABLE TRIGGER off;
	INSERT INTO tower (number, ground, floors, label, size, spans)
	SELECT -id, h, ARRAY[h, NULL], 'tower ' || id, 'l', '{[1,2)}' FROM house h WHERE id > 90 AND false;

	COMMENT ON SCHEMA "Other schema" IS 'a schema';
	COMMENT ON TABLE tower IS 'it''s a \\tower';
	COMMENT ON COLUMN tower.shouted IS 'a column';
	COMMENT ON CONSTRAINT "not ""null""" ON tower IS 'a constraint';
	COMMENT ON CONSTRAINT "must fit" ON DOMAIN fitting IS 'a check of a domain';
	COMMENT ON TYPE address IS 'a type';
	COMMENT ON COLUMN address.street IS 'a field';
	COMMENT ON DOMAIN fitting IS 'a domain';
	COMMENT ON FUNCTION fits(text) IS 'a function';
	COMMENT ON PROCEDURE work(integer) IS 'a procedure';
	COMMENT ON VIEW grouped IS 'a view';
	COMMENT ON COLUMN grouped.towers IS 'a view''s column';
	COMMENT ON MATERIALIZED VIEW stored IS 'a stored view';
	COMMENT ON INDEX by_trigram IS 'an index';
	COMMENT ON TRIGGER plain ON tower IS 'a trigger';
	COMMENT ON RULE quiet ON fleeting IS 'a rule';
	COMMENT ON STATISTICS of_tower IS 'statistics';
	COMMENT ON TABLE odd_1 IS 'a partition';
	COMMENT ON SEQUENCE parent_a_id_seq IS 'a sequence';
`;
