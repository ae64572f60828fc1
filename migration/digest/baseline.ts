import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import type { FollowedTable } from "../journal/state";
import { hasJournal, readFollowed } from "../journal/state";
import { selectRows } from "../route";
import { relationExists } from "../sql";
import type { Comparison } from "./comparison";
import { installGuard, type Members, readMembers } from "./guard";
import type { NameOptions } from "./name";
import { withSnapshot } from "./sessions";
import type { TableDigest } from "./table";
import { type Verification, verifyTables } from "./verify";

/**
 * The full proof during a sync that a later one starts from: compares all tables,
 * the source in the given snapshot, and notes on the target what was equal. To be
 * called while both sides hold the rows of that snapshot and the follower waits
 * (`Follower.atSnapshot`). From then on the follower notes the keys that it writes,
 * and a guard on the target's tables notes all other writers.
 *
 * What differs is named and gets no baseline; neither does a table that the
 * application has emptied meanwhile, which is no difference. May be repeated: the keys noted so far
 * are forgotten then.
 */
export async function proveBaseline(
	addresses: {
		readonly source: DatabaseAddress;
		readonly target: DatabaseAddress;
	},
	/** As pg_export_snapshot gave it, on the source. */
	snapshot: string,
	comparisons: readonly Comparison[],
	options: NameOptions & {
		readonly jobs: number;
		/** Milliseconds to wait for writers to the target in flight. */
		readonly lockTimeout: number;
	},
): Promise<Verification> {
	return withConnection(
		addresses.target,
		{ readOnly: false },
		async (writer) => {
			const sides = comparisons.map(({ target }) => target);
			await installGuard(addresses.target, writer, sides, options.lockTimeout);
			// A write whose note this takes out is over, so the digests see it.
			await writer.query("DELETE FROM cutover.written_since");
			return withSnapshot(
				addresses.source,
				options.jobs,
				(source) =>
					withSnapshot(addresses.target, options.jobs, async (target) => {
						const [from, to] = [source[0], target[0]];
						if (!from || !to) throw new Error("no session to prove with");
						const followed = (await hasJournal(from))
							? await readFollowed(from)
							: [];
						const members = await readMembers(to, sides);
						const verification = await verifyTables(
							{ source, target },
							comparisons,
							options,
						);
						await record(writer, comparisons, followed, members, verification);
						return {
							...verification,
							differences: verification.differences.filter(
								({ kind }) => kind !== "rewritten",
							),
						};
					}),
				snapshot,
			);
		},
	);
}

async function record(
	writer: ClientBase,
	comparisons: readonly Comparison[],
	followed: readonly FollowedTable[],
	members: ReadonlyMap<string, Members>,
	{ tables }: Verification,
): Promise<void> {
	const proven = comparisons.map((comparison) => {
		const { schema, name } = comparison.target.table;
		const found = tables.find(({ table }) => table === comparison.table);
		return {
			schema,
			name,
			equal: found?.equal === true,
			rows: found?.target.rows ?? 0,
			digest: found?.target.digest ?? "0",
			epochs: followedBy(comparison, followed).map(({ epoch }) => epoch),
			comparison: fingerprint(comparison),
			members: members.get(comparison.table) ?? {},
		};
	});
	await writer.query("BEGIN");
	await writer.query(
		`
		WITH given AS (
			SELECT * FROM jsonb_to_recordset($1) AS g (
				schema text, name text, equal boolean, rows bigint, digest numeric,
				epochs text[], comparison text, members jsonb
			)
		),
		forgotten AS (
			DELETE FROM cutover.touched_key k USING given g
			WHERE k.schema_name = g.schema AND k.table_name = g.name
		),
		refuted AS (
			DELETE FROM cutover.proof p USING given g
			WHERE p.schema_name = g.schema AND p.table_name = g.name AND NOT g.equal
		),
		guarded AS (
			INSERT INTO cutover.proof_guard (schema_name, table_name, epochs, comparison, members)
			SELECT schema, name, epochs, comparison, members FROM given WHERE equal
			ON CONFLICT (schema_name, table_name) DO UPDATE SET
				epochs = excluded.epochs, comparison = excluded.comparison, members = excluded.members
		)
		INSERT INTO cutover.proof (schema_name, table_name, rows, digest, proven_at)
		SELECT schema, name, rows, digest, now() FROM given WHERE equal
		ON CONFLICT (schema_name, table_name) DO UPDATE SET
			rows = excluded.rows, digest = excluded.digest, proven_at = excluded.proven_at
		`,
		[JSON.stringify(proven)],
	);
	await writer.query("COMMIT");
}

/** A table's baseline as it was noted. */
export interface Baseline extends TableDigest {
	readonly epochs: readonly string[];
	readonly comparison: string;
	readonly members: Members;
}

/** Whether any table has been proven since the sync began. */
export async function hasBaselines(target: ClientBase): Promise<boolean> {
	return (
		(await relationExists(target, "cutover.proof_guard")) &&
		(await readBaselines(target)).size > 0
	);
}

/** Reads the baselines in the session's snapshot, by the table's name. */
export async function readBaselines(
	target: ClientBase,
): Promise<Map<string, Baseline>> {
	const { rows } = await target.query<
		Omit<Baseline, "rows"> & { schema: string; name: string; rows: string }
	>(`
		SELECT schema_name AS "schema", table_name AS "name", p.rows::text AS "rows", p.digest::text AS "digest",
			g.epochs AS "epochs", g.comparison AS "comparison", g.members AS "members"
		FROM cutover.proof p
		JOIN cutover.proof_guard g USING (schema_name, table_name)
	`);
	return new Map(
		rows.map(({ schema, name, rows: count, ...rest }) => [
			tableName({ schema, name }),
			{ ...rest, rows: Number(count) },
		]),
	);
}

/** What the journal follows of the tables that a comparison reads. */
export function followedBy(
	{ source }: Comparison,
	followed: readonly FollowedTable[],
): FollowedTable[] {
	return followed.filter(({ shape }) =>
		Object.values(shape.members).some(
			(member) =>
				member.root &&
				source.some(
					({ table }) =>
						table.schema === member.schema && table.name === member.table,
				),
		),
	);
}

/** Tells whether a later comparison compares the same things. */
export function fingerprint({
	source,
	target,
	routes,
	key,
}: Comparison): string {
	return createHash("sha256")
		.update(
			JSON.stringify([
				routes.map((route) => selectRows(route)),
				[...source, target].map((side) => [
					side.rows(),
					side.columns.map((column) => [column.name, column.type]),
				]),
				key,
			]),
		)
		.digest("hex");
}
