import { FIRST_USER_OID, NOT_OF_AN_EXTENSION, REF } from "./shared";

/** Views and materialized views; pg_get_viewdef ends its text with a semicolon. */
export const VIEWS = `
	SELECT ${REF("pg_class", "c.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "name",
		c.relkind = 'm' AS "materialized",
		c.relispopulated AS "populated",
		rtrim(pg_get_viewdef(c.oid), ';') AS "query",
		c.reloptions AS "options",
		(
			SELECT coalesce(jsonb_agg(
				jsonb_build_object('column', a.attname, 'expression', pg_get_expr(d.adbin, d.adrelid))
				ORDER BY a.attnum
			), '[]')
			FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
			WHERE d.adrelid = c.oid
		) AS "defaults"
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relkind IN ('v', 'm')
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 2, 3
`;

/**
 * Functions, window functions and procedures; aggregates have no definition to
 * read, and a range type brings its constructors along (deptype i).
 */
export const ROUTINES = `
	SELECT ${REF("pg_proc", "p.oid")} AS "ref",
		n.nspname::text AS "schema", p.proname::text AS "name",
		p.oid::regprocedure::text AS "identity",
		pg_get_functiondef(p.oid) AS "definition",
		NOT l.lanpltrusted OR p.proleakproof OR p.prosupport <> 0 AS "superuser",
		p.proacl IS NOT NULL AND NOT EXISTS (
			SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0
		) AS "restricted"
	FROM pg_proc p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	JOIN pg_language l ON l.oid = p.prolang
	WHERE n.nspname = ANY ($1) AND p.prokind <> 'a' AND NOT EXISTS (
			SELECT FROM pg_depend dep
			WHERE dep.classid = 'pg_proc'::regclass AND dep.objid = p.oid AND dep.deptype IN ('e', 'i')
		)
	ORDER BY 2, 3, 4
`;

/**
 * Of the schemas' tables, and of others where they call the schemas' functions, as
 * a trigger on auth.users may. Partitions have theirs from their parent.
 */
export const TRIGGERS = `
	SELECT ${REF("pg_trigger", "t.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", t.tgname::text AS "name",
		t.tgenabled::text AS "enabled",
		t.tgfoid::regprocedure::text AS "calls",
		pg_get_triggerdef(t.oid) AS "definition"
	FROM pg_trigger t
	JOIN pg_class c ON c.oid = t.tgrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_proc p ON p.oid = t.tgfoid
	JOIN pg_namespace pn ON pn.oid = p.pronamespace
	WHERE (n.nspname = ANY ($1) OR pn.nspname = ANY ($1))
		AND NOT t.tgisinternal AND t.tgparentid = 0
	ORDER BY 2, 3, 4
`;

/** A view's own rule is its query. */
export const RULES = `
	SELECT ${REF("pg_rewrite", "r.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", r.rulename::text AS "name",
		rtrim(pg_get_ruledef(r.oid), ';') AS "definition"
	FROM pg_rewrite r
	JOIN pg_class c ON c.oid = r.ev_class
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND r.rulename <> '_RETURN'
		AND ${NOT_OF_AN_EXTENSION("pg_class", "c.oid")}
	ORDER BY 2, 3, 4
`;

export const POLICIES = `
	SELECT ${REF("pg_policy", "p.oid")} AS "ref",
		n.nspname::text AS "schema", c.relname::text AS "table", p.polname::text AS "name",
		concat(
			format('CREATE POLICY %I ON %I.%I', p.polname, n.nspname, c.relname),
			CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END,
			CASE p.polcmd
				WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT'
				WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE'
			END,
			(
				SELECT ' TO ' || string_agg(format('%I', r.rolname), ', ' ORDER BY r.rolname)
				FROM pg_roles r WHERE r.oid = ANY (p.polroles)
			),
			' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
			' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
		) AS "definition"
	FROM pg_policy p
	JOIN pg_class c ON c.oid = p.polrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1)
	ORDER BY 2, 3, 4
`;

/**
 * Of all objects that are not the server's or an extension's; the reader keeps
 * those whose object it knows. A column's comment belongs to its table.
 */
export const COMMENTS = `
	SELECT concat(d.classoid, '/', d.objoid) AS "ref",
		CASE
			WHEN o.type = 'domain constraint' THEN (
				SELECT format('CONSTRAINT %I ON DOMAIN %s', k.conname, k.contypid::regtype)
				FROM pg_constraint k WHERE k.oid = d.objoid
			)
			ELSE concat(
				CASE
					WHEN o.type LIKE '% column' THEN 'COLUMN'
					WHEN o.type = 'table constraint' THEN 'CONSTRAINT'
					WHEN o.type = 'composite type' THEN 'TYPE'
					WHEN o.type = 'statistics object' THEN 'STATISTICS'
					ELSE upper(o.type)
				END,
				' ', o.identity
			)
		END AS "on",
		d.description AS "text"
	FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
	WHERE d.objoid >= ${FIRST_USER_OID} AND d.classoid <> 'pg_extension'::regclass AND NOT EXISTS (
		SELECT FROM pg_depend dep
		WHERE dep.classid = d.classoid AND dep.objid = d.objoid AND dep.deptype = 'e'
	)
	ORDER BY 2
`;
