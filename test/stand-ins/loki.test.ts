import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Config, parseConfig } from "./loki/config";
import { Journal } from "./loki/journal";
import { Loki } from "./loki/server";

const file = join(__dirname, "../../observability/loki/loki.yaml");
const config: Config = parseConfig(readFileSync(file, "utf8"));
const second = 1_000_000_000n;
/** A full minute, so that steps are round. */
const start = 1_796_000_040;
const at = (seconds: number) =>
	String(BigInt(start) * second + BigInt(Math.round(seconds * 1e9)));

interface Answer {
	status: number;
	text: string;
	// biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are what the tests assert
	data: any;
}

/** A stand-in whose clock stands ten minutes behind `start`. */
class Served {
	now = (start + 600) * 1000;
	private constructor(
		readonly loki: Loki,
		private readonly url: string,
	) {}

	static async begin(
		journal?: Journal,
		changed: Partial<Config["limits_config"]> = {},
		maxBytes = 2 ** 24,
	): Promise<Served> {
		let served: Served | undefined;
		const loki = new Loki({
			config: {
				...config,
				limits_config: { ...config.limits_config, ...changed },
			},
			maxBytes,
			...(journal ? { journal } : {}),
			now: () => served?.now ?? 0,
		});
		await new Promise<void>((resolve) =>
			loki.server.listen(0, "127.0.0.1", resolve),
		);
		const address = loki.server.address();
		assert(typeof address === "object" && address);
		served = new Served(loki, `http://127.0.0.1:${address.port}`);
		return served;
	}

	async ask(path: string, init: RequestInit = {}): Promise<Answer> {
		const answer = await fetch(`${this.url}${path}`, init);
		const text = await answer.text();
		const json = answer.headers.get("content-type")?.includes("json");
		return {
			status: answer.status,
			text,
			data: json ? (JSON.parse(text).data ?? JSON.parse(text)) : undefined,
		};
	}

	get(path: string, parameters: Record<string, string> = {}): Promise<Answer> {
		return this.ask(`${path}?${new URLSearchParams(parameters)}`);
	}

	/** Over the ten minutes from `start` on. */
	range(query: string, more: Record<string, string> = {}): Promise<Answer> {
		return this.get("/loki/api/v1/query_range", {
			...{ query, start: at(0), end: at(600), step: "60", ...more },
		});
	}

	push(streams: object[], headers: Record<string, string> = {}) {
		return this.ask("/loki/api/v1/push", {
			method: "POST",
			headers: { "content-type": "application/json", ...headers },
			body: JSON.stringify({ streams }),
		});
	}

	end(): void {
		this.loki.server.close();
		this.loki.server.closeAllConnections();
	}
}

