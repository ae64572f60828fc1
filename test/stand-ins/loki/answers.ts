import type { Config } from "./config";
import { evaluate } from "./logql/evaluate";
import { type Matcher, selector } from "./logql/matcher";
import { metric } from "./logql/metric";
import { logQuery } from "./logql/pipeline";
import { keyOf, type Series } from "./logql/series";
import { duration, parseTree, QueryError } from "./logql/tree";
import type { Store } from "./store";

/** A request's parameters, from the URL or from a form. */
export type Parameters = URLSearchParams;

const second = 1_000_000_000n;
const hour = 3600n * second;

/** Range queries of more points are refused, as by Prometheus and Loki. */
const mostPoints = 11_000;

/**
 * GET /loki/api/v1/query_range: lines as streams, or series as a matrix.
 *
 * @param now Unix nanoseconds
 * @throws QueryError
 */
export function queryRange(
	parameters: Parameters,
	store: Store,
	config: Config,
	now: bigint,
): object {
	const { from, to } = period(parameters, now, hour);
	const expression = parseTree(parameters.get("query") ?? "").children[0];
	if (expression?.name === "LogExpr") {
		const found = store.find(logQuery(expression), from, to);
		return streams(found, parameters, config);
	}
	if (expression?.name !== "MetricExpr") throw new QueryError("no query");
	const step = stepOf(parameters, from, to);
	const count = (to - from) / step + 1n;
	if (count > mostPoints)
		throw new QueryError(
			"exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
		);
	const times = Array.from(
		{ length: Number(count) },
		(_, index) => from + BigInt(index) * step,
	);
	const result = evaluate(metric(expression), times, store.lookup);
	const series =
		"scalar" in result
			? [{ labels: {}, values: times.map(() => result.scalar) }]
			: result.series;
	return {
		resultType: "matrix",
		result: limited(series, config)
			.map(({ labels, values }) => ({
				metric: labels,
				values: values.flatMap((value, index) =>
					value === undefined
						? []
						: [[seconds(times[index] ?? 0n), number(value)]],
				),
			}))
			.filter(({ values }) => values.length > 0),
	};
}

/** GET /loki/api/v1/query: a metric query at one moment. @throws QueryError */
export function query(
	parameters: Parameters,
	store: Store,
	config: Config,
	now: bigint,
): object {
	const time = instant(parameters.get("time"), now);
	const expression = parseTree(parameters.get("query") ?? "").children[0];
	if (expression?.name !== "MetricExpr")
		throw new QueryError(
			"log queries are not supported as an instant query type, please change your query to a range query type",
		);
	const result = evaluate(metric(expression), [time], store.lookup);
	if ("scalar" in result)
		return {
			resultType: "scalar",
			result: [seconds(time), number(result.scalar)],
		};
	return {
		resultType: "vector",
		result: limited(result.series, config).flatMap(({ labels, values }) =>
			values[0] === undefined
				? []
				: [{ metric: labels, value: [seconds(time), number(values[0])] }],
		),
	};
}

function streams(
	found: ReturnType<Store["find"]>,
	parameters: Parameters,
	config: Config,
): object {
	const most = config.limits_config.max_entries_limit_per_query;
	const limit = Number(parameters.get("limit") ?? 100);
	if (!Number.isInteger(limit) || limit < 1)
		throw new QueryError("limit must be a positive value");
	if (limit > most)
		throw new QueryError(
			`max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${most})`,
		);
	const forward = parameters.get("direction")?.toLowerCase() === "forward";
	const wanted = forward
		? found.slice(0, limit)
		: found.slice(-limit).reverse();
	const byLabels = new Map<
		string,
		{ stream: object; values: [string, string][] }
	>();
	for (const { ns, text, labels } of wanted) {
		const key = keyOf(labels);
		const stream = byLabels.get(key) ?? { stream: labels, values: [] };
		byLabels.set(key, stream);
		stream.values.push([String(ns), text]);
	}
	return { resultType: "streams", result: [...byLabels.values()] };
}

/** @throws QueryError where there are more series than Loki lets through. */
function limited(series: Series[], config: Config): Series[] {
	const most = config.limits_config.max_query_series;
	if (series.length > most)
		throw new QueryError(
			`maximum of series (${most}) reached for a single query`,
		);
	return series;
}

/** GET /loki/api/v1/labels */
export function labels(
	parameters: Parameters,
	store: Store,
	now: bigint,
): string[] {
	return [
		...new Set(
			selected(parameters, store, now).flatMap((stream) =>
				Object.keys(stream.labels),
			),
		),
	].sort();
}

