import { count } from "../progress";
import type { VerifiedTable } from "./verify";

/** A verified table with how it was read, where that is not as a whole. */
export interface ReportedTable extends VerifiedTable {
	/** What was read, for people: `all rows`, `12 touched rows`. */
	readonly read?: string;
}

/** A table for people: one line a table, widest column first. */
export function verificationTable(tables: readonly ReportedTable[]): string[] {
	const withReading = tables.some(({ read }) => read !== undefined);
	const rows = [
		[
			"table",
			"rows source",
			"rows target",
			"equal",
			"seconds",
			...(withReading ? ["read"] : []),
		],
		...tables.map(({ table, source, target, equal, seconds, read }) => [
			table,
			count(source.rows),
			count(target.rows),
			equal ? "yes" : "NO",
			seconds.toFixed(2),
			...(withReading ? [read ?? "all rows"] : []),
		]),
	];
	const widths = (rows[0] ?? []).map((_, column) =>
		Math.max(...rows.map((row) => row[column]?.length ?? 0)),
	);
	const isNumber = (column: number) => column > 0 && column < 5 && column !== 3;
	return rows.map((row) =>
		row
			.map((cell, column) =>
				isNumber(column)
					? cell.padStart(widths[column] ?? 0)
					: cell.padEnd(widths[column] ?? 0),
			)
			.join("  ")
			.trimEnd(),
	);
}
