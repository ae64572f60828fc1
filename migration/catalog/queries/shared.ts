/**
 * Pieces that the catalog's questions share. Each question is one statement with
 * $1 = the schemas; each row carries `ref`, its place in the source's own catalogs,
 * which the reader turns into keys.
 */

/** `class/oid`, as pg_depend knows an object. */
export const REF = (catalog: string, oid: string) =>
	`concat('${catalog}'::regclass::oid, '/', ${oid})`;

/** What an extension brought along is left out: the extension makes it again. */
export const NOT_OF_AN_EXTENSION = (catalog: string, oid: string) => `
	NOT EXISTS (
		SELECT FROM pg_depend dep
		WHERE dep.classid = '${catalog}'::regclass AND dep.objid = ${oid} AND dep.deptype = 'e'
	)`;

/** Name of a collation where it is not the one that the type brings. */
export const COLLATION = (own: string, ofType: string) => `
	CASE WHEN ${own} NOT IN (0, ${ofType}) THEN (
		SELECT format('%I.%I', cn.nspname, co.collname)
		FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
		WHERE co.oid = ${own}
	) END`;

/**
 * Objects below are the server's own (FirstNormalObjectId in PostgreSQL's
 * src/include/access/transam.h): every server has them.
 */
export const FIRST_USER_OID = 16384;
