import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { MigrationError } from "../errors";
import { selectRows } from "../route";
import { ident } from "../sql";
import { type CompiledMapping, compileMapping } from "./mapping";
import { pasteText } from "./resolve";
import type { Mapping } from "./types";

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
