import { join } from "node:path";
import type { ClientBase } from "pg";
import { SUFFIX, writeCompressed } from "../copy/files";
import type { Manifest } from "../copy/manifest";
import { ExitCode, MigrationError } from "../errors";
import { relationExists } from "../sql";
import { readLines } from "./lines";
import { ensureUserMap, hasUserMap } from "./map";
import type { UserRewrite } from "./references";

const BATCH = 1000;

/**
 * Writes the database's user map, one JSON object a line, in the session's open
 * transaction: with it an export of the new system says who its users were in the
 * old one. Gives null where there is no map.
 */
export async function exportUserMap(
	client: ClientBase,
	directory: string,
	folder: string,
): Promise<Manifest["userMap"]> {
	if (!(await hasUserMap(client))) return null;
	const file = join(folder, `user-map.jsonl.${SUFFIX}`);
	let count = 0;
	async function* lines(): AsyncGenerator<string> {
		await client.query(`
			DECLARE user_map NO SCROLL CURSOR FOR
			SELECT to_jsonb(m)::text AS "row" FROM cutover.user_map m ORDER BY old_id
		`);
		for (;;) {
			const { rows } = await client.query<{ row: string }>(
				`FETCH ${BATCH} FROM user_map`,
			);
			if (rows.length === 0) break;
			count += rows.length;
			yield rows.map(({ row }) => `${row}\n`).join("");
		}
		await client.query("CLOSE user_map");
	}
	const sum = await writeCompressed(lines(), join(directory, file), () => {});
	return { file, count, ...sum, columns: await readColumns(client) };
}

/**
 * Puts an exported user map back, inside the caller's transaction. Refuses (exit 4)
 * to write over another map; one that is the same is left as it is.
 *
 * @returns the number of users in it
 */
export async function importUserMap(
	client: ClientBase,
	directory: string,
	exported: NonNullable<Manifest["userMap"]>,
): Promise<number> {
	await ensureUserMap(client);
	await client.query(
		"CREATE TEMPORARY TABLE returning_map (LIKE cutover.user_map INCLUDING DEFAULTS) ON COMMIT DROP",
	);
	let batch: string[] = [];
	const flush = async () => {
		await client.query(
			`
			INSERT INTO pg_temp.returning_map
			SELECT r.* FROM unnest($1::text[]) AS line,
				jsonb_populate_record(NULL::cutover.user_map, line::jsonb) AS r
			`,
			[batch],
		);
		batch = [];
	};
	for await (const line of readLines(join(directory, exported.file))) {
		batch.push(line);
		if (batch.length === BATCH) await flush();
	}
	await flush();
	const { rows } = await client.query<{ others: number }>(`
		SELECT count(*)::float8 AS "others"
		FROM cutover.user_map m LEFT JOIN pg_temp.returning_map r USING (old_id)
		WHERE r.old_id IS NULL OR r.new_id IS DISTINCT FROM m.new_id
	`);
	if (rows[0]?.others)
		throw new MigrationError(
			{
				expected: "a target without a user map, or with the exported one",
				found: `another map, with ${rows[0].others} users that the export knows otherwise or not`,
				fix: "import without --with-user-map, or into another database",
			},
			ExitCode.refused,
		);
	await client.query(
		"INSERT INTO cutover.user_map SELECT * FROM pg_temp.returning_map ON CONFLICT (old_id) DO NOTHING",
	);
	await client.query("DROP TABLE pg_temp.returning_map");
	return exported.count;
}

/** The columns that hold new ids, as the last import noted them. */
async function readColumns(client: ClientBase): Promise<UserRewrite[]> {
	if (!(await relationExists(client, "cutover.user_column"))) return [];
	const { rows } = await client.query<UserRewrite>(`
		SELECT schema_name AS "schema", table_name AS "table", column_name AS "column", reason AS "reason"
		FROM cutover.user_column ORDER BY 1, 2, 3
	`);
	return rows;
}
