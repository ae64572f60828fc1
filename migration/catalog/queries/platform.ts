import { FIRST_USER_OID, NOT_OF_AN_EXTENSION, REF } from "./shared";

export const SERVER = `
	SELECT
		current_setting('server_version_num')::int AS "version",
		current_setting('server_version') AS "versionText",
		current_setting('server_encoding') AS "encoding",
		current_database()::text AS "database",
		current_user::text AS "role"
`;

/** The schemas asked for, and where extensions live: their functions are called by that name. */
export const SCHEMAS = `
	SELECT ${REF("pg_namespace", "n.oid")} AS "ref", n.nspname::text AS "name"
	FROM pg_namespace n
	WHERE (n.nspname = ANY ($1) OR n.oid IN (SELECT e.extnamespace FROM pg_extension e))
		AND n.nspname NOT LIKE 'pg\\_%'
		AND ${NOT_OF_AN_EXTENSION("pg_namespace", "n.oid")}
	ORDER BY 2
`;

/** Schemas with something of a user's in them, by whoever made them. */
export const USER_SCHEMAS = `
	SELECT n.nspname::text AS "name"
	FROM pg_namespace n
	WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'cutover')
		AND ${NOT_OF_AN_EXTENSION("pg_namespace", "n.oid")}
	ORDER BY 1
`;

/** plpgsql is everywhere. */
export const EXTENSIONS = `
	SELECT ${REF("pg_extension", "e.oid")} AS "ref",
		e.extname::text AS "name", e.extversion AS "version", n.nspname::text AS "schema"
	FROM pg_extension e
	JOIN pg_namespace n ON n.oid = e.extnamespace
	WHERE e.extname <> 'plpgsql'
	ORDER BY 2
`;

/** A user's objects of kinds that are none of the catalog's own; $1 narrows what lies in schemas. */
export const OTHERS = `
	WITH object (class, oid, namespace) AS (
		SELECT 'pg_proc'::regclass, p.oid, p.pronamespace FROM pg_proc p WHERE p.prokind = 'a'
		UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprnamespace FROM pg_operator o
		UNION ALL SELECT 'pg_opfamily'::regclass, f.oid, f.opfnamespace FROM pg_opfamily f
		UNION ALL SELECT 'pg_opclass'::regclass, o.oid, o.opcnamespace FROM pg_opclass o
		UNION ALL SELECT 'pg_collation'::regclass, c.oid, c.collnamespace FROM pg_collation c
		UNION ALL SELECT 'pg_conversion'::regclass, c.oid, c.connamespace FROM pg_conversion c
		UNION ALL SELECT 'pg_ts_config'::regclass, c.oid, c.cfgnamespace FROM pg_ts_config c
		UNION ALL SELECT 'pg_ts_dict'::regclass, d.oid, d.dictnamespace FROM pg_ts_dict d
		UNION ALL SELECT 'pg_ts_parser'::regclass, p.oid, p.prsnamespace FROM pg_ts_parser p
		UNION ALL SELECT 'pg_ts_template'::regclass, t.oid, t.tmplnamespace FROM pg_ts_template t
		UNION ALL SELECT 'pg_class'::regclass, c.oid, c.relnamespace FROM pg_class c WHERE c.relkind = 'f'
		UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typnamespace FROM pg_type t
			WHERE t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
		UNION ALL SELECT 'pg_cast'::regclass, c.oid, NULL FROM pg_cast c
		UNION ALL SELECT 'pg_transform'::regclass, t.oid, NULL FROM pg_transform t
		UNION ALL SELECT 'pg_language'::regclass, l.oid, NULL FROM pg_language l
		UNION ALL SELECT 'pg_am'::regclass, a.oid, NULL FROM pg_am a
		UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, NULL FROM pg_foreign_data_wrapper w
		UNION ALL SELECT 'pg_foreign_server'::regclass, s.oid, NULL FROM pg_foreign_server s
		UNION ALL SELECT 'pg_event_trigger'::regclass, t.oid, NULL FROM pg_event_trigger t
		UNION ALL SELECT 'pg_publication'::regclass, p.oid, NULL FROM pg_publication p
	)
	SELECT concat(object.class::oid, '/', object.oid) AS "ref", o.type AS "kind", o.identity AS "identity"
	FROM object
	LEFT JOIN pg_namespace n ON n.oid = object.namespace,
	pg_identify_object(object.class, object.oid, 0) o
	WHERE object.oid >= ${FIRST_USER_OID} AND (object.namespace IS NULL OR n.nspname = ANY ($1))
		AND NOT EXISTS (
			SELECT FROM pg_depend dep
			WHERE dep.classid = object.class AND dep.objid = object.oid AND dep.deptype IN ('e', 'i')
		)
	ORDER BY object.oid
`;

/** Names of settings only: values may be secrets (Supabase keeps app.settings.jwt_secret there). */
export const SETTINGS = `
	SELECT DISTINCT CASE WHEN s.setrole <> 0 THEN s.setrole::regrole::text END AS "role",
		split_part(c, '=', 1) AS "setting"
	FROM pg_db_role_setting s, unnest(s.setconfig) c
	WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
	ORDER BY 1, 2
`;

/** Roles beside owner and PUBLIC that were given something in the schemas. */
export const GRANTS = `
	WITH granted (class, oid, owner, acl) AS (
		SELECT c.tableoid, c.oid, c.relowner, c.relacl
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
		UNION ALL
		SELECT p.tableoid, p.oid, p.proowner, p.proacl
		FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = ANY ($1)
		UNION ALL
		SELECT t.tableoid, t.oid, t.typowner, t.typacl
		FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
		WHERE n.nspname = ANY ($1)
		UNION ALL
		SELECT n.tableoid, n.oid, n.nspowner, n.nspacl FROM pg_namespace n WHERE n.nspname = ANY ($1)
	)
	SELECT r.rolname::text AS "role", count(DISTINCT (granted.class, granted.oid))::int AS "objects"
	FROM granted, aclexplode(granted.acl) a JOIN pg_roles r ON r.oid = a.grantee
	WHERE a.grantee <> granted.owner
	GROUP BY 1
	ORDER BY 1
`;

export const LARGE_OBJECTS = `
	SELECT count(*)::int AS "count" FROM pg_largeobject_metadata
`;

/** Whether pg_cron's jobs can be read; to_regclass fails without USAGE on the schema. */
export const HAS_JOBS = `
	SELECT EXISTS (
		SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'cron' AND c.relname = 'job'
			AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
	) AS "readable"
`;

/** Of this database. A job's command may hold secrets and is not read. */
export const JOBS = `
	SELECT jobid::text AS "id", jobname AS "name", schedule AS "schedule", active AS "active"
	FROM cron.job
	WHERE database = current_database()
	ORDER BY jobid
`;
