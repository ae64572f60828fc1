import { readCatalog } from "../../migration/catalog/read";
import type { Table } from "../../migration/catalog/types";
import { withConnection } from "../../migration/connection";
import { Follower } from "../../migration/follow/follower";
import { openPlan } from "../../migration/follow/open-plan";
import { Pair } from "../../migration/follow/pair";
import { askForWhole, claimJournal } from "../../migration/follow/state";
import { suspendChecks } from "../../migration/follow/suspend";
import { CREATE_TOUCHED } from "../../migration/follow/touched";
import { CREATE_MIRROR, type UserColumn } from "../../migration/follow/users";
import { installJournal } from "../../migration/journal/install";
import type { Dependent } from "../../migration/journal/notes";
import { type Route, sameShape } from "../../migration/route";
import { type Database, run } from "./databases";

const WAIT = 5000;

/** A follower between two databases, without the copy before it. */
export interface Followed {
	readonly follower: Follower;
	readonly pair: Pair;
	/** Rows of a table on both sides, by all columns, as text. */
	both(table: string): Promise<{ source: string[]; target: string[] }>;
}

/**
 * Follows from one database into another, whose tables must be there; the first
 * cycle brings all tables as a whole.
 */
export async function startFollower(
	from: Database,
	to: Database,
	options: {
		routes?: (tables: readonly Table[], target: readonly Table[]) => Route[];
		dependents?: (tables: readonly Table[]) => Dependent[];
		userColumns?: readonly UserColumn[];
		/** Rows may refer to what the other side lacks. */
		orphans?: boolean;
		/** Where both sides are equal already. */
		fill?: boolean;
		patience?: number;
	} = {},
): Promise<Followed> {
	const addresses = {
		read: { label: "source", url: from.url },
		write: { label: "target", url: to.url },
	};
	const pair = new Pair(addresses, WAIT);
	const { read, write } = await pair.open();
	const { tables } = await readCatalog(read);
	const { tables: targets } = await readCatalog(write);
	const routes = options.routes?.(tables, targets) ?? tables.map(sameShape);
	await suspendChecks(
		addresses.write,
		write,
		routes.map(({ to }) => to),
		WAIT,
	);
	await write.query(CREATE_TOUCHED);
	const mirrored = options.userColumns !== undefined;
	if (mirrored) await read.query(CREATE_MIRROR);
	const installed = await withConnection(
		addresses.read,
		{ readOnly: false },
		(client) =>
			installJournal(addresses.read, client, tables, {
				lockTimeout: WAIT,
				recopy: [],
				dependents: options.dependents?.(tables) ?? [],
			}),
	);
	await claimJournal(read, write);
	const plan = await openPlan(
		addresses,
		write,
		{
			routes,
			tables,
			userColumns: options.userColumns ?? [],
			mirrored,
			orphans: options.orphans ?? false,
		},
		installed,
		WAIT,
	);
	if (options.fill !== false) await askForWhole(read, plan.routes);
	return {
		follower: new Follower(plan, pair, {
			patience: options.patience ?? 20_000,
		}),
		pair,
		both: async (table) => {
			const rows = async ({ url }: Database) =>
				(
					await run(url, `SELECT t::text AS "row" FROM ${table} t ORDER BY 1`)
				).map(({ row }) => row);
			return { source: await rows(from), target: await rows(to) };
		},
	};
}
