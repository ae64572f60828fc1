import { COLLATION, NOT_OF_AN_EXTENSION, REF } from "./shared";

/** Ordinary and partitioned tables, and partitions. */
export const TABLES = `
	SELECT
		${REF("pg_class", "c.oid")} AS "ref",
		n.nspname::text AS "schema",
		c.relname::text AS "name",
		c.relkind = 'p' AS "partitioned",
		pg_has_role(c.relowner, 'USAGE') AS "owned",
		CASE c.relkind WHEN 'p' THEN (
			SELECT coalesce(CASE WHEN bool_or(leaf.reltuples < 0) THEN -1 ELSE sum(leaf.reltuples) END, 0)::float8
			FROM pg_partition_tree(c.oid) tree JOIN pg_class leaf ON leaf.oid = tree.relid
			WHERE tree.isleaf
		) ELSE c.reltuples::float8 END AS "estimatedRows",
		CASE c.relkind WHEN 'p' THEN (
			SELECT coalesce(sum(pg_table_size(tree.relid)), 0)::float8
			FROM pg_partition_tree(c.oid) tree
			WHERE tree.isleaf
		) ELSE pg_table_size(c.oid)::float8 END AS "bytes",
		CASE WHEN c.relispartition THEN '{}' ELSE ARRAY (
			SELECT format('%I.%I', pn.nspname, p.relname)
			FROM pg_inherits h
			JOIN pg_class p ON p.oid = h.inhparent
			JOIN pg_namespace pn ON pn.oid = p.relnamespace
			WHERE h.inhrelid = c.oid
			ORDER BY h.inhseqno
		) END AS "inherits",
		CASE WHEN c.relispartition THEN (
			SELECT jsonb_build_object('schema', pn.nspname, 'name', p.relname)
			FROM pg_inherits h
			JOIN pg_class p ON p.oid = h.inhparent
			JOIN pg_namespace pn ON pn.oid = p.relnamespace
			WHERE h.inhrelid = c.oid
		) END AS "parent",
		pg_get_expr(c.relpartbound, c.oid) AS "bound",
		pg_get_partkeydef(c.oid) AS "partitionKey",
		nullif(c.relpersistence = 'u', false) AS "unlogged",
		nullif(
			c.reloptions || ARRAY (
				SELECT 'toast.' || o FROM pg_class toast, unnest(toast.reloptions) o
				WHERE toast.oid = c.reltoastrelid
			),
			'{}'
		) AS "options",
		CASE WHEN c.relforcerowsecurity THEN 'forced' WHEN c.relrowsecurity THEN 'enabled' END AS "rowSecurity",
		CASE c.relreplident
			WHEN 'f' THEN to_jsonb('full'::text)
			WHEN 'n' THEN to_jsonb('nothing'::text)
			WHEN 'i' THEN (
				SELECT jsonb_build_object('index', x.relname)
				FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
				WHERE i.indrelid = c.oid AND i.indisreplident
			)
		END AS "replicaIdentity",
		(
			SELECT x.relname::text
			FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
			WHERE i.indrelid = c.oid AND i.indisclustered
		) AS "clusterIndex",
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
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p')
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY
		CASE WHEN c.relispartition THEN (SELECT count(*) FROM pg_partition_ancestors(c.oid)) ELSE 0 END,
		n.nspname, c.relname
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
		${REF("pg_class", "c.oid")} AS "table",
		${REF("pg_attrdef", "d.oid")} AS "ref",
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
		CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS "identity",
		nullif(NOT a.attislocal, false) AS "inherited",
		${COLLATION("a.attcollation", "t.typcollation")} AS "collation",
		CASE WHEN a.attstorage <> t.typstorage THEN
			CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END
		END AS "storage",
		CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS "compression",
		CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::int END AS "statistics",
		a.attoptions AS "options"
	FROM pg_attribute a
	JOIN pg_class c ON c.oid = a.attrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_type t ON t.oid = a.atttypid
	JOIN under_domain u ON u.oid = a.atttypid
	JOIN pg_type b ON b.oid = u.base AND b.typtype <> 'd'
	JOIN pg_namespace bn ON bn.oid = b.typnamespace
	LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typsubscript = 'array_subscript_handler'::regproc
	LEFT JOIN pg_namespace en ON en.oid = e.typnamespace
	LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p')
		AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attrelid, a.attnum
`;

/** The partitioned table's index that an index is a part of. */
const PART_OF = (index: string) => `
	(
		SELECT jsonb_build_object('schema', pn.nspname, 'name', p.relname)
		FROM pg_inherits h
		JOIN pg_class p ON p.oid = h.inhparent
		JOIN pg_namespace pn ON pn.oid = p.relnamespace
		WHERE h.inhrelid = ${index}
	)`;

/**
 * Rows of NOT NULL (contype n, from version 18 on) stand in the columns already.
 * A key over a btree index can be made from it; not so on a partitioned table.
 */
export const CONSTRAINTS = `
	SELECT ${REF("pg_constraint", "k.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", k.conname::text AS "name",
		CASE k.contype
			WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
			WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion'
		END AS "kind",
		pg_get_constraintdef(k.oid) AS "definition",
		k.convalidated AS "validated",
		NOT k.conislocal AS "inherited",
		CASE WHEN k.contype IN ('p', 'u') AND am.amname = 'btree' AND c.relkind = 'r'
			THEN pg_get_indexdef(k.conindid)
		END AS "index",
		${PART_OF("k.conindid")} AS "partOf"
	FROM pg_constraint k
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_class i ON i.oid = k.conindid
	LEFT JOIN pg_am am ON am.oid = i.relam
	WHERE n.nspname = ANY ($1) AND k.contype IN ('p', 'u', 'c', 'x')
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 2, 3, k.contype = 'c', 4
`;

/** Those of partitions and to partitions that follow from their parent's are left out. */
export const FOREIGN_KEYS = `
	SELECT ${REF("pg_constraint", "k.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", k.conname::text AS "name",
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
	WHERE n.nspname = ANY ($1) AND k.contype = 'f' AND k.conparentid = 0
	ORDER BY 2, 3, 4
`;

export const INDEXES = `
	SELECT ${REF("pg_class", "x.indexrelid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", i.relname::text AS "name",
		pg_get_indexdef(x.indexrelid) AS "definition",
		x.indisvalid OR i.relkind = 'I' AS "valid",
		${PART_OF("x.indexrelid")} AS "partOf"
	FROM pg_index x
	JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_class c ON c.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'm')
		AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 2, 3, 4
`;

export const STATISTICS = `
	SELECT ${REF("pg_statistic_ext", "s.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", s.stxname::text AS "name",
		pg_get_statisticsobjdef(s.oid) AS "definition"
	FROM pg_statistic_ext s
	JOIN pg_class c ON c.oid = s.stxrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND ${NOT_OF_AN_EXTENSION("pg_statistic_ext", "s.oid")}
	ORDER BY 2, 3, 4
`;
