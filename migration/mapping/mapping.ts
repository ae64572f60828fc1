import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import type { Dependent } from "../journal/notes";
import type { Route } from "../route";
import { type ArchiveTable, archiveRoute, RETURNED } from "./archive";
import {
	type CompiledRoutes,
	compileRoutes,
	expressionsOf,
	type MappedRoute,
} from "./compile";
import type { Draft } from "./draft";
import { describe, type Facts, readFacts } from "./facts";
import { invert } from "./invert";
import { type MergeRoute, mergeRoute, parentsFirst } from "./merge";
import { type Paste, resolve } from "./resolve";
import type { AcceptedReject, Mapping } from "./types";
import { userColumnsOf } from "./user-columns";
import { type UserDirection, userIds } from "./users";

/** A mapping made into what copy, follower and proof work with. */
export interface CompiledMapping {
	readonly name: string;
	readonly source: Facts;
	readonly target: Facts;
	/** From the source to the target, the archive included. */
	readonly forward: Direction<MappedRoute | ArchiveRoute>;
	/**
	 * From the target to the source, in an order in which parents come first; last
	 * what has no way back, into a schema of its own.
	 */
	readonly back: Direction<MergeRoute | ArchiveRoute>;
	/** Tables to make on the target before rows come: see `archiveSchema`. */
	readonly archive: readonly ArchiveTable[];
	/** Likewise on the source, before rows come back. */
	readonly returned: readonly ArchiveTable[];
	/** Tables of the target whose changes after the switch have no way back. */
	readonly exported: readonly {
		readonly table: Facts["catalog"]["tables"][number];
		readonly why: string;
	}[];
	readonly accepted: readonly AcceptedReject[];
	/** What is wrong; with any, nothing may be moved. */
	readonly problems: readonly string[];
	/** What is not decided; likewise. */
	readonly undecided: readonly Paste[];
}

/** A route into the archive. */
export type ArchiveRoute = ReturnType<typeof archiveRoute>;

/** All that goes one way. */
export interface Direction<R extends Route> {
	readonly routes: readonly R[];
	/** Rows that have to be sent again when rows of other tables change. */
	readonly dependents: readonly Dependent[];
	/**
	 * Columns of the side that is read whose user ids are rewritten: rows that name
	 * a user are sent again when the user gets a new id.
	 */
	readonly userColumns: readonly {
		readonly schema: string;
		readonly table: string;
		readonly column: string;
	}[];
}

/**
 * Makes routes of a mapping, held to the two live databases. `users` says whether
 * the SQL rewrites user ids through cutover.user_map, which has to stand on both
 * sides when it runs; without, the routes serve to try the mapping.
 */
export async function compileMapping(
	mapping: Mapping,
	clients: { readonly source: ClientBase; readonly target: ClientBase },
	options: { readonly users: boolean },
): Promise<CompiledMapping> {
	const [source, target] = await Promise.all([
		readFacts(clients.source),
		readFacts(clients.target),
	]);
	const resolved = resolve(mapping, source, target);
	const userColumns = userColumnsOf(mapping, source.catalog);
	const direction = (way: UserDirection) => (options.users ? way : "none");
	const users = userIds(source.catalog, userColumns, direction("forward"));

	const described = await describe(
		clients.source,
		expressionsOf(resolved.ways, { catalog: source.catalog, users }),
	);
	const forward = compileRoutes(resolved.ways, {
		from: source,
		to: target,
		described,
		users,
		merging: false,
	});
	const archives = resolved.archives.map(({ from, only }) =>
		archiveRoute(from, source.catalog, users, only ? { only } : {}),
	);

	const back = await compileBack(
		mapping,
		forward,
		{ source, target },
		{ client: clients.target, userColumns, direction: direction("back") },
	);
	return {
		name: mapping.name,
		source,
		target,
		forward: {
			routes: [...forward.routes, ...archives],
			dependents: forward.dependents,
			userColumns: columnsNamed(source, userColumns),
		},
		back: back.direction,
		archive: archives.map(({ archive }) => archive),
		returned: back.stranded.map(({ archive }) => archive),
		exported: back.exported,
		accepted: mapping.accepted ?? [],
		problems: [
			...resolved.problems,
			...described.refused.map(
				({ table, sql, error }) => `${tableName(table)}: ${sql}: ${error}`,
			),
			...forward.problems,
			...back.problems.map((text) => `way back: ${text}`),
		],
		undecided: resolved.undecided,
	};
}

async function compileBack(
	mapping: Mapping,
	forward: CompiledRoutes,
	{ source, target }: { source: Facts; target: Facts },
	options: {
		client: ClientBase;
		userColumns: ReadonlySet<string>;
		direction: UserDirection;
	},
) {
	const inverted = invert(mapping, forward.drafts, source, target);
	const userColumns = targetUserColumns(forward.drafts, options.userColumns);
	const users = userIds(target.catalog, userColumns, options.direction);
	const described = await describe(
		options.client,
		expressionsOf(inverted.ways, { catalog: target.catalog, users }),
	);
	const compiled = compileRoutes(inverted.ways, {
		from: target,
		to: source,
		described,
		users,
		merging: true,
	});
	const routes = compiled.routes.map((route, index) => {
		const [way, draft] = [inverted.ways[index], compiled.drafts[index]];
		if (!way || !draft) throw new Error("fewer ways back than routes");
		return mergeRoute(route, way, draft.columns, source);
	});
	const stranded = inverted.exported.map(({ table }) =>
		archiveRoute(table, target.catalog, users, { schema: RETURNED }),
	);
	return {
		stranded,
		direction: {
			routes: [
				...parentsFirst(routes, source.catalog.foreignKeys),
				...stranded,
			],
			dependents: compiled.dependents,
			userColumns: columnsNamed(target, userColumns),
		},
		exported: inverted.exported,
		problems: [
			...inverted.problems,
			...described.refused.map(
				({ table, sql, error }) => `${tableName(table)}: ${sql}: ${error}`,
			),
			...compiled.problems,
		],
	};
}

/** Columns of the target that user ids arrive in. */
function targetUserColumns(
	drafts: readonly Draft[],
	source: ReadonlySet<string>,
): Set<string> {
	return new Set(
		drafts.flatMap(({ from, to, columns }) =>
			columns
				.filter(
					({ raw }) =>
						raw.column !== null &&
						source.has(`${tableName(from)}.${raw.column}`),
				)
				.map(({ column }) => `${tableName(to)}.${column.name}`),
		),
	);
}

function columnsNamed({ catalog }: Facts, names: ReadonlySet<string>) {
	return catalog.tables.flatMap((table) =>
		table.columns
			.filter(({ name }) => names.has(`${tableName(table)}.${name}`))
			.map(({ name }) => ({
				schema: table.schema,
				table: table.name,
				column: name,
			})),
	);
}
