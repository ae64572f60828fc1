import { run } from "./databases";

/**
 * Every row of every table of a database, as the server prints it, by table and
 * sorted. Unlogged tables and partitions count as tables; partitioned ones and
 * parents show their own rows only.
 */
export async function everyRow(url: string): Promise<Record<string, string[]>> {
	const tables = await run(
		url,
		`
		SELECT format('%I.%I', n.nspname, c.relname) AS name
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND c.relispopulated
			AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'cutover')
		ORDER BY 1
		`,
	);
	const rows: Record<string, string[]> = {};
	for (const { name } of tables) {
		const found = await run(
			url,
			`
			SET search_path = pg_catalog; SET extra_float_digits = 3; SET TimeZone = 'Asia/Kathmandu';
			SELECT t::text AS row FROM ONLY ${name} t ORDER BY t::text COLLATE "C"
			`,
		);
		rows[name] = found.map(({ row }) => row);
	}
	return rows;
}
