import type { ClientBase } from "pg";
import { PHASES, type Phase } from "../catalog/definitions";
import type { Lane } from "./lane";
import { type StatementRecord, statementDone } from "./record";
import type { Task } from "./tasks";

/** What runs as one task: statements that wait for the same things, in order. */
interface Group {
	readonly phase: Phase;
	readonly statements: readonly StatementRecord[];
	readonly after: readonly Task<Lane>[];
}

/**
 * Tasks of the statements that are not carried out yet: indexes of a table as soon
 * as its rows are in, each a task of its own; its keys once its indexes stand;
 * foreign keys once all keys stand, one after the other, as each locks two
 * tables; validations beside each other; last what must not be there before.
 * Every statement is carried out and noted in one transaction.
 *
 * `rank` is the weight of a table's work: the largest table's indexes go before the
 * copies of smaller ones.
 */
export function statementTasks(
	statements: readonly StatementRecord[],
	of: {
		/** The tasks that bring a table's rows; all such tasks where it has no route. */
		readonly rows: (table: TableRef) => readonly Task<Lane>[];
		readonly allRows: readonly Task<Lane>[];
		readonly rank: (table: TableRef) => number;
	},
): Task<Lane>[] {
	const pending = statements.filter(({ done }) => !done);
	const tasks: Task<Lane>[] = [];
	const add = ({ phase, statements, after }: Group): Task<Lane> => {
		const [first] = statements;
		if (!first) throw new Error(`a group of phase ${phase} without statement`);
		const task: Task<Lane> = {
			name: `${phase} of ${first.table}`,
			rank: of.rank(tableOf(first)),
			after,
			run: (lane) =>
				lane.withRetry(async (again) => {
					const target = await lane.target();
					for (const statement of statements)
						await carryOut(target, statement, again);
				}),
		};
		tasks.push(task);
		return task;
	};
	const inPhase = (phase: Phase) =>
		pending.filter((statement) => statement.phase === phase);

	const indexes = inPhase("index").map((statement) => ({
		statement,
		task: add({
			phase: "index",
			statements: [statement],
			after: of.rows(tableOf(statement)),
		}),
	}));
	const keys = byTable(inPhase("key")).map((group) => {
		const { schema, table } = group[0] as StatementRecord;
		return add({
			phase: "key",
			statements: group,
			after: [
				...of.rows({ schema, name: table }),
				...indexes
					.filter(
						({ statement }) =>
							statement.schema === schema && statement.table === table,
					)
					.map(({ task }) => task),
			],
		});
	});
	let before: readonly Task<Lane>[] = [
		...of.allRows,
		...keys,
		...indexes.map(({ task }) => task),
	];
	for (const phase of PHASES.slice(PHASES.indexOf("attach"))) {
		const found = inPhase(phase);
		if (found.length === 0) continue;
		before =
			phase === "validate"
				? byTable(found).map((group) =>
						add({ phase, statements: group, after: before }),
					)
				: [add({ phase, statements: found, after: before })];
	}
	return tasks;
}

interface TableRef {
	readonly schema: string;
	readonly name: string;
}

function tableOf({ schema, table }: StatementRecord): TableRef {
	return { schema, name: table };
}

/** Groups statements by their table, in order of first appearance. */
function byTable(statements: readonly StatementRecord[]): StatementRecord[][] {
	const groups = new Map<string, StatementRecord[]>();
	for (const statement of statements) {
		const key = JSON.stringify([statement.schema, statement.table]);
		groups.set(key, [...(groups.get(key) ?? []), statement]);
	}
	return [...groups.values()];
}

async function carryOut(
	target: ClientBase,
	statement: StatementRecord,
	again: boolean,
): Promise<void> {
	// The answer to a commit may be what was lost.
	if (again && (await isDone(target, statement))) return;
	await target.query(
		`BEGIN; ${statement.sql}; ${statementDone(statement)}; COMMIT`,
	);
}

async function isDone(
	target: ClientBase,
	{ position }: StatementRecord,
): Promise<boolean> {
	const { rows } = await target.query(
		"SELECT FROM cutover.copy_statement WHERE position = $1 AND done_at IS NOT NULL",
		[position],
	);
	return rows.length > 0;
}
