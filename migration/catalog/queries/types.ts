import { COLLATION, NOT_OF_AN_EXTENSION, REF } from "./shared";

export const ENUMS = `
	SELECT ${REF("pg_type", "t.oid")} AS "ref",
		n.nspname::text AS "schema", t.typname::text AS "name",
		ARRAY (
			SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder
		) AS "labels"
	FROM pg_type t
	JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE n.nspname = ANY ($1) AND t.typtype = 'e' AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	ORDER BY 2, 3
`;

/** typdefault is the default as its author wrote it: its names may be found only by his search path. */
export const DOMAINS = `
	SELECT ${REF("pg_type", "t.oid")} AS "ref",
		n.nspname::text AS "schema", t.typname::text AS "name",
		format_type(t.typbasetype, t.typtypmod) AS "type",
		${COLLATION("t.typcollation", "b.typcollation")} AS "collation",
		t.typnotnull AS "notNull",
		pg_get_expr(t.typdefaultbin, 'pg_type'::regclass) AS "default",
		(
			SELECT coalesce(jsonb_agg(
				jsonb_build_object(
					'ref', ${REF("pg_constraint", "k.oid")},
					'name', k.conname, 'definition', pg_get_constraintdef(k.oid)
				) ORDER BY k.conname
			), '[]')
			FROM pg_constraint k
			WHERE k.contypid = t.oid AND k.contype = 'c'
		) AS "checks"
	FROM pg_type t
	JOIN pg_type b ON b.oid = t.typbasetype
	JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE n.nspname = ANY ($1) AND t.typtype = 'd' AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	ORDER BY t.oid
`;

/** pg_depend knows a composite type by its entry in pg_class. */
export const COMPOSITES = `
	SELECT ${REF("pg_class", "c.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "name",
		(
			SELECT coalesce(jsonb_agg(
				jsonb_strip_nulls(jsonb_build_object(
					'name', a.attname,
					'type', format_type(a.atttypid, a.atttypmod),
					'collation', ${COLLATION("a.attcollation", "t.typcollation")}
				)) ORDER BY a.attnum
			), '[]')
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		) AS "fields"
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind = 'c'
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
		AND ${NOT_OF_AN_EXTENSION("pg_type", "c.reltype")}
	ORDER BY c.oid
`;

export const RANGES = `
	SELECT ${REF("pg_type", "t.oid")} AS "ref",
		n.nspname::text AS "schema", t.typname::text AS "name",
		format_type(r.rngsubtype, NULL) AS "subtype",
		format('%I.%I', opn.nspname, op.opcname) AS "operatorClass",
		${COLLATION("r.rngcollation", "s.typcollation")} AS "collation",
		nullif(r.rngcanonical::oid, 0)::regproc::text AS "canonical",
		nullif(r.rngsubdiff::oid, 0)::regproc::text AS "difference",
		format('%I.%I', mn.nspname, m.typname) AS "multirange"
	FROM pg_range r
	JOIN pg_type t ON t.oid = r.rngtypid
	JOIN pg_namespace n ON n.oid = t.typnamespace
	JOIN pg_type s ON s.oid = r.rngsubtype
	JOIN pg_opclass op ON op.oid = r.rngsubopc
	JOIN pg_namespace opn ON opn.oid = op.opcnamespace
	JOIN pg_type m ON m.oid = r.rngmultitypid
	JOIN pg_namespace mn ON mn.oid = m.typnamespace
	WHERE n.nspname = ANY ($1) AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	ORDER BY t.oid
`;

/** deptype a: serial, i: identity. */
export const SEQUENCES = `
	SELECT ${REF("pg_class", "c.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "name",
		format_type(s.seqtypid, NULL) AS "type",
		s.seqstart::text AS "start", s.seqincrement::text AS "increment",
		s.seqmin::text AS "min", s.seqmax::text AS "max", s.seqcache::text AS "cache",
		s.seqcycle AS "cycle",
		CASE WHEN a.attname IS NOT NULL THEN
			jsonb_build_object('table', t.relname, 'column', a.attname)
		END AS "ownedBy",
		coalesce(d.deptype = 'i', false) AS "identity"
	FROM pg_sequence s
	JOIN pg_class c ON c.oid = s.seqrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
		AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
	LEFT JOIN pg_class t ON t.oid = d.refobjid
	LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE n.nspname = ANY ($1) AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 2, 3
`;
