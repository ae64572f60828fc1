import type { Client } from "pg";
import type { Column, ForeignKey } from "../catalog/types";
import { tableName } from "../catalog/types";
import { ident, literal } from "../sql";
import { JOURNAL_KEY, type RoutePlan } from "./plan";

/**
 * Sets staged rows aside that refer to rows which the side that is written to will
 * not have: a user who signed up in the new system is not known to the old one. A
 * reference that may be empty is left empty; a row that needs it keeps what is
 * there, or stays away, and so do the rows that refer to it. All are noted as
 * rejected.
 */
export async function setOrphansAside(
	write: Client,
	staged: readonly RoutePlan[],
): Promise<void> {
	for (let again = true; again; ) {
		again = false;
		for (const plan of staged)
			for (const key of plan.parents) {
				const columns = key.columns.flatMap(
					(name) =>
						plan.route.columns.find(({ column }) => column.name === name)
							?.column ?? [],
				);
				if (columns.length < key.columns.length) continue;
				if (await setAside(write, plan, key, columns, staged)) again = true;
			}
	}
}

/** Whether rows were set aside that others may refer to. */
async function setAside(
	write: Client,
	plan: RoutePlan,
	key: ForeignKey,
	columns: readonly Column[],
	staged: readonly RoutePlan[],
): Promise<boolean> {
	const { stagedRows: rows, stagedKeys: keys } = plan;
	const orphaned = orphanCondition(key, staged);
	const sameKey = keys.columns
		.map((name) => `${ident("k", name)} = ${ident("s", name)}`)
		.join(" AND ");
	const empty = columns.every(
		({ name, notNull }) => !notNull && !keys.columns.includes(name),
	);
	const reason = `${key.columns.join(", ")} has no parent${empty ? ": left empty" : ""}`;
	const { rowCount } = await write.query(`
		INSERT INTO cutover.reject (route, from_table, key, reason, "row")
		SELECT ${literal(plan.label)}, ${literal(tableName(plan.route.from))},
			k.${ident(JOURNAL_KEY)}, ${literal(reason)}, to_jsonb(s)
		FROM ${rows} s JOIN ${keys.table} k ON ${sameKey}
		WHERE ${orphaned}`);
	if (rowCount === 0) return false;
	if (empty) {
		await write.query(
			`UPDATE ${rows} s SET ${columns.map(({ name }) => `${ident(name)} = NULL`).join(", ")} WHERE ${orphaned}`,
		);
		return false;
	}
	await write.query(`
		DELETE FROM ${keys.table} k USING ${rows} s WHERE ${sameKey} AND ${orphaned};
		DELETE FROM ${rows} s WHERE ${orphaned}`);
	return true;
}

/**
 * Condition over s, a staged row, for its parent to be missing once all staged rows
 * have taken their place: it is neither staged nor there to stay.
 */
function orphanCondition(
	{ columns, refSchema, refTable, refColumns }: ForeignKey,
	staged: readonly RoutePlan[],
): string {
	const refers = columns.map((name) => `${ident("s", name)} IS NOT NULL`);
	const match = (alias: string) =>
		columns
			.map(
				(name, at) =>
					`${ident(alias, refColumns[at] ?? "")} = ${ident("s", name)}`,
			)
			.join(" AND ");
	const writers = staged.filter(
		({ target }) => target.schema === refSchema && target.name === refTable,
	);
	const goes = writers.map(
		({ stagedKeys }) =>
			`NOT EXISTS (SELECT FROM ${stagedKeys.table} k WHERE ${stagedKeys.columns
				.map((name) => `${ident("k", name)} = ${ident("p", name)}`)
				.join(" AND ")})`,
	);
	const stays = `EXISTS (SELECT FROM ${ident(refSchema, refTable)} p WHERE ${[match("p"), ...goes].join(" AND ")})`;
	const comes = writers.map(
		({ stagedRows }) =>
			`EXISTS (SELECT FROM ${stagedRows} r WHERE ${match("r")})`,
	);
	return [...refers, ...[stays, ...comes].map((found) => `NOT ${found}`)].join(
		" AND ",
	);
}
