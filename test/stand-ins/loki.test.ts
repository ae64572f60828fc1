import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Journal } from "./loki/journal";
import { at, fill, messages, Served, start } from "./loki-served";

describe("the stand-in for Loki", () => {
	let served: Served;
	beforeEach(async () => {
		served = await Served.begin();
	});
	afterEach(() => served.end());

	it("says what it is", async () => {
		const info = await served.get("/loki/api/v1/status/buildinfo");
		assert.match(info.data.version, /stand-in/);
		assert.match(
			(await served.get("/metrics")).text,
			/loki_build_info\{.*stand-in/,
		);
		assert.equal((await served.get("/ready")).text, "ready\n");
	});

	it("lists labels, their values, streams and their size", async () => {
		await fill(served);
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
		assert.equal((await messages(served, '{service="api"}')).length, 1);
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
