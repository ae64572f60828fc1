import type { ClientBase } from "pg";
import { ident, literal } from "../sql";
import type { Catalog } from "./types";

/** What a target can be made to hold, as far as a schema may ask for it. */
export interface Offer {
	/** By name: the extensions that are there or that our role may create. */
	readonly extensions: Readonly<Record<string, ExtensionOffer>>;
	/** Quoted names of collations that the source's columns use and the target lacks. */
	readonly missingCollations: readonly string[];
	/** Compression methods of the target's build. */
	readonly compressions: readonly string[];
}

export type ExtensionOffer =
	/** There already, in this schema. */
	| { readonly installed: string }
	| { readonly installed: null; readonly refused: string | null };

/** "schema" is where an extension insists on living; "trusted" ones take no superuser. */
const EXTENSIONS = `
	SELECT a.name::text AS "name", n.nspname::text AS "installed",
		v.schema::text AS "schema", v.trusted AS "trusted",
		current_setting('transaction_read_only') = 'on' AS "readOnly"
	FROM pg_available_extensions a
	JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
	LEFT JOIN pg_extension e ON e.extname = a.name
	LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
	WHERE a.name = ANY ($1)
`;

const COLLATIONS = `
	SELECT format('%I.%I', n.nspname, c.collname) AS "name"
	FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
	WHERE c.collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
`;

const COMPRESSIONS = `
	SELECT enumvals AS "methods" FROM pg_settings WHERE name = 'default_toast_compression'
`;

/**
 * Finds out what of a catalog's wants a target can meet. Whether our role may
 * create an extension is tried and taken back at once, as no catalog says it:
 * providers let chosen extensions pass that are not trusted. A session that may
 * not write goes by what is trusted.
 */
export async function readOffer(
	target: ClientBase,
	catalog: Catalog,
): Promise<Offer> {
	const { rows } = await target.query<ExtensionRow>(EXTENSIONS, [
		catalog.extensions.map(({ name }) => name),
	]);
	const extensions: Record<string, ExtensionOffer> = {};
	for (const row of rows)
		extensions[row.name] =
			row.installed === null
				? { installed: null, refused: await refusalOf(target, row) }
				: { installed: row.installed };
	const there = await target.query<{ name: string }>(COLLATIONS);
	const collations = new Set(there.rows.map(({ name }) => name));
	const compressions = await target.query<{ methods: string[] }>(COMPRESSIONS);
	return {
		extensions,
		missingCollations: usedCollations(catalog).filter(
			(name) => name.startsWith("pg_catalog.") && !collations.has(name),
		),
		compressions: compressions.rows[0]?.methods ?? [],
	};
}

interface ExtensionRow {
	readonly name: string;
	readonly installed: string | null;
	readonly schema: string | null;
	readonly trusted: boolean;
	readonly readOnly: boolean;
}

/** Why our role may not create an extension; null where it may. Leaves nothing behind. */
async function refusalOf(
	target: ClientBase,
	{ name, schema, trusted, readOnly }: ExtensionRow,
): Promise<string | null> {
	if (readOnly)
		return trusted
			? null
			: "it is not trusted, and a session that may not write cannot try";
	const create = `CREATE EXTENSION ${ident(name)} ${schema === null ? "SCHEMA cutover_trial " : ""}CASCADE`;
	// A block with a handler is a transaction of its own within any other.
	await target.query(`
		DO $$
		BEGIN
			CREATE SCHEMA cutover_trial;
			EXECUTE ${literal(create)};
			RAISE EXCEPTION USING ERRCODE = 'ZZ001';
		EXCEPTION
			WHEN SQLSTATE 'ZZ001' THEN PERFORM set_config('cutover.refused', '', false);
			WHEN OTHERS THEN PERFORM set_config('cutover.refused', SQLERRM, false);
		END
		$$
	`);
	const { rows } = await target.query<{ refused: string }>(
		`SELECT current_setting('cutover.refused') AS "refused"`,
	);
	return rows[0]?.refused || null;
}

function usedCollations({
	tables,
	partitions,
	domains,
	composites,
	ranges,
}: Catalog): string[] {
	const used = [
		...[...tables, ...partitions].flatMap(({ columns }) => columns),
		...domains,
		...composites.flatMap(({ fields }) => fields),
		...ranges,
	].flatMap(({ collation }) => collation ?? []);
	return [...new Set(used)];
}
