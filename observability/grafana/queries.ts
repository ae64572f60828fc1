import { interpolate } from "./variables";

/** A query of a panel, as the dashboard's JSON has it. */
export interface Target {
	refId: string;
	expr: string;
	datasource: { type: string; uid: string };
	legendFormat?: string;
	/** Of Prometheus: only the value at the window's end. */
	instant?: boolean;
}

/** From when to when, in milliseconds since 1970, and seconds between points. */
export interface TimeRange {
	from: number;
	to: number;
	step: number;
}

/** What a query answered: values with their time in milliseconds, of logs lines. */
export interface Series {
	labels: Record<string, string>;
	points: [time: number, value: string][];
}

/** Loki's lines that a panel shows at most. */
const lineLimit = 100;

/** A query's path below its data source, as Grafana's own panels ask. */
export function queryPath(target: Target, { from, to, step }: TimeRange) {
	const loki = target.datasource.type === "loki";
	const query = interpolate(target.expr, {
		step,
		range: Math.round((to - from) / 1000),
	});
	// Loki takes nanoseconds, Prometheus seconds.
	const time = (ms: number) => (loki ? `${ms}000000` : String(ms / 1000));
	const window: Record<string, string> = target.instant
		? { time: time(to) }
		: { start: time(from), end: time(to), step: `${step}s` };
	const parameters = new URLSearchParams({
		query,
		...window,
		...(loki ? { limit: String(lineLimit), direction: "backward" } : {}),
	});
	const call = target.instant ? "query" : "query_range";
	return `${loki ? "loki/" : ""}api/v1/${call}?${parameters}`;
}

/**
 * The series in the answer of Prometheus or Loki: the two agree in its shape. Values
 * that are no number (a share of nothing) are left out, as a panel leaves them out,
 * and series without any value too.
 *
 * @throws Error where the body is no such answer.
 */
export function seriesOf(body: string): Series[] {
	const { data } = JSON.parse(body) as {
		data?: { resultType: string; result: Result[] | [number, string] };
	};
	if (!data) throw new Error(`no data in the answer: ${body.slice(0, 200)}`);
	if (data.resultType === "scalar") {
		return seriesOfResults([{ value: data.result as [number, string] }], 1e3);
	}
	return seriesOfResults(
		data.result as Result[],
		data.resultType === "streams" ? 1e-6 : 1e3,
	);
}

interface Result {
	metric?: Record<string, string>;
	stream?: Record<string, string>;
	value?: [number, string];
	values?: [number | string, string][];
}

function seriesOfResults(results: Result[], toMs: number): Series[] {
	return results
		.map(({ metric, stream, value, values = value ? [value] : [] }) => ({
			labels: metric ?? stream ?? {},
			points: values
				.filter(([, seen]) => stream !== undefined || seen !== "NaN")
				.map(([time, seen]): [number, string] => [Number(time) * toMs, seen]),
		}))
		.filter(({ points }) => points.length > 0);
}
