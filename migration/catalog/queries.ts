/**
 * The catalog's questions, each one statement with $1 = the schemas. Objects that
 * an extension brought along are left out: the extension makes them again.
 */

const NOT_OF_AN_EXTENSION = (catalog: string, oid: string) => `
	NOT EXISTS (
		SELECT FROM pg_depend dep
		WHERE dep.classid = '${catalog}'::regclass AND dep.objid = ${oid} AND dep.deptype = 'e'
	)`;

/**
 * Functions outside pg_catalog that an object's expression calls. Built-in ones
 * leave no trace in pg_depend, so what is found must exist before the object can.
 */
const FUNCTIONS_NEEDED = (catalog: string, oid: string) => `
	ARRAY (
		SELECT dep.refobjid::regprocedure::text FROM pg_depend dep
		WHERE dep.classid = '${catalog}'::regclass AND dep.objid = ${oid}
			AND dep.refclassid = 'pg_proc'::regclass
		ORDER BY 1
	)`;

export const SERVER = `
	SELECT
		current_setting('server_version_num')::int AS "version",
		current_setting('server_version') AS "versionText",
		current_setting('server_encoding') AS "encoding",
		current_database()::text AS "database",
		current_user::text AS "role"
`;

/** Ordinary and partitioned tables; partitions travel with their parent. */
export const TABLES = `
	SELECT
		c.oid::int8::text AS "oid",
		n.nspname::text AS "schema",
		c.relname::text AS "name",
		c.relkind = 'p' AS "partitioned",
		pg_has_role(c.relowner, 'USAGE') AS "owned",
		c.reltuples::float8 AS "estimatedRows",
		pg_table_size(c.oid)::float8 AS "bytes",
		ARRAY (
			SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid
			ORDER BY h.inhseqno
		) AS "inherits",
		(
			SELECT array_agg(a.attname::text ORDER BY k.position)
			FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, position)
			JOIN pg_attribute a ON a.attnum = k.attnum
			WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
				AND k.position <= i.indnkeyatts
		) AS "primaryKey",
		(
			SELECT array_agg(a.attname::text ORDER BY k.position)
			FROM (
				SELECT i.indexrelid, i.indkey, i.indnkeyatts FROM pg_index i
				WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
					AND (i.indisprimary OR i.indimmediate)
					AND i.indpred IS NULL AND i.indexprs IS NULL
					AND NOT EXISTS (
						SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, position)
						JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
						WHERE k.position <= i.indnkeyatts AND NOT a.attnotnull
					)
				ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
				LIMIT 1
			) i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, position)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
			WHERE k.position <= i.indnkeyatts
		) AS "rowKey"
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY n.nspname, c.relname
`;

/** Domains are followed down to the type that decides how a value travels. */
export const COLUMNS = `
	WITH RECURSIVE under_domain (oid, base, modifier) AS (
		SELECT t.oid, t.oid, -1 FROM pg_type t
		UNION ALL
		SELECT u.oid, t.typbasetype, t.typtypmod
		FROM under_domain u JOIN pg_type t ON t.oid = u.base
		WHERE t.typtype = 'd'
	)
	SELECT
		a.attrelid::int8::text AS "table",
		a.attname::text AS "name",
		format_type(a.atttypid, a.atttypmod) AS "type",
		jsonb_build_object(
			'schema', bn.nspname, 'name', b.typname, 'kind', b.typtype
		) AS "base",
		CASE WHEN e.oid IS NOT NULL THEN jsonb_build_object(
			'schema', en.nspname, 'name', e.typname, 'kind', e.typtype
		) END AS "element",
		CASE WHEN u.base = a.atttypid THEN a.atttypmod ELSE u.modifier END AS "modifier",
		a.attnotnull AS "notNull",
		CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
		CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "generated",
		${FUNCTIONS_NEEDED("pg_attrdef", "d.oid")} AS "needs",
		CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS "identity"
	FROM pg_attribute a
	JOIN pg_class c ON c.oid = a.attrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN under_domain u ON u.oid = a.atttypid
	JOIN pg_type b ON b.oid = u.base AND b.typtype <> 'd'
	JOIN pg_namespace bn ON bn.oid = b.typnamespace
	LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typsubscript = 'array_subscript_handler'::regproc
	LEFT JOIN pg_namespace en ON en.oid = e.typnamespace
	LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attrelid, a.attnum
`;

