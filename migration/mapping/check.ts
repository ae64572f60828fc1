import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { MigrationError } from "../errors";
import { selectRows } from "../route";
import { fromTable, ident } from "../sql";
import { type CompiledMapping, compileMapping } from "./mapping";
import { pasteText } from "./resolve";
import type { Mapping } from "./types";
import { undeclaredUserColumns } from "./user-columns";

/** What a check of a mapping came to. */
export interface MappingCheck {
	readonly compiled: CompiledMapping;
	/** What is wrong with it, one line each. */
	readonly problems: readonly string[];
	/** What it does not decide, as TypeScript to paste; empty where all is decided. */
	readonly undecided: string;
	/** Tables of the target whose changes after the switch have no way back. */
	readonly exported: readonly {
		readonly table: string;
		readonly why: string;
		/** Rows that they hold now. */
		readonly rows: number;
	}[];
}

/**
 * Holds a mapping to both live databases and tries every statement that its routes
 * run, without reading a row.
 */
export async function checkMapping(
	mapping: Mapping,
	clients: { readonly source: ClientBase; readonly target: ClientBase },
): Promise<MappingCheck> {
	const compiled = await compileMapping(mapping, clients, { users: false });
	const problems = [...compiled.problems];
	for (const [client, direction, prefix] of [
		[clients.source, compiled.forward, ""],
		[clients.target, compiled.back, "way back: "],
	] as const)
		for (const text of await undeclared(client, direction.routes))
			problems.push(`${prefix}${text}`);
	// A route that lacks a column is no statement to try.
	if (problems.length === 0)
		problems.push(
			...(await tried(clients.source, compiled.forward.routes, "")),
			...(await tried(clients.target, compiled.back.routes, "way back: ")),
		);
	return {
		compiled,
		problems,
		undecided: pasteText(compiled.undecided),
		exported: await countExported(clients.target, compiled),
	};
}

/**
 * The same, and a look at the data: columns that hold user ids and are not named are
 * undecided, too. Reads each table once, so it is for the beginning of a move.
 */
export async function checkMappingAndUsers(
	mapping: Mapping,
	clients: { readonly source: ClientBase; readonly target: ClientBase },
): Promise<MappingCheck> {
	const check = await checkMapping(mapping, clients);
	const { compiled } = check;
	const columns = await undeclaredUserColumns(
		clients.source,
		mapping,
		compiled.source.catalog,
	);
	const undecided = [
		...compiled.undecided,
		...columns.map((name) => ({
			into: "userColumns",
			line: `${JSON.stringify(name)},`,
		})),
	];
	return {
		...check,
		compiled: { ...compiled, undecided },
		undecided: pasteText(undecided),
	};
}

/** Refuses a mapping that is wrong or that leaves something undecided, and says what to add. */
export function refuseUnfit({
	compiled,
	problems,
	undecided,
}: MappingCheck): void {
	if (problems.length === 0 && undecided === "") return;
	const found = [
		...problems,
		...(undecided === ""
			? []
			: [`${compiled.undecided.length} decisions are missing:`, undecided]),
	];
	throw new MigrationError({
		expected: `a mapping (${compiled.name}) that fits both databases and decides on every table and column of the source`,
		found: found.join("\n").replaceAll("\n", "\n         "),
		fix:
			undecided === ""
				? "correct the mapping"
				: "paste the lines into the mapping where the comments say, and change archive() to what is meant",
	});
}

/**
 * Counts the rows of the tables without way back. Asked before the switch it says
 * what is at stake; the changes after it are in the journal.
 */
export async function countExported(
	target: ClientBase,
	{ exported }: CompiledMapping,
): Promise<MappingCheck["exported"]> {
	const counts: { table: string; why: string; rows: number }[] = [];
	for (const { table, why } of exported) {
		const { rows } = await target.query<{ rows: number }>(
			`SELECT count(*)::float8 AS "rows" FROM ${ident(table.schema, table.name)}`,
		);
		counts.push({ table: tableName(table), why, rows: rows[0]?.rows ?? 0 });
	}
	return counts;
}

async function tried(
	client: ClientBase,
	routes: CompiledMapping["forward"]["routes"],
	prefix: string,
): Promise<string[]> {
	const problems: string[] = [];
	for (const route of routes)
		try {
			await client.query(`EXPLAIN ${selectRows(route)}`);
		} catch (error) {
			problems.push(`${prefix}${route.label}: ${(error as Error).message}`);
		}
	return problems;
}

/**
 * Names tables that an expression reads without saying so: a change there would
 * leave old values on the other side. Asked of the planner, which knows best.
 */
async function undeclared(
	client: ClientBase,
	routes: CompiledMapping["forward"]["routes"],
): Promise<string[]> {
	const problems: string[] = [];
	for (const route of routes) {
		if (!("spec" in route)) continue;
		const { spec } = route;
		const expressions = [
			...Object.values(spec.columns).flatMap((value) =>
				typeof value === "object" && value.kind === "sql" ? [value] : [],
			),
			...(spec.reject ?? []).map(({ when, dependsOn }) => ({
				sql: when,
				dependsOn,
			})),
			{ sql: spec.filter ?? "", dependsOn: spec.dependsOn },
		].filter(({ sql }) => /\bselect\b/i.test(sql));
		for (const { sql, dependsOn = [] } of expressions) {
			const read = await relationsRead(
				client,
				`SELECT (${sql}) FROM ${fromTable(route.from)} t`,
			).catch(() => []);
			for (const table of read)
				if (
					table !== tableName(route.from) &&
					table !== "cutover.user_map" &&
					!dependsOn.some((one) => one.table === table)
				)
					problems.push(
						`${route.label}: ${sql} reads ${table}: say dependsOn: [{ table: ${JSON.stringify(table)}, match: { … }, reads: [ … ] }]`,
					);
		}
	}
	return problems;
}

interface Plan {
	readonly Schema?: string;
	readonly "Relation Name"?: string;
	readonly Plans?: readonly Plan[];
}

async function relationsRead(
	client: ClientBase,
	sql: string,
): Promise<string[]> {
	const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
		`EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`,
	);
	const found = new Set<string>();
	const visit = (plan: Plan) => {
		if (plan.Schema && plan["Relation Name"])
			found.add(
				tableName({ schema: plan.Schema, name: plan["Relation Name"] }),
			);
		for (const child of plan.Plans ?? []) visit(child);
	};
	const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
	if (plan) visit(plan);
	return [...found];
}
