/** What copies get wrong: odd names, every kind of column, values at their edges. */
export const HAZARDS = `
	CREATE TYPE mood AS ENUM ('sad', 'so-so', 'Very, "happy"');
	CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
	CREATE TYPE pair AS (a integer, b mood);

	CREATE TABLE "Every ""type""" (
		id integer PRIMARY KEY,
		"select" text,
		moods mood[],
		mood mood,
		percent percent,
		percents percent[],
		pair pair,
		amount numeric,
		price numeric(5,2),
		real_number float4,
		double_number float8,
		document json,
		binary_document jsonb,
		markup xml,
		place point,
		money money,
		bits bit varying(8),
		padded character(6),
		raw bytea,
		addresses inet[],
		network cidr,
		hardware macaddr,
		span interval,
		day date,
		clock timetz,
		moment timestamp,
		instant timestamptz,
		instants timestamptz[],
		numbers int4range,
		words tsvector,
		grid integer[],
		ids uuid[],
		flag boolean,
		doubled numeric GENERATED ALWAYS AS (price * 2) STORED
	);
	INSERT INTO "Every ""type""" (
		id, "select", moods, mood, percent, percents, pair, amount, price, real_number, double_number, document,
		binary_document, markup, place, money, bits, padded, raw, addresses, network, hardware, span, day, clock,
		moment, instant, instants, numbers, words, grid, ids, flag
	) VALUES
	(
		1, E'tab\\t newline\\n backslash \\\\ \\\\. quote '' "double"', '{sad,NULL,"Very, \\"happy\\""}', 'so-so', 1.50,
		'{0.0,99.90}', ROW(1, 'sad'), 1.00, 1.00, 'NaN', '-0', '{"b":1,  "a":1.0}', '{"a": 1.00, "b": [null]}',
		'<a>&amp;</a>', '(1.1,-0)', -12.34, B'101', 'ab', '\\x00ff', '{10.0.0.1/8,::1}', '10.0.0.0/8', '08:00:2b:01:02:03',
		'1 day', 'infinity', '12:00:00+05:30', '-infinity', '2026-03-29 02:30:00.123456+01', '{infinity}', '[1,)',
		'the:1A quick', '[0:1]={1,2}', '{00000000-0000-0000-0000-000000000001}', true
	),
	(
		2, '', '{}', 'Very, "happy"', 0.0, NULL, ROW(NULL, NULL), 'NaN', -999.99, 1e-40, 'Infinity', 'null', 'null', '',
		'(NaN,Infinity)', 0, B'', '', '', '{}', '::/0', 'ff:ff:ff:ff:ff:ff', '24 hours', '4713-01-01 BC', '23:59:59.999999-12',
		'294276-12-31 23:59:59', '4713-01-01 00:00:00+00 BC', '{}', 'empty', '', '{{1,2},{3,4}}', '{}', false
	);
	INSERT INTO "Every ""type""" (id) VALUES (3);
	INSERT INTO "Every ""type""" (id, "select") VALUES (4, repeat('ü𝄞', 200000));

	CREATE TABLE always (
		id bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY,
		other serial,
		note text
	);
	INSERT INTO always (note) SELECT 'row ' || n FROM generate_series(1, 20) n;

	CREATE TABLE self (
		id integer PRIMARY KEY,
		parent integer REFERENCES self,
		always_id bigint REFERENCES always ON DELETE SET NULL
	);
	INSERT INTO self VALUES (1, 3, 5), (2, 1, 10), (3, 2, NULL);

	CREATE TABLE keyless (a text, b integer);
	INSERT INTO keyless VALUES ('twice', 1), ('twice', 1), (NULL, NULL);
	CREATE INDEX "odd index" ON keyless (lower(a) DESC) WHERE b > 0;

	CREATE TABLE base (id integer PRIMARY KEY);
	CREATE TABLE heir (extra text) INHERITS (base);
	INSERT INTO base VALUES (1);
	INSERT INTO heir VALUES (2, 'inherits');

	CREATE SEQUENCE free START 100 INCREMENT -1 MAXVALUE 1000 MINVALUE -1000;
	SELECT nextval('free'), nextval('free');
`;
