import type { Labels } from "./matcher";
import type { Grouping, Metric, RangeOp } from "./metric";
import { type LogQuery, refuseErrors } from "./pipeline";
import { QueryError } from "./tree";

/** A number for each time asked for; none where there is nothing. */
export type Values = (number | undefined)[];

export interface Series {
	labels: Labels;
	values: Values;
}

/** A line that a query's pipeline let through. */
export interface Found {
	/** Unix nanoseconds. */
	ns: bigint;
	text: string;
	labels: Labels;
}

/** Looks up the lines of (from, to], oldest first. */
export type Lookup = (log: LogQuery, from: bigint, to: bigint) => Found[];

type Result = { scalar: number } | { series: Series[] };

/**
 * A metric query's series at each of the given times.
 *
 * @param times Unix nanoseconds, rising
 * @throws QueryError where a line could not be parsed, or series do not match
 */
export function evaluate(
	metric: Metric,
	times: bigint[],
	lookup: Lookup,
): Result {
	switch (metric.kind) {
		case "number":
			return { scalar: metric.value };
		case "vector":
			return {
				series: [{ labels: {}, values: times.map(() => metric.value) }],
			};
		case "range":
			return { series: overTime(metric, times, lookup) };
		case "aggregate": {
			// The same sum, without a series for each line's own metadata before it.
			if (metric.op === "sum" && metric.inner.kind === "range")
				return {
					series: overTime(metric.inner, times, lookup, metric.grouping),
				};
			const inner = evaluate(metric.inner, times, lookup);
			if ("scalar" in inner)
				throw new QueryError(
					`parse error : ${metric.op} wants series, not a number`,
				);
			return { series: aggregate(metric, inner.series, times.length) };
		}
		case "binary":
			return combine(
				metric,
				evaluate(metric.left, times, lookup),
				evaluate(metric.right, times, lookup),
				times.length,
			);
	}
}

function overTime(
	{ op, log, range, offset }: Extract<Metric, { kind: "range" }>,
	times: bigint[],
	lookup: Lookup,
	grouping?: Grouping,
): Series[] {
	const [first, last] = [times[0], times.at(-1)];
	if (first === undefined || last === undefined) return [];
	const [length, back] = [BigInt(range), BigInt(offset)];
	const bySeries = new Map<string, { labels: Labels; lines: Found[] }>();
	for (const line of lookup(log, first - back - length, last - back)) {
		refuseErrors(line.labels);
		const labels = grouping ? grouped(line.labels, grouping) : line.labels;
		const key = keyOf(labels);
		const found = bySeries.get(key);
		if (found) found.lines.push(line);
		else bySeries.set(key, { labels, lines: [line] });
	}
	return [...bySeries.values()].map(({ labels, lines }) => {
		let [begin, end] = [0, 0];
		const values = times.map((time) => {
			// Both only move on: times rise, and lines are in order.
			while (end < lines.length && at(lines, end) <= time - back) end += 1;
			while (begin < end && at(lines, begin) <= time - back - length)
				begin += 1;
			return begin === end
				? undefined
				: reduce(op, lines, begin, end) / (per[op] ? range / 1e9 : 1);
		});
		return { labels, values };
	});
}

function at(lines: Found[], index: number): bigint {
	return lines[index]?.ns ?? 0n;
}

/** Whether the value is one a second. */
const per: Record<RangeOp, boolean> = {
	count_over_time: false,
	bytes_over_time: false,
	rate: true,
	bytes_rate: true,
};

function reduce(
	op: RangeOp,
	lines: Found[],
	begin: number,
	end: number,
): number {
	if (op === "count_over_time" || op === "rate") return end - begin;
	let size = 0;
	for (const { text } of lines.slice(begin, end))
		size += Buffer.byteLength(text);
	return size;
}

function aggregate(
	{ op, count, grouping }: Extract<Metric, { kind: "aggregate" }>,
	series: Series[],
	length: number,
): Series[] {
	const groups = new Map<string, { labels: Labels; members: Series[] }>();
	for (const one of series) {
		const labels = grouped(one.labels, grouping);
		const key = keyOf(labels);
		const group = groups.get(key);
		if (group) group.members.push(one);
		else groups.set(key, { labels, members: [one] });
	}
	const steps = Array.from({ length }, (_, index) => index);
	return [...groups.values()].flatMap(({ labels, members }) => {
		if (op === "topk" || op === "bottomk")
			return first(members, count, op === "topk", steps);
		const values = steps.map((step) => {
			const present = valuesAt(members, step);
			return present.length === 0 ? undefined : total(op, present);
		});
		return [{ labels, values }];
	});
}

function valuesAt(members: Series[], step: number): number[] {
	return members
		.map(({ values }) => values[step])
		.filter((value) => value !== undefined);
}

function total(op: string, values: number[]): number {
	const sum = values.reduce((all, value) => all + value, 0);
	switch (op) {
		case "avg":
			return sum / values.length;
		case "min":
			return Math.min(...values);
		case "max":
			return Math.max(...values);
		case "count":
			return values.length;
		default:
			return sum;
	}
}

/** The first `count` at each time, by value; they keep all their labels. */
function first(
	members: Series[],
	count: number,
	falling: boolean,
	steps: number[],
): Series[] {
	const kept = members.map(({ labels }): Series => ({ labels, values: [] }));
	for (const step of steps) {
		const order = members
			.map(({ values }, index) => ({ index, value: values[step] }))
			.filter(({ value }) => value !== undefined)
			.sort((a, b) => ((b.value ?? 0) - (a.value ?? 0)) * (falling ? 1 : -1));
		for (const { index, value } of order.slice(0, count)) {
			const one = kept[index];
			if (one) one.values[step] = value;
		}
	}
	return kept.map(({ labels, values }) => ({
		labels,
		values: steps.map((step) => values[step]),
	}));
}

function combine(
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

const comparisons: Record<string, (a: number, b: number) => boolean> = {
	Eql: (a, b) => a === b,
	Neq: (a, b) => a !== b,
	Gtr: (a, b) => a > b,
	Gte: (a, b) => a >= b,
	Lss: (a, b) => a < b,
	Lte: (a, b) => a <= b,
};

function grouped(labels: Labels, { without, labels: names }: Grouping): Labels {
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
