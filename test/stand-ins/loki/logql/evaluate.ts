import { combine } from "./binary";
import type { Labels } from "./matcher";
import type { Grouping, Metric, RangeOp } from "./metric";
import { type LogQuery, refuseErrors } from "./pipeline";
import { grouped, keyOf, type Result, type Series } from "./series";
import { QueryError } from "./tree";

/** A line that a query's pipeline let through. */
export interface Found {
	/** Unix nanoseconds. */
	ns: bigint;
	text: string;
	labels: Labels;
}

/** Looks up the lines of (from, to], oldest first. */
export type Lookup = (log: LogQuery, from: bigint, to: bigint) => Found[];

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