/** GET /loki/api/v1/label/NAME/values */
export function labelValues(
	name: string,
	parameters: Parameters,
	store: Store,
	now: bigint,
): string[] {
	return [
		...new Set(
			selected(parameters, store, now).flatMap((stream) =>
				name in stream.labels ? [stream.labels[name] ?? ""] : [],
			),
		),
	].sort();
}

/** GET /loki/api/v1/series: label sets of the streams that any `match[]` selects. */
export function series(
	parameters: Parameters,
	store: Store,
	now: bigint,
): object[] {
	const { from, to } = period(parameters, now, hour);
	const selectors = [
		...parameters.getAll("match[]"),
		...parameters.getAll("match"),
	];
	if (selectors.length === 0) throw new QueryError("0 matcher groups supplied");
	const found = selectors
		.flatMap((text) => store.select(matchersOf(text), from, to))
		.map((stream) => stream.labels);
	return [...new Map(found.map((set) => [keyOf(set), set])).values()];
}

/** GET /loki/api/v1/index/stats */
export function indexStats(
	parameters: Parameters,
	store: Store,
	now: bigint,
): object {
	const { from, to } = period(parameters, now, hour);
	const found = store.select(
		matchersOf(parameters.get("query") ?? ""),
		from,
		to,
	);
	const entries = found.flatMap((stream) => stream.entries);
	return {
		streams: found.length,
		chunks: found.length,
		entries: entries.length,
		bytes: entries.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0),
	};
}

function selected(parameters: Parameters, store: Store, now: bigint) {
	const { from, to } = period(parameters, now, 6n * hour);
	const text = parameters.get("query");
	return store.select(text ? matchersOf(text) : [], from, to);
}

/** A selector alone. */
function matchersOf(text: string): Matcher[] {
	const expression = parseTree(text).children[0];
	if (expression?.name !== "LogExpr" || expression.child("PipelineExpr"))
		throw new QueryError(
			`parse error : only a selector is allowed here: ${text}`,
		);
	return selector(expression.need("Selector"));
}

/** Start and end in Unix nanoseconds; `since` counts back from the end. */
function period(
	parameters: Parameters,
	now: bigint,
	length: bigint,
): { from: bigint; to: bigint } {
	const to = instant(parameters.get("end"), now);
	const since = parameters.get("since");
	const back = since === null ? length : BigInt(need(duration(since), "since"));
	const from = instant(parameters.get("start"), (to < now ? to : now) - back);
	if (to < from)
		throw new QueryError(
			"end timestamp must not be before or equal to start time",
		);
	return { from, to };
}

/** A moment as Loki takes it: Unix nanoseconds, Unix seconds, or RFC 3339. */
function instant(text: string | null, otherwise: bigint): bigint {
	if (text === null || text === "") return otherwise;
	if (/^\d+$/.test(text))
		return text.length <= 10 ? BigInt(text) * second : BigInt(text);
	if (/^\d+(\.\d+)?(e[+]?\d+)?$/i.test(text))
		return BigInt(Math.round(Number(text) * 1e3)) * 1_000_000n;
	const date = Date.parse(text);
	return (
		BigInt(need(Number.isNaN(date) ? undefined : date, "time")) * 1_000_000n
	);
}

/** Default: 250 points, a second at least. */
function stepOf(parameters: Parameters, from: bigint, to: bigint): bigint {
	const text = parameters.get("step");
	if (text === null) {
		const step = (to - from) / (250n * second);
		return (step > 1n ? step : 1n) * second;
	}
	const step = /^[\d.]+$/.test(text) ? Number(text) * 1e9 : duration(text);
	const found = Math.round(need(step, "step"));
	if (found <= 0)
		throw new QueryError(
			"zero or negative query resolution step widths are not accepted. Try a positive integer",
		);
	return BigInt(found);
}

function need<T>(value: T | undefined, what: string): T {
	if (value === undefined || Number.isNaN(value))
		throw new QueryError(`could not parse '${what}'`);
	return value;
}

/** Prometheus' time: Unix seconds. */
function seconds(ns: bigint): number {
	return Number(ns / 1_000_000n) / 1000;
}

/** Prometheus' number, which is a text. */
function number(value: number): string {
	if (value === Number.POSITIVE_INFINITY) return "+Inf";
	if (value === Number.NEGATIVE_INFINITY) return "-Inf";
	return String(value);
}
