import type { Labels } from "./matcher";
import type { Grouping } from "./metric";

/** A number for each time asked for; none where there is nothing. */
export type Values = (number | undefined)[];

export interface Series {
	labels: Labels;
	values: Values;
}

/** What a metric query comes to: one number, or series. */
export type Result = { scalar: number } | { series: Series[] };

/** The labels that a grouping leaves. */
export function grouped(
	labels: Labels,
	{ without, labels: names }: Grouping,
): Labels {
	return Object.fromEntries(
		Object.entries(labels).filter(([name]) => names.includes(name) !== without),
	);
}

/** Equal for equal labels, in whatever order. */
export function keyOf(labels: Labels): string {
	return JSON.stringify(
		Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}
