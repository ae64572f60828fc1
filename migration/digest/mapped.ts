import { type Catalog, type Table, tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { mappingOf } from "../mapping";
import { checkMapping, refuseUnfit } from "../mapping/check";
import { type CompiledMapping, compileMapping } from "../mapping/mapping";
import type { MergeRoute } from "../mapping/merge";
import { unacceptedRejects } from "../mapping/rejects";
import type { AcceptedReject } from "../mapping/types";
import type { Route } from "../route";
import { fromTable, ident, relationExists } from "../sql";
import { compareRoutes } from "./comparison";
import type { Difference } from "./difference";
import type { MappingOptions, VerifyPlan } from "./plan";
import type { OneWay } from "./returned";
import { sequencesBehindRows } from "./sequences";
import type { Databases } from "./sessions";

/**
 * What is to be compared by the mapping that the operator chose; null where he chose
 * none. In sessions of its own, as a mapping is tried statement by statement, and
 * one that fails ends a transaction.
 */
export async function planMapped(
	addresses: Databases,
	options: MappingOptions,
): Promise<VerifyPlan | null> {
	const mapping = mappingOf(options);
	if (!mapping) return null;
	const readOnly = { readOnly: true };
	return withConnection(addresses.source, readOnly, (source) =>
		withConnection(addresses.target, readOnly, async (target) => {
			const clients = { source, target };
			refuseUnfit(await checkMapping(mapping, clients));
			// A sync keeps a mirror of the user map on the source.
			const compiled = await compileMapping(mapping, clients, {
				users: await relationExists(source, "cutover.user_map"),
			});
			const { routes } = compiled.forward;
			return {
				...compareMapped({
					// Nothing goes back from the archive, which follows with the next sync.
					routes: options.returned
						? routes.filter((route) => !("archive" in route))
						: routes,
					target: compiled.target.catalog,
					accepted: compiled.accepted,
				}),
				oneWay: oneWayOf(compiled),
			};
		}),
	);
}

/** What a mapping brings to the target and not back. */
function oneWayOf({
	target,
	forward,
	back,
	exported,
}: CompiledMapping): OneWay {
	const columns = target.catalog.tables.map((table) => {
		const routes = forward.routes.filter(
			(route) =>
				!("archive" in route) && tableName(route.to) === tableName(table),
		);
		const silent = routes.map((route) => ({
			route: routes.length > 1 ? route : null,
			columns: silentColumns(table, waysBack(back.routes, route.from)),
		}));
		return [tableName(table), silent] as const;
	});
	return {
		tables: new Map(exported.map(({ table, why }) => [tableName(table), why])),
		columns: new Map(columns),
	};
}

function waysBack(
	routes: readonly Route[],
	source: { readonly schema: string; readonly name: string },
): Route[] {
	return routes.filter(({ to }) => tableName(to) === tableName(source));
}

/** Columns of a table of the target that these ways back do not read, by themselves or by a lookup. */
function silentColumns(table: Table, ways: readonly Route[]): Set<string> {
	const readings = ways.flatMap((route) =>
		route.columns
			// What travels for a comparison only is not brought.
			.filter(
				({ column }) =>
					!("merge" in route) ||
					!(route as MergeRoute).merge.compared.includes(column.name),
			)
			.flatMap(({ sql }) =>
				aliasesOf(table, route, sql).map((alias) => ({ alias, sql })),
			),
	);
	return new Set(
		table.columns
			.map(({ name }) => name)
			.filter(
				(name) =>
					!readings.some(({ alias, sql }) => sql.includes(ident(alias, name))),
			),
	);
}

/** What a table is called in a value of a way back: t where its rows go, l0, l1 … in lookups. */
function aliasesOf(table: Table, route: Route, sql: string): string[] {
	const called = `${fromTable(table)} "l`;
	return [
		...(tableName(route.from) === tableName(table) ? ["t"] : []),
		...sql
			.split(called)
			.slice(1)
			.map((rest) => `l${rest.slice(0, rest.indexOf('"'))}`),
	];
}

/**
 * What a mapping's routes read with what they are to have written. Rejected rows that
 * nobody has accepted are differences: they are missing on the target. So is a
 * sequence that would hand out a number which a row has.
 */
export function compareMapped(mapping: {
	readonly routes: readonly Route[];
	readonly target: Catalog;
	readonly accepted: readonly AcceptedReject[];
}): VerifyPlan {
	return {
		comparisons: compareRoutes(mapping.routes, mapping.target.tables),
		sequences: { source: [], target: [] },
		further: async (_, target) => [
			...(await sequencesBehindRows(
				target,
				mapping.target,
				mapping.routes.map(({ to }) => to),
			)),
			...(await unacceptedRejects(target, mapping.accepted)).map(
				({ table, reason, rows }): Difference => ({
					table,
					kind: "rejects",
					detail: `${rows} rows rejected and not accepted: ${reason}`,
				}),
			),
		],
	};
}
