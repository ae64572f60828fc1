import type { Client } from "pg";
import { createSchema } from "../catalog/ddl";
import { describeLeftOut } from "../catalog/left-out";
import { tryMaintenance } from "../catalog/maintenance";
import { readOffer } from "../catalog/offer";
import { describeOthers } from "../catalog/pg-dump";
import { planSchema } from "../catalog/plan/plan";
import { readCatalog } from "../catalog/read";
import { checkTarget, type Removal } from "../copy/guard";
import type { CopyPlan } from "../copy/layout";
import {
	ensureRecord,
	hasRecord,
	statementsOf,
	writeStatements,
} from "../copy/record";
import { strip } from "../copy/strip";
import { ExitCode, MigrationError } from "../errors";
import { withTablesLocked } from "../journal/lock";
import { hasJournal } from "../journal/state";
import type { PairAddresses } from "./pair";
import { suspendChecks, suspendLater, suspendTriggers } from "./suspend";
import { beginWatch, extendWatch, readWatched } from "./watch";
import type { Way } from "./way";

/** A target that rows may come to. */
export interface Prepared {
	/** What the copy has to make once rows are in, and to take away before. */
	readonly plan: Required<Pick<CopyPlan, "definitions" | "drops">>;
	/** Rows that gave way to the source's. */
	readonly removals: readonly Removal[];
	/** What of the source's schema does not come along, for people. */
	readonly leftOut: readonly string[];
}

const NOTHING: Prepared = {
	plan: { definitions: [], drops: [] },
	removals: [],
	leftOut: [],
};

/**
 * Makes the target ready to be filled: its schema where it is empty; where it has
 * tables, they may hold nothing but seeds and what an earlier run left, and their
 * triggers are switched off. From then on it is noted who else writes to them. Where
 * a copy has begun there is nothing more to be made ready.
 */
export async function prepareTarget(
	addresses: PairAddresses,
	write: Client,
	way: Way,
	options: { readonly replace: boolean; readonly lockTimeout: number },
): Promise<Prepared> {
	if (await hasJournal(write))
		throw new MigrationError(
			{
				expected: "a target that is not in use yet",
				found: "a change journal on it: its own writes go back to the source",
				fix: "bring them back first (sync --reverse --drain) and take that journal away (sync --reverse --remove)",
			},
			ExitCode.refused,
		);
	const written = way.routes.map(({ to }) => to);
	if (await hasRecord(write)) {
		// The copy may have been cut short after it had made the keys.
		await suspendChecks(addresses.write, write, written, options.lockTimeout);
		await extendWatch(addresses.write, write, written, options.lockTimeout);
		return NOTHING;
	}
	const schemas = [...new Set(way.routes.map(({ to }) => to.schema))];
	const catalog = await readCatalog(write, schemas);
	if (catalog.tables.length === 0) return makeSchema(addresses, write, way);
	const tables = catalog.tables.filter((table) =>
		written.some(
			({ schema, name }) => schema === table.schema && name === table.name,
		),
	);
	const userColumns = way.userColumnsThere.map((column) => ({
		...column,
		reason: "named" as const,
	}));
	// Locked, so that no row slips in between the look and the watch.
	const removals = await withTablesLocked(
		addresses.write,
		write,
		tables,
		"SHARE ROW EXCLUSIVE",
		options.lockTimeout,
		async () => {
			const found = await checkTarget(
				write,
				{ tables, userColumns },
				catalog,
				options,
				await readWatched(write),
			);
			await beginWatch(write, tables);
			return found;
		},
	);
	await suspendTriggers(addresses.write, write, written, options.lockTimeout);
	return {
		plan: strip(
			catalog,
			way.routes.map(({ from, to }) => ({ ...to, bytes: from.bytes })),
		),
		removals,
		leftOut: [],
	};
}

/**
 * What must not be there while rows are copied or followed (triggers, rules and the
 * like) waits until the following ends; what else is made later is noted where the
 * copy looks for it.
 */
async function makeSchema(
	addresses: PairAddresses,
	write: Client,
	way: Way,
): Promise<Prepared> {
	const { catalog } = await describeOthers(
		await tryMaintenance(way.catalog, addresses.read),
		addresses.read,
	);
	await write.query("BEGIN");
	try {
		const offer = await readOffer(write, catalog);
		const { definitions, leftOut } = planSchema(catalog, offer);
		await write.query(createSchema(catalog, offer));
		await beginWatch(
			write,
			way.routes.map(({ to }) => to),
		);
		await ensureRecord(write);
		const statements = statementsOf(definitions);
		await writeStatements(
			write,
			statements.filter(({ phase }) => phase !== "last"),
		);
		await suspendLater(
			write,
			statements.filter(({ phase }) => phase === "last"),
		);
		await write.query("COMMIT");
		return { ...NOTHING, leftOut: leftOut.map(describeLeftOut) };
	} catch (error) {
		await write.query("ROLLBACK").catch(() => {});
		throw error;
	}
}
