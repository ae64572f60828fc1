import assert from "node:assert/strict";
import { at, fill, messages, Served, start } from "./loki-served";

describe("the stand-in for Loki's LogQL", () => {
	let served: Served;
	beforeEach(async () => {
		served = await Served.begin();
	});
	afterEach(() => served.end());

	it("selects and filters lines as LogQL says", async () => {
		await fill(served);
		const counts: Record<string, number> = {
			'{service="api"}': 6,
			'{service=~"api|site"}': 12,
			'{service!="api", level="info"}': 6,
			'{level!~"err.*", service=~".+"}': 12,
			'{service="api"} |= "GET /1"': 1,
			'{service="api"} != "GET /1" != "GET /2"': 4,
			'{service="api"} |= "GET /1" or "GET /2"': 2,
			'{service="api"} |~ "GET /[0-2]"': 3,
			'{service="api"} |~ `(?i)get /1`': 1,
			'{service="api"} !~ "/[0-2]"': 3,
			'{service="api"} | request_id="api-3"': 1,
			'{service="api"} | json | status >= 500': 2,
			'{service="api"} | json | status=500 and request_method="POST"': 1,
			'{service="api"} | json | took > 300ms or request_method="POST"': 4,
			'{service="api"} | json | (took > 300ms, request_method="POST")': 1,
			'{service="database"} | logfmt | msg="no room" | free < 1GB': 1,
			'{service="nobody"}': 0,
		};
		for (const [query, count] of Object.entries(counts))
			assert.equal((await messages(served, query)).length, count, query);
		assert.deepEqual(
			await messages(
				served,
				'{service="api"} | json | status=500 | line_format "{{.status}} {{ .msg }}!"',
			),
			["500 GET /0!", "500 GET /3!"],
		);
	});

	it("gives the newest lines first, as many as asked for, with their labels and metadata", async () => {
		await fill(served);
		const { data } = await served.range('{service="api"}', { limit: "1" });
		assert.equal(data.result.length, 1);
		const [{ stream, values }] = data.result;
		assert.deepEqual(stream, {
			...{ service: "api", level: "info", request_id: "api-5" },
		});
		assert.equal(values[0][0], at(110));
	});

	it("marks lines that a parser fails on, and refuses to count them", async () => {
		await fill(served);
		const { data } = await served.range('{service="database"} | json');
		assert.equal(data.result[0].stream.__error__, "JSONParserErr");
		const counted = await served.range(
			'count_over_time({service="database"} | json [1m])',
		);
		assert.equal(counted.status, 400);
		assert.match(counted.text, /pipeline error: 'JSONParserErr'/);
	});

	/** The one series' values at a moment. */
	async function value(query: string, seconds = 120): Promise<unknown> {
		const { status, text, data } = await served.get("/loki/api/v1/query", {
			query,
			time: at(seconds),
		});
		assert.equal(status, 200, text);
		if (data.resultType === "scalar") return data.result[1];
		return Object.fromEntries(
			data.result.map(
				({ metric, value }: { metric: object; value: [number, string] }) => [
					Object.values(metric).join(" "),
					value[1],
				],
			),
		);
	}

	it("counts, adds up and compares as LogQL says", async () => {
		await fill(served);
		const by = "sum by (service)";
		const api = '{service="api"}';
		const answers: [string, unknown][] = [
			[`${by} (count_over_time({level="info"}[2m]))`, { api: "6", site: "6" }],
			[`sum(count_over_time({level="info"}[1m]))`, { "": "6" }],
			[`sum(rate(${api}[2m]))`, { "": "0.05" }],
			[`sum without (request_id, level) (rate(${api}[2m]))`, { api: "0.05" }],
			[`sum(bytes_over_time({service="database"}[2m]))`, { "": "35" }],
			[`sum(bytes_rate({service="database"}[35s] offset 1m))`, { "": "1" }],
			[`max(${by} (rate({level="info"}[2m])))`, { "": "0.05" }],
			[`min(${by} (count_over_time({level=~".+"}[2m])))`, { "": "1" }],
			[`avg(${by} (count_over_time({level="info"}[2m])))`, { "": "6" }],
			[`count(${by} (count_over_time({level="info"}[2m])))`, { "": "2" }],
			[
				`topk(1, ${by} (count_over_time({service=~"api|database"}[2m])))`,
				{ api: "6" },
			],
			[
				`${by} (count_over_time({service=~"api|database"}[2m])) > 3`,
				{ api: "6" },
			],
			[
				`${by} (count_over_time({service=~"api|database"}[2m])) > bool 3`,
				{ api: "1", database: "0" },
			],
			[
				`sum(rate(${api} | json | status >= 500 [2m])) / sum(rate(${api}[2m])) * 100`,
				{ "": "33.33333333333333" },
			],
			[
				`${by} (count_over_time(${api}[2m])) / on (service) ${by} (count_over_time(${api}[2m]))`,
				{ api: "1" },
			],
			[
				`sum(count_over_time({service="nobody"}[2m])) or vector(0)`,
				{ "": "0" },
			],
			[`vector(1)+vector(1)`, { "": "2" }],
			[`1 + 2 * 3`, "7"],
			[`(1 + 2) * 3 - 2 - 1`, "6"],
			[`2 ^ 3 ^ 2 / 2`, "256"],
			[`sum(count_over_time({service="nobody"}[2m]))`, {}],
		];
		for (const [query, expected] of answers)
			assert.deepEqual(await value(query), expected, query);
	});

	it("counts in windows that end at each step", async () => {
		await fill(served);
		const { data } = await served.range(
			'sum(count_over_time({service="api"}[1m]))',
		);
		assert.equal(data.resultType, "matrix");
		assert.deepEqual(data.result, [
			{
				metric: {},
				values: [
					[start + 60, "3"],
					[start + 120, "3"],
				],
			},
		]);
	});

	it("refuses what it does not know by name, and what is no LogQL by place", async () => {
		await fill(served);
		const refused: [string, RegExp][] = [
			['{service="api"', /parse error at line 1, col 15/],
			["", /unexpected \$end/],
			['{service=~".*"}', /at least one regexp or equality matcher/],
			['{service=~"(?=a)"}', /error parsing regexp/],
			['{service="api"} | pattern "<_>"', /pattern|Pattern/i],
			['{service="api"} | regexp "(?P<a>.)"', /regexp/i],
			['{service="api"} | unpack', /unpack/i],
			[
				'{service="api"} | json | status=500 or status=200 and took > 1s',
				/without parentheses/,
			],
			['{service="api"} | json a="b.c"', /JsonExpressionParser/],
			['{service="api"} | label_format a=b', /LabelFormatExpr/],
			['{service="api"} | line_format "{{ .a | ToUpper }}"', /line_format/],
			['{service="api"} |= ip("1.2.3.4")', /ip\(\)/],
			['{service="api"} |> "<_>"', /PipePattern/],
			[
				'quantile_over_time(0.9, {service="api"} | json | unwrap status [1m])',
				/quantile_over_time|unwrap/,
			],
			['absent_over_time({service="api"}[1m])', /absent_over_time/],
			['stddev(rate({service="api"}[1m]))', /stddev/],
			[
				'sum(rate({service="api"}[1m])) / on (a) group_left sum(rate({service="api"}[1m]))',
				/group_left/,
			],
			[
				'label_replace(rate({service="api"}[1m]), "a", "b", "c", "d")',
				/LabelReplaceExpr/,
			],
			[
				'count_over_time({service="api"}[1m]) by (level)',
				/grouping not allowed/,
			],
		];
		for (const [query, message] of refused) {
			const { status, text } = await served.range(query);
			assert.equal(status, 400, `${query}: ${text}`);
			assert.match(text, message, query);
		}
		const many = await served.range('{service="api"}', { limit: "6000" });
		assert.match(many.text, /max entries limit per query exceeded/);
		const instant = await served.get("/loki/api/v1/query", {
			query: '{service="api"}',
		});
		assert.equal(instant.status, 400);
		assert.match(instant.text, /instant query type/);
		const unknown = await served.get("/loki/api/v1/patterns");
		assert.equal(unknown.status, 404);
		assert.match(unknown.text, /not part of this stand-in/);
	});

	it("refuses a query of too many series, as a count without a sum over requests is", async () => {
		const values = Array.from({ length: 501 }, (_, index) => [
			...[at(index / 1000), "x", { request_id: String(index) }],
		]);
		await served.push([{ stream: { service: "api" }, values }]);
		const query = 'rate({service="api"}[1m])';
		const { status, text } = await served.range(query);
		assert.equal(status, 400);
		assert.match(text, /maximum of series \(500\)/);
		assert.equal((await served.range(`sum(${query})`)).status, 200);
	});
});
