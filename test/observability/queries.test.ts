import { deepStrictEqual, throws } from "node:assert/strict";
import { groupingsIn, selectorsIn } from "../../observability/logql";
import {
	labelsIn,
	metricsIn,
	vectorSelectorsIn,
} from "../../observability/promql";

describe("the metrics in a PromQL query", () => {
	const share =
		'sum by (job) (rate(http_requests_total{status=~"5..",job!="x"}[5m] offset 1d)) / on(job) group_left(version) sum(rate(http_requests_total[5m])) > 0.05 and up == 1';

	it("are found wherever they stand, each once", () => {
		deepStrictEqual(metricsIn(share), ["http_requests_total", "up"]);
		deepStrictEqual(
			metricsIn("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))"),
			["x_bucket"],
		);
		deepStrictEqual(metricsIn("vector(1)"), []);
		deepStrictEqual(metricsIn("max_over_time(job:lag:max5m[1h:1m])"), [
			"job:lag:max5m",
		]);
	});

	it("are found under __name__ and in quotes", () => {
		deepStrictEqual(metricsIn('{__name__="up", job="a"}'), ["up"]);
		deepStrictEqual(metricsIn('{"up", job="a"}'), ["up"]);
	});

	it("come with their matchers", () => {
		deepStrictEqual(vectorSelectorsIn(share)[0], {
			metric: "http_requests_total",
			matchers: [
				{ label: "status", op: "=~", value: "5.." },
				{ label: "job", op: "!=", value: "x" },
			],
		});
		deepStrictEqual(
			vectorSelectorsIn(`up{a='it\\'s "b"',c=\`\\d\`}`)[0]?.matchers.map(
				({ value }) => value,
			),
			[`it's "b"`, "\\d"],
		);
	});

	it("come with the labels that are matched and grouped by", () => {
		deepStrictEqual(labelsIn(share), ["job", "status", "version"]);
	});

	it("cannot be told where they are named by a pattern", () => {
		throws(() => metricsIn('{__name__=~"go_.*"}'), /of no one metric/);
		throws(() => metricsIn('{job="backend"}'), /of no one metric/);
	});

	for (const wrong of [
		...["", "sum(rate(x[5m])", "rate(x[5 minutes])", "nosuch(up)"],
		...["up{job=backend}", "up +", "sum by job (up)", "rate(x[$__interval])"],
	]) {
		it(`refuses: ${wrong || "nothing"}`, () => {
			for (const ask of [metricsIn, labelsIn]) {
				throws(() => ask(wrong), /not PromQL at character \d+/);
			}
		});
	}

	it("names the place of a mistake", () => {
		throws(() => metricsIn("up{job=backend}"), {
			message: "not PromQL at character 8:\n   up{job=backend}\n          ^",
		});
	});
});

describe("the selectors in a LogQL query", () => {
	it("are found in a search and in a metric", () => {
		deepStrictEqual(
			selectorsIn(
				'{service="caddy", level =~ "error|warn"} |= "x" | json | host="a"',
			),
			[
				[
					{ label: "service", op: "=", value: "caddy" },
					{ label: "level", op: "=~", value: "error|warn" },
				],
			],
		);
		deepStrictEqual(
			selectorsIn(
				'sum(rate({a!="b"}[5m])) / sum(rate({c!~"d"} | logfmt [5m]))',
			).map(([matcher]) => matcher),
			[
				{ label: "a", op: "!=", value: "b" },
				{ label: "c", op: "!~", value: "d" },
			],
		);
	});

	it("come with the labels that are grouped by", () => {
		deepStrictEqual(
			groupingsIn('sum by (service, level) (count_over_time({a="b"}[1m]))'),
			["level", "service"],
		);
	});

	for (const wrong of [
		...["", '{service="caddy"', "{service=caddy}", '{a="b"} |= ', "caddy"],
		...['sum(rate({a="b"}))', 'rate({a="b"}[$__interval])'],
	]) {
		it(`refuses: ${wrong || "nothing"}`, () => {
			throws(() => selectorsIn(wrong), /not LogQL at character \d+/);
		});
	}
});