describe("the stand-in for Loki", () => {
	let served: Served;
	beforeEach(async () => {
		served = await Served.begin();
	});
	afterEach(() => served.end());

	/** Twelve requests, one every 10 s: of the API, every third of them failed, and of the site. */
	async function fill(): Promise<void> {
		const requests = (service: string, from: number) =>
			Array.from({ length: 6 }, (_, index) => [
				at(from + 20 * index),
				JSON.stringify({
					...{ msg: `GET /${index}`, took: `${index}00ms` },
					status: service === "api" && index % 3 === 0 ? 500 : 200,
					request: { method: index % 2 ? "GET" : "POST" },
				}),
				{ request_id: `${service}-${index}` },
			]);
		const { status } = await served.push([
			{
				stream: { service: "api", level: "info" },
				values: requests("api", 10),
			},
			{
				stream: { service: "site", level: "info" },
				values: requests("site", 20),
			},
			{
				stream: { service: "database", level: "error" },
				values: [[at(30), 'level=error msg="no room" free=10MB']],
			},
		]);
		assert.equal(status, 204);
	}

	/** Messages of the lines that a query finds, oldest first. */
	async function messages(query: string): Promise<string[]> {
		const { status, text, data } = await served.range(query, {
			direction: "forward",
		});
		assert.equal(status, 200, text);
		assert.equal(data.resultType, "streams");
		return data.result
			.flatMap(
				({ stream, values }: { stream: object; values: [string, string][] }) =>
					values.map(([ns, line]) => ({ ns, line, stream })),
			)
			.sort((a: { ns: string }, b: { ns: string }) => (a.ns < b.ns ? -1 : 1))
			.map(({ line }: { line: string }) =>
				line.startsWith("{") ? JSON.parse(line).msg : line,
			);
	}

	it("says what it is", async () => {
		const info = await served.get("/loki/api/v1/status/buildinfo");
		assert.match(info.data.version, /stand-in/);
		assert.match(
			(await served.get("/metrics")).text,
			/loki_build_info\{.*stand-in/,
		);
		assert.equal((await served.get("/ready")).text, "ready\n");
	});

	it("selects and filters lines as LogQL says", async () => {
		await fill();
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
			assert.equal((await messages(query)).length, count, query);
		assert.deepEqual(
			await messages(
				'{service="api"} | json | status=500 | line_format "{{.status}} {{ .msg }}!"',
			),
			["500 GET /0!", "500 GET /3!"],
		);
	});

	it("gives the newest lines first, as many as asked for, with their labels and metadata", async () => {
		await fill();
		const { data } = await served.range('{service="api"}', { limit: "1" });
		assert.equal(data.result.length, 1);
		const [{ stream, values }] = data.result;
		assert.deepEqual(stream, {
			...{ service: "api", level: "info", request_id: "api-5" },
		});
		assert.equal(values[0][0], at(110));
	});

	it("marks lines that a parser fails on, and refuses to count them", async () => {
		await fill();
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
		await fill();
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
		await fill();
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
		await fill();
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

	it("lists labels, their values, streams and their size", async () => {
		await fill();
		const period = { start: at(0), end: at(600) };
		const labels = await served.get("/loki/api/v1/labels", period);
		assert.deepEqual(labels.data, ["level", "service"]);
		const values = await served.get("/loki/api/v1/label/service/values", {
			...period,
			query: '{level="info"}',
		});
		assert.deepEqual(values.data, ["api", "site"]);
		const series = await served.get("/loki/api/v1/series", {
			...period,
			"match[]": '{level="error"}',
		});
		assert.deepEqual(series.data, [{ service: "database", level: "error" }]);
		const stats = await served.get("/loki/api/v1/index/stats", {
			...period,
			query: '{service="database"}',
		});
		assert.deepEqual(stats.data, {
			...{ streams: 1, chunks: 1, entries: 1, bytes: 35 },
		});
		const before = await served.get("/loki/api/v1/labels", {
			start: at(-600),
			end: at(0),
		});
		assert.deepEqual(before.data, []);
	});

	it("takes OTLP in JSON as the configuration maps it", async () => {
		const attribute = (key: string, stringValue: string) => ({
			...{ key, value: { stringValue } },
		});
		const body = JSON.stringify({
			resourceLogs: [
				{
					resource: {
						attributes: [
							attribute("service", "api"),
							attribute("level", "warn"),
							attribute("cloud.region", "nyc3"),
						],
					},
					scopeLogs: [
						{
							logRecords: [
								{
									timeUnixNano: at(10),
									severityNumber: 13,
									body: { stringValue: "hello" },
									attributes: [attribute("request_id", "r-1")],
								},
							],
						},
					],
				},
			],
		});
		const { status } = await served.ask("/otlp/v1/logs", {
			method: "POST",
			headers: {
				"content-type": "application/json",
				"content-encoding": "gzip",
			},
			body: new Uint8Array(gzipSync(body)),
		});
		assert.equal(status, 204);
		const { data } = await served.range('{service="api", level="warn"}');
		assert.deepEqual(data.result, [
			{
				stream: {
					...{ service: "api", level: "warn", cloud_region: "nyc3" },
					...{ severity_number: "13", request_id: "r-1" },
				},
				values: [[at(10), "hello"]],
			},
		]);
	});

	it("refuses pushes as Loki does: too old, no label, no JSON; and takes a line twice for one", async () => {
		const push = (stream: object, ns: string) =>
			served.push([{ stream, values: [[ns, "x"]] }]);
		const old = await push({ service: "api" }, at(-8 * 24 * 3600));
		assert.equal(old.status, 400);
		assert.match(old.text, /timestamp too old/);
		assert.equal((await push({}, at(0))).status, 400);
		const protobuf = await served.push([], {
			"content-type": "application/x-protobuf",
		});
		assert.equal(protobuf.status, 415);
		assert.equal((await push({ service: "api" }, at(0))).status, 204);
		assert.equal((await push({ service: "api" }, at(0))).status, 204);
		assert.equal((await messages('{service="api"}')).length, 1);
		assert.match(
			(await served.get("/metrics")).text,
			/loki_discarded_samples_total\{tenant="fake",reason="greater_than_max_sample_age"\} 1/,
		);
	});

	describe("on a disk", () => {
		let folder: string;
		beforeEach(() => {
			folder = mkdtempSync(join(tmpdir(), "loki-"));
		});
		afterEach(() => rmSync(folder, { recursive: true }));

		it("has after a restart what it took before", async () => {
			const first = await Served.begin(new Journal(folder, 2 ** 24));
			await first.push([
				{ stream: { service: "api" }, values: [[at(1), "x"]] },
			]);
			first.end();
			const second = await Served.begin(new Journal(folder, 2 ** 24));
			const { data } = await second.range('{service="api"}');
			second.end();
			assert.deepEqual(data.result[0].values, [[at(1), "x"]]);
		});

		it("forgets what is older than the retention, in memory and in its files", async () => {
			const journal = new Journal(folder, 2 ** 24);
			const one = await Served.begin(journal);
			await one.push([
				{
					stream: { service: "api" },
					values: [
						[at(1), "old"],
						[at(500), "new"],
					],
				},
			]);
			const left = async () => {
				const { data } = await one.range('{service="api"}');
				return data.result.flatMap(
					({ values }: { values: [string, string][] }) =>
						values.map(([, line]) => line),
				);
			};
			const month = 30 * 24 * 3600;
			one.now = (start + 100 + month) * 1000;
			one.loki.compact();
			assert.deepEqual(await left(), ["new"]);
			one.now = (start + 600 + month) * 1000;
			one.loki.compact();
			assert.deepEqual(await left(), []);
			one.end();
		});

		it("stays within its size in memory, the oldest going first", async () => {
			const one = await Served.begin(undefined, {}, 40_000);
			for (let index = 0; index < 200; index += 1)
				await one.push([
					{ stream: { service: "api" }, values: [[at(index), `${index}`]] },
				]);
			const { data } = await one.range('{service="api"}', { limit: "1000" });
			one.end();
			const lines = data.result[0].values.map(([, line]: string[]) =>
				Number(line),
			);
			assert.equal(lines[0], 199);
			assert.ok(lines.length < 140 && lines.length > 60, `${lines.length}`);
		});
	});
});
