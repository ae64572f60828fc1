import type { Labels } from "./matcher";
import type { Metric } from "./metric";
import { comparisons } from "./pipeline";
import { grouped, keyOf, type Result, type Series } from "./series";
import { QueryError } from "./tree";

/**
 * What an operator makes of both its sides, at each of `length` times.
 *
 * @throws QueryError where series of both sides do not go together one by one
 */
export function combine(
	metric: Extract<Metric, { kind: "binary" }>,
	left: Result,
	right: Result,
	length: number,
): Result {
	const { op, bool } = metric;
	const calculate = (a: number, b: number) => arithmetic(op, a, b);
	const compare = comparisons[op];
	if (op === "And" || op === "Or" || op === "Unless") {
		if ("scalar" in left || "scalar" in right)
			throw new QueryError(
				`parse error : ${op.toLowerCase()} wants series on both sides`,
			);
		return { series: setOperation(metric, left.series, right.series, length) };
	}
	/** What stands for a, the value that a comparison keeps. */
	const value = (a: number, b: number, kept: number) => {
		if (!compare) return calculate(a, b);
		if (bool) return compare(a, b) ? 1 : 0;
		return compare(a, b) ? kept : undefined;
	};
	if ("scalar" in left) {
		const a = left.scalar;
		if ("series" in right)
			return { series: map(right.series, (b) => value(a, b, b)) };
		const b = right.scalar;
		return { scalar: compare ? Number(compare(a, b)) : calculate(a, b) };
	}
	if ("scalar" in right)
		return { series: map(left.series, (a) => value(a, right.scalar, a)) };
	return { series: pairwise(metric, left.series, right.series, value) };
}

function map(
	series: Series[],
	change: (value: number) => number | undefined,
): Series[] {
	return series.map(({ labels, values }) => ({
		labels,
		values: values.map((value) =>
			value === undefined ? undefined : change(value),
		),
	}));
}

type Binary = Extract<Metric, { kind: "binary" }>;

/** The labels by which series of both sides belong together. */
function matched(labels: Labels, { matching }: Binary): Labels {
	return matching
		? grouped(labels, { without: !matching.on, labels: matching.labels })
		: labels;
}

function pairwise(
	metric: Binary,
	left: Series[],
	right: Series[],
	value: (a: number, b: number, kept: number) => number | undefined,
): Series[] {
	const others = unique(right, metric);
	unique(left, metric);
	return left.flatMap(({ labels, values }) => {
		const own = matched(labels, metric);
		const other = others.get(keyOf(own));
		if (!other) return [];
		return [
			{
				labels: own,
				values: values.map((a, step) => {
					const b = other.values[step];
					return a === undefined || b === undefined
						? undefined
						: value(a, b, a);
				}),
			},
		];
	});
}

/** @throws QueryError where two of a side belong to one of the other. */
function unique(series: Series[], metric: Binary): Map<string, Series> {
	const byKey = new Map(
		series.map((one) => [keyOf(matched(one.labels, metric)), one]),
	);
	if (byKey.size < series.length)
		throw new QueryError(
			"multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
		);
	return byKey;
}

function setOperation(
	metric: Binary,
	left: Series[],
	right: Series[],
	length: number,
): Series[] {
	const steps = Array.from({ length }, (_, index) => index);
	const keys = (series: Series[]) =>
		steps.map(
			(step) =>
				new Set(
					series
						.filter(({ values }) => values[step] !== undefined)
						.map(({ labels }) => keyOf(matched(labels, metric))),
				),
		);
	const [inLeft, inRight] = [keys(left), keys(right)];
	const only = (
		series: Series[],
		wanted: (key: string, step: number) => boolean,
	) =>
		series.map(({ labels, values }) => ({
			labels,
			values: values.map((value, step) =>
				wanted(keyOf(matched(labels, metric)), step) ? value : undefined,
			),
		}));
	switch (metric.op) {
		case "And":
			return only(left, (key, step) => inRight[step]?.has(key) ?? false);
		case "Unless":
			return only(left, (key, step) => !inRight[step]?.has(key));
		default:
			return merge([
				...left,
				...only(right, (key, step) => !inLeft[step]?.has(key)),
			]);
	}
}

/** Series of equal labels as one: where the first has no value, the second's. */
function merge(series: Series[]): Series[] {
	const byKey = new Map<string, Series>();
	for (const one of series) {
		const known = byKey.get(keyOf(one.labels));
		if (!known) byKey.set(keyOf(one.labels), one);
		else
			byKey.set(keyOf(one.labels), {
				labels: one.labels,
				values: known.values.map((value, step) => value ?? one.values[step]),
			});
	}
	return [...byKey.values()];
}

function arithmetic(op: string, a: number, b: number): number {
	switch (op) {
		case "Add":
			return a + b;
		case "Sub":
			return a - b;
		case "Mul":
			return a * b;
		case "Div":
			return b === 0 ? Number.NaN : a / b;
		case "Mod":
			return b === 0 ? Number.NaN : a % b;
		default:
			return a ** b;
	}
}
