import type { ClientBase } from "pg";
import { findTable } from "../catalog/compare";
import { readCatalog } from "../catalog/read";
import {
	type Catalog,
	type ForeignKey,
	type Table,
	tableName,
} from "../catalog/types";
import { MigrationError } from "../errors";
import type { Installed } from "../journal/install";
import type { FollowedTable } from "../journal/state";
import type { Route } from "../route";
import { ident } from "../sql";
import type { FollowPlan } from "./cycle";
import type { PairAddresses } from "./pair";
import { planRoute, type RoutePlan } from "./plan";
import type { UserColumn } from "./users";

/** What is followed, one way. */
export interface Following {
	readonly routes: readonly Route[];
	/** The tables in the journal, as the catalog of the side that is read has them. */
	readonly tables: readonly Table[];
	readonly userColumns: readonly UserColumn[];
	/** The user map is the other side's, and this side has a mirror of it. */
	readonly mirrored: boolean;
	/** Rows may refer to what the other side does not have: see setOrphansAside. */
	readonly orphans: boolean;
	/** See FollowPlan. */
	readonly checked?: boolean;
}

/**
 * Works out the SQL of all routes, for the tables as they are on both sides now.
 * Routes of tables that are not followed are left out.
 */
export async function openPlan(
	addresses: PairAddresses,
	write: ClientBase,
	{
		routes,
		tables,
		userColumns,
		mirrored,
		orphans,
		checked = false,
	}: Following,
	installed: Pick<Installed, "followed" | "dependents">,
	lockTimeout: number,
	asked = new Set<number>(),
): Promise<FollowPlan> {
	const schemas = [...new Set(routes.map(({ to }) => to.schema))];
	const catalog = await readCatalog(write, schemas);
	const keys = await readReferences(write);
	const plans = routes.flatMap((route, at): RoutePlan[] => {
		const followed = followedAs(installed.followed, route.from);
		if (!followed) return [];
		const target = findTable(catalog.tables, route.to);
		if (!target)
			throw new MigrationError({
				expected: `table ${tableName(route.to)} where ${tableName(route.from)} goes`,
				found: "none",
				fix: "make it, or leave the table behind with --exclude",
			});
		const name = ident(target.schema, target.name);
		return [
			planRoute(
				route,
				followed,
				{
					target,
					referenced: keys.some(({ to }) => to === name),
					refers: keys.some(({ from }) => from === name),
					parents:
						orphans && !("merge" in route) ? keysOf(catalog, target) : [],
				},
				at,
			),
		];
	});
	return {
		read: addresses.read,
		write: addresses.write,
		routes: plans,
		checked,
		tables: tables.flatMap((table) => {
			const followed = followedAs(installed.followed, table);
			return followed ? [{ table, followed }] : [];
		}),
		dependents: installed.dependents,
		userColumns,
		mirrored,
		lockTimeout,
		asked,
	};
}

function keysOf({ foreignKeys }: Catalog, table: Table): ForeignKey[] {
	return foreignKeys.filter(
		(key) => key.schema === table.schema && key.table === table.name,
	);
}

function followedAs(
	followed: readonly FollowedTable[],
	table: { readonly schema: string; readonly name: string },
): FollowedTable | undefined {
	return followed.find(({ shape }) =>
		Object.values(shape.members).some(
			(member) =>
				member.root &&
				member.schema === table.schema &&
				member.table === table.name,
		),
	);
}

/** The foreign keys of all tables, by both tables' qualified names. */
async function readReferences(
	client: ClientBase,
): Promise<{ from: string; to: string }[]> {
	const { rows } = await client.query<{ from: string[]; to: string[] }>(`
		SELECT ARRAY[fn.nspname, f.relname]::text[] AS "from", ARRAY[tn.nspname, t.relname]::text[] AS "to"
		FROM pg_constraint k
		JOIN pg_class f ON f.oid = k.conrelid
		JOIN pg_namespace fn ON fn.oid = f.relnamespace
		JOIN pg_class t ON t.oid = k.confrelid
		JOIN pg_namespace tn ON tn.oid = t.relnamespace
		WHERE k.contype = 'f'
	`);
	return rows.map(({ from, to }) => ({
		from: ident(...from),
		to: ident(...to),
	}));
}
