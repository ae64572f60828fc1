import { ExitCode, MigrationError } from "../errors";

/** What pg tells of an error of the server. */
interface ServerError {
	readonly code?: string;
	readonly message: string;
	readonly schema?: string;
	readonly table?: string;
	readonly constraint?: string;
	readonly column?: string;
}

/** What to do about errors of these SQLSTATEs, data exceptions (22) and broken rules (23). */
const FIXES: readonly (readonly [RegExp, string])[] = [
	[
		/^23503$/,
		"a row refers to one that is not on the other side: leave both behind (--exclude), or neither; then run sync again",
	],
	[
		/^23505$/,
		"the other side has a unique index that this one has not, or rows that did not come from here: drop the index or those rows, then run sync again",
	],
	[
		/^23514$/,
		"a row breaks a check of the other side, or has no partition there: make the partition or a DEFAULT one, or say in a mapping what becomes of such rows; then run sync again",
	],
	[
		/^2[23]/,
		"the other side's definition of the table is narrower: widen it, or say in a mapping what becomes of such values; then run sync again",
	],
];

/**
 * An error that the other side gives to rows as one for people (exit 1), without
 * the rows' values; any other as it is.
 */
export function describeFailure(error: unknown): unknown {
	if (error instanceof MigrationError) return error;
	const { code, message, schema, table, constraint, column } =
		error as ServerError;
	const fix = FIXES.find(([states]) => states.test(code ?? ""))?.[1];
	if (!fix) return error;
	const where = [
		table && `table ${schema ? `${schema}.` : ""}${table}`,
		column && `column ${column}`,
		constraint && `constraint ${constraint}`,
	].filter(Boolean);
	return new MigrationError(
		{
			expected: "rows of one side to fit the other",
			found: `${message.split("\n")[0]}${where.length > 0 ? ` (${where.join(", ")})` : ""}`,
			fix,
		},
		ExitCode.failure,
	);
}