export const ENUMS = `
	SELECT n.nspname::text AS "schema", t.typname::text AS "name",
		array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS "labels"
	FROM pg_type t
	JOIN pg_namespace n ON n.oid = t.typnamespace
	JOIN pg_enum e ON e.enumtypid = t.oid
	WHERE n.nspname = ANY ($1) AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	GROUP BY 1, 2
	ORDER BY 1, 2
`;

export const DOMAINS = `
	SELECT n.nspname::text AS "schema", t.typname::text AS "name",
		format_type(t.typbasetype, t.typtypmod) AS "type",
		t.typnotnull AS "notNull",
		t.typdefault AS "default",
		ARRAY (
			SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
			WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname
		) AS "checks"
	FROM pg_type t
	JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE n.nspname = ANY ($1) AND t.typtype = 'd' AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	ORDER BY t.oid
`;

export const COMPOSITES = `
	SELECT n.nspname::text AS "schema", t.typname::text AS "name",
		jsonb_agg(
			jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
			ORDER BY a.attnum
		) AS "fields"
	FROM pg_type t
	JOIN pg_namespace n ON n.oid = t.typnamespace
	JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE n.nspname = ANY ($1) AND ${NOT_OF_AN_EXTENSION("pg_type", "t.oid")}
	GROUP BY t.oid, 1, 2
	ORDER BY t.oid
`;

/** deptype a: serial, i: identity. */
export const SEQUENCES = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "name",
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
	ORDER BY 1, 2
`;

/** Rows of NOT NULL (contype n, from version 18 on) stand in the columns already. */
export const CONSTRAINTS = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "table", k.conname::text AS "name",
		CASE k.contype
			WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
			WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion'
		END AS "kind",
		pg_get_constraintdef(k.oid) AS "definition",
		k.convalidated AS "validated",
		CASE WHEN k.contype IN ('p', 'u') AND am.amname = 'btree' AND c.relkind = 'r'
			THEN pg_get_indexdef(k.conindid)
		END AS "index",
		${FUNCTIONS_NEEDED("pg_constraint", "k.oid")} AS "needs"
	FROM pg_constraint k
	LEFT JOIN pg_class i ON i.oid = k.conindid
	LEFT JOIN pg_am am ON am.oid = i.relam
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND k.contype IN ('p', 'u', 'c', 'x') AND NOT c.relispartition
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 1, 2, k.contype = 'c', 3
`;

export const FOREIGN_KEYS = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "table", k.conname::text AS "name",
		rn.nspname::text AS "refSchema", r.relname::text AS "refTable",
		ARRAY (
			SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(attnum, position)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
			ORDER BY u.position
		) AS "columns",
		ARRAY (
			SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(attnum, position)
			JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
			ORDER BY u.position
		) AS "refColumns",
		pg_get_constraintdef(k.oid) AS "definition",
		k.convalidated AS "validated"
	FROM pg_constraint k
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_class r ON r.oid = k.confrelid
	JOIN pg_namespace rn ON rn.oid = r.relnamespace
	WHERE n.nspname = ANY ($1) AND k.contype = 'f' AND k.conparentid = 0 AND NOT c.relispartition
	ORDER BY 1, 2, 3
`;

export const INDEXES = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "table", i.relname::text AS "name",
		pg_get_indexdef(x.indexrelid) AS "definition",
		${FUNCTIONS_NEEDED("pg_class", "x.indexrelid")} AS "needs"
	FROM pg_index x
	JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_class c ON c.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 1, 2, 3
`;

export const TRIGGERS = `
	SELECT n.nspname::text AS "schema", c.relname::text AS "table", t.tgname::text AS "name",
		t.tgenabled::text AS "enabled",
		pg_get_triggerdef(t.oid) AS "definition"
	FROM pg_trigger t
	JOIN pg_class c ON c.oid = t.tgrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND NOT t.tgisinternal
	ORDER BY 1, 2, 3
`;
