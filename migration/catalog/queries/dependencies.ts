import { FIRST_USER_OID } from "./shared";

/**
 * Which objects must exist before others can, by pg_depend. Built-in objects leave
 * no trace there. Left out: that partitions' indexes belong to their parent's (P,
 * S), that members belong to their extension (e, see ALIASES), and that sequences
 * belong to the column they serve, which rather needs them.
 */
export const DEPENDENCIES = `
	SELECT concat(d.classid, '/', d.objid) AS "object",
		array_agg(DISTINCT concat(d.refclassid, '/', d.refobjid)) AS "needs"
	FROM pg_depend d
	LEFT JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
	WHERE d.objid >= ${FIRST_USER_OID} AND d.refobjid >= ${FIRST_USER_OID}
		AND d.deptype IN ('n', 'a', 'i')
		AND NOT (s.oid IS NOT NULL AND d.refclassid = 'pg_class'::regclass)
		AND (d.classid, d.objid) IS DISTINCT FROM (d.refclassid, d.refobjid)
		AND NOT EXISTS (
			SELECT FROM pg_depend dep
			WHERE dep.classid = d.classid AND dep.objid = d.objid AND dep.deptype = 'e'
		)
	GROUP BY 1
`;

/**
 * What stands for an object that is not made by itself: the element for its array
 * type, the table for its row type, the range for its multirange, the view for its
 * rule, the key for its index, the extension for its members, the range for its
 * constructors and casts.
 */
export const ALIASES = `
	SELECT concat('pg_type'::regclass::oid, '/', t.typarray) AS "ref",
		concat('pg_type'::regclass::oid, '/', t.oid) AS "of"
	FROM pg_type t WHERE t.typarray >= ${FIRST_USER_OID}
	UNION ALL
	SELECT concat('pg_type'::regclass::oid, '/', t.oid), concat('pg_class'::regclass::oid, '/', t.typrelid)
	FROM pg_type t WHERE t.typrelid >= ${FIRST_USER_OID}
	UNION ALL
	SELECT concat('pg_type'::regclass::oid, '/', r.rngmultitypid), concat('pg_type'::regclass::oid, '/', r.rngtypid)
	FROM pg_range r WHERE r.rngmultitypid >= ${FIRST_USER_OID}
	UNION ALL
	SELECT concat('pg_rewrite'::regclass::oid, '/', r.oid), concat('pg_class'::regclass::oid, '/', r.ev_class)
	FROM pg_rewrite r WHERE r.rulename = '_RETURN' AND r.oid >= ${FIRST_USER_OID}
	UNION ALL
	SELECT concat('pg_class'::regclass::oid, '/', k.conindid), concat('pg_constraint'::regclass::oid, '/', k.oid)
	FROM pg_constraint k WHERE k.contype IN ('p', 'u', 'x') AND k.conindid >= ${FIRST_USER_OID}
	UNION ALL
	SELECT concat(d.classid, '/', d.objid), concat(d.refclassid, '/', d.refobjid)
	FROM pg_depend d
	WHERE d.deptype = 'e'
		OR d.deptype = 'i' AND d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass)
`;

/** Keys of objects that the catalog leaves out; $1, $2: their catalogs and OIDs. */
export const OUTSIDE = `
	SELECT concat(u.class, '/', u.oid) AS "ref",
		concat(o.type, ' ', o.identity) AS "key"
	FROM unnest($1::oid[], $2::oid[]) u(class, oid), pg_identify_object(u.class, u.oid, 0) o
`;
