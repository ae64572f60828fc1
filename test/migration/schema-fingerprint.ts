import { run } from "./databases";

/** All schemas but the server's, the migration's and Supabase's. */
const MINE = `
	n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'cutover', 'auth', 'storage', 'cron', 'net')
	AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = o.oid AND e.deptype = 'e')
`;

/** What the server itself says about each object, in its own words; one line each. */
const QUESTIONS: Record<string, string> = {
	relations: `
		SELECT o.oid::regclass, o.relkind, o.relpersistence, o.reloptions, o.relreplident,
			pg_get_expr(o.relpartbound, o.oid), pg_get_partkeydef(o.oid),
			(SELECT t.reloptions FROM pg_class t WHERE t.oid = o.reltoastrelid),
			o.relispopulated,
			ARRAY (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = o.oid ORDER BY inhseqno)
		FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
		WHERE ${MINE} AND o.relkind <> 't'`,
	columns: `
		SELECT o.oid::regclass, row_number() OVER (PARTITION BY o.oid ORDER BY a.attnum), a.attname,
			format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
			CASE WHEN NOT o.relispartition THEN a.attidentity END,
			pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation, a.attstorage, a.attcompression,
			nullif(a.attstattarget::int, -1), a.attoptions, a.attislocal, a.attinhcount
		FROM pg_attribute a
		JOIN pg_class o ON o.oid = a.attrelid JOIN pg_namespace n ON n.oid = o.relnamespace
		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE ${MINE} AND o.relkind IN ('r', 'p', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped`,
	// NOT NULL of domains is a constraint from version 17 on; types say it as well.
	constraints: `
		SELECT o.conrelid::regclass, o.contypid::regtype, o.conname, pg_get_constraintdef(o.oid), o.convalidated,
			o.conislocal, o.coninhcount, o.conindid::regclass, o.conparentid <> 0
		FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
		WHERE ${MINE} AND o.contype <> 'n'`,
	indexes: `
		SELECT pg_get_indexdef(o.oid), i.indisvalid, i.indisclustered, i.indisreplident, i.indimmediate
		FROM pg_index i JOIN pg_class o ON o.oid = i.indexrelid JOIN pg_namespace n ON n.oid = o.relnamespace
		WHERE ${MINE}`,
	types: `
		SELECT o.oid::regtype, o.typtype, format_type(o.typbasetype, o.typtypmod), o.typnotnull, pg_get_expr(o.typdefaultbin, 'pg_type'::regclass),
			o.typcollation::regcollation,
			ARRAY (SELECT enumlabel FROM pg_enum WHERE enumtypid = o.oid ORDER BY enumsortorder),
			(
				SELECT concat_ws(',', rngsubtype::regtype, rngmultitypid::regtype, rngcollation::regcollation, rngsubdiff::regproc)
				FROM pg_range WHERE rngtypid = o.oid
			)
		FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace
		WHERE ${MINE} AND o.typcategory <> 'A'`,
	sequences: `
		SELECT o.oid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
			(SELECT concat_ws('.', refobjid::regclass, refobjsubid > 0, deptype) FROM pg_depend
				WHERE objid = o.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i'))
		FROM pg_sequence s JOIN pg_class o ON o.oid = s.seqrelid JOIN pg_namespace n ON n.oid = o.relnamespace
		WHERE ${MINE}`,
	functions: `
		SELECT CASE WHEN o.prokind = 'a' THEN o.oid::regprocedure::text ELSE pg_get_functiondef(o.oid) END
		FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace
		WHERE ${MINE}`,
	triggers: `
		SELECT pg_get_triggerdef(t.oid), t.tgenabled, t.tgparentid <> 0
		FROM pg_trigger t JOIN pg_class o ON o.oid = t.tgrelid JOIN pg_namespace n ON n.oid = o.relnamespace
		WHERE ${MINE} AND NOT t.tgisinternal`,
	rules: `
		SELECT pg_get_ruledef(r.oid)
		FROM pg_rewrite r JOIN pg_class o ON o.oid = r.ev_class JOIN pg_namespace n ON n.oid = o.relnamespace
		WHERE ${MINE} AND r.rulename <> '_RETURN'`,
	statistics: `
		SELECT pg_get_statisticsobjdef(o.oid)
		FROM pg_statistic_ext o JOIN pg_namespace n ON n.oid = o.stxnamespace
		WHERE ${MINE}`,
	comments: `
		SELECT i.type, i.identity, c.description
		FROM pg_description c, pg_identify_object(c.classoid, c.objoid, c.objsubid) i
		WHERE c.objoid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.objoid AND e.deptype = 'e')`,
	extensions: "SELECT extname, extnamespace::regnamespace FROM pg_extension",
	others: `
		SELECT i.type, i.identity
		FROM (
			SELECT oid, tableoid, oprnamespace AS namespace FROM pg_operator
			UNION ALL SELECT oid, tableoid, collnamespace FROM pg_collation
			UNION ALL SELECT oid, tableoid, cfgnamespace FROM pg_ts_config
			UNION ALL SELECT oid, tableoid, opcnamespace FROM pg_opclass
		) o JOIN pg_namespace n ON n.oid = o.namespace, pg_identify_object(o.tableoid, o.oid, 0) i
		WHERE ${MINE}`,
};

/** From version 17 on views are printed without the names of their tables. */
const VIEWS = `
	SELECT o.oid::regclass, pg_get_viewdef(o.oid)
	FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
	WHERE ${MINE} AND o.relkind IN ('v', 'm')`;

/**
 * A database's schema as the server describes it, by kind, sorted: two databases
 * of the same schema give the same. `sameVersion` adds what servers of different
 * versions print differently.
 */
export async function schemaFingerprint(
	url: string,
	options: { readonly sameVersion: boolean },
): Promise<Record<string, string[]>> {
	const questions = options.sameVersion
		? { ...QUESTIONS, views: VIEWS }
		: QUESTIONS;
	const found: Record<string, string[]> = {};
	for (const [kind, question] of Object.entries(questions)) {
		const rows = await run(
			url,
			`SET search_path = pg_catalog; SELECT q::text AS line FROM (${question}) q ORDER BY 1`,
		);
		found[kind] = rows.map(({ line }) => line);
	}
	return found;
}
