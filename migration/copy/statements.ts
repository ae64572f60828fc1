import type { ClientBase } from "pg";
import { PHASES, type Phase } from "../catalog/definitions";
import type { Lane } from "./lane";
import { type StatementRecord, statementDone } from "./record";
import type { Task } from "./tasks";

/** What there is to know of the run that carries statements out. */
export interface Surroundings {
	/** The tasks that bring a table's rows; all such tasks where it has no route. */
	readonly rows: (table: TableRef) => readonly Task<Lane>[];
	readonly allRows: readonly Task<Lane>[];
	/** Bytes of the largest table that fills it on the source: the weight of its work. */
	readonly bytes: (table: TableRef) => number;
}

/** What runs as one task: statements that wait for the same things, in order. */
interface Group {
	readonly phase: Phase;
	readonly statements: readonly StatementRecord[];
	/** SQL to run first in each statement's transaction, asked for when that begins. */
	readonly settings?: () => string;
	readonly after: readonly Task<Lane>[];
}

/**
 * Tasks of the statements that are not carried out yet: indexes of a table as soon
 * as its rows are in, each a task of its own; its keys once its indexes stand;
 * foreign keys once all keys stand, one after the other, as each locks two
 * tables; validations beside each other; last what must not be there before.
 * Every statement is carried out and noted in one transaction.
 *
 * The largest table's indexes go before the copies of smaller ones.
 */
export function statementTasks(
	statements: readonly StatementRecord[],
	of: Surroundings,
): Task<Lane>[] {
	const pending = statements.filter(({ done }) => !done);
	const tasks: Task<Lane>[] = [];
	const add = ({ phase, statements, settings, after }: Group): Task<Lane> => {
		const [first] = statements;
		if (!first) throw new Error(`a group of phase ${phase} without statement`);
		const task: Task<Lane> = {
			name: `${phase} of ${first.table}`,
			rank: of.bytes(tableOf(first)),
			after,
			run: (lane) =>
				lane.withRetry(async (again) => {
					const target = await lane.target();
					for (const statement of statements)
						await carryOut(target, statement, settings?.(), again);
				}),
		};
		tasks.push(task);
		return task;
	};
	const inPhase = (phase: Phase) =>
		pending.filter((statement) => statement.phase === phase);

	const indexes = byTable(inPhase("index")).flatMap((group) => {
		const bytes = of.bytes(tableOf(group[0] as StatementRecord));
		let left = group.length;
		return group.map((statement) => ({
			statement,
			task: add({
				phase: "index",
				statements: [statement],
				settings: () => sortSettings(bytes, --left <= 0),
				after: of.rows(tableOf(statement)),
			}),
		}));
	});
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

/** Bytes of a table for one byte of memory in which an index of it is sorted. */
const TABLE_PER_MEMORY = 64;
/** Less than this cannot be gained from. */
const LEAST_SORT_MEMORY = 16 * 1024 ** 2;
/**
 * As much is taken for large tables where the server is set to less; and PostgreSQL
 * starts no parallel worker where each process has less than 32 MB of it.
 */
const COMMON_SORT_MEMORY = 64 * 1024 ** 2;

/**
 * SQL of the settings under which an index is built. Small runs are sorted in the
 * processor's caches and merged at once: on 4 million rows 16 MB took an eighth less
 * processor time than 1 GB. Parallel workers take a seventh more for the same index
 * than one process; they pay for a table's last one, when lanes have nothing else.
 */
function sortSettings(tableBytes: number, isLast: boolean): string {
	const least = isLast ? COMMON_SORT_MEMORY : LEAST_SORT_MEMORY;
	const wished = Math.round(
		Math.max(tableBytes / TABLE_PER_MEMORY, least) / 1024,
	);
	const most = `greatest(pg_size_bytes(current_setting('maintenance_work_mem')), ${COMMON_SORT_MEMORY}) / 1024`;
	const memory = `SELECT set_config('maintenance_work_mem', least(${wished}, ${most}) || 'kB', true)`;
	return isLast
		? memory
		: `${memory}; SET LOCAL max_parallel_maintenance_workers = 0`;
}

async function carryOut(
	target: ClientBase,
	statement: StatementRecord,
	settings: string | undefined,
	again: boolean,
): Promise<void> {
	// The answer to a commit may be what was lost.
	if (again && (await isDone(target, statement))) return;
	const parts = [
		"BEGIN",
		settings,
		statement.sql,
		statementDone(statement),
		"COMMIT",
	];
	await target.query(parts.filter(Boolean).join(";\n"));
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
