/** One difference between source and target, named as closely as it can be. */
export interface Difference {
	readonly table: string;
	readonly kind:
		| "missing"
		| "extra"
		| "changed"
		| "sequence"
		| "content"
		| "rewritten"
		| "definition"
		| "rejects";
	/** Key of the row, as text. */
	readonly key?: Readonly<Record<string, string | null>>;
	/** Where the row lies, in a table without a key: `(block,number)`. */
	readonly place?: string;
	/** Columns whose values differ. */
	readonly columns?: readonly string[];
	/**
	 * The values of these columns (of all, in a table without a key): as text where
	 * values are shown, else what kind of text each is. null is NULL.
	 */
	readonly values?: Readonly<
		Record<
			string,
			{ readonly source?: string | null; readonly target?: string | null }
		>
	>;
	readonly detail?: string;
}

/** A difference as a line for people. */
export function describeDifference(difference: Difference): string {
	const { table, kind, key, place, columns, values, detail } = difference;
	const named = Object.entries(key ?? {}).map(
		([name, value]) => `${name}=${value ?? "NULL"}`,
	);
	const parts = [
		`${table}: ${kind}`,
		...named,
		...(place ? [`at ${place}`] : []),
		...(columns ? [`in ${columns.join(", ")}`] : []),
		...Object.entries(values ?? {}).map(
			([name, { source, target }]) =>
				`(${name}: ${[source, target]
					.filter((value) => value !== undefined)
					.map((value) => value ?? "NULL")
					.join(" → ")})`,
		),
	];
	return `${parts.join(" ")}${detail ? `: ${detail}` : ""}`;
}
