import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../../cutover/wait";
import { logLabels, logLevels, logMetadata } from "../../observability/logs";
import { metricNames, sometimes } from "../../observability/metric-names";
import { collectorConfig } from "../../observability/otel";
import { masks } from "../../observability/otel/masks";
import { freePort } from "../free-port";
import {
	type FoundLine,
	Machine,
	ofService,
	startCollector,
	startLoki,
	type TestCollector,
	type TestLoki,
} from "./collector";
import { namesIn } from "./exposed";
import { maskedLines } from "./masked-lines";
import { runProgram } from "./program";

const patience = { timeoutMs: 30_000, intervalMs: 100 };
const everything = '{service=~".+"}';

/** Waits until that many lines are there. */
function arrived(
	loki: TestLoki,
	count: number,
	query = everything,
): Promise<FoundLine[]> {
	return waitFor(
		`${count} lines in Loki`,
		async () => {
			const lines = await loki.lines(query);
			if (lines.length < count) throw new Error(`${lines.length} lines`);
			return lines;
		},
		patience,
	);
}

describe("the collector", () => {
	const stops: (() => Promise<void>)[] = [];
	const later = <T extends { stop(): Promise<void> }>(started: T): T => {
		stops.push(() => started.stop());
		return started;
	};
	const machine = async (name: string) => {
		const made = await Machine.make(name);
		stops.push(() => made.remove());
		return made;
	};
	afterEach(async () => {
		while (stops.length > 0) await stops.pop()?.();
	});

	it("takes its configuration, as the service has it, for valid", async () => {
		const { folder } = await machine("one");
		const file = join(folder, "config.yaml");
		await writeFile(file, collectorConfig());
		await runProgram("otelcol-contrib", ["validate", "--config", file]);
		await writeFile(file, collectorConfig().replace("otlp_http", "otlp_htpt"));
		await assert.rejects(
			runProgram("otelcol-contrib", ["validate", "--config", file]),
			/otlp_htpt/,
		);
	});

	it("names each line by service, machine, stream and level, and keeps its request", async () => {
		const one = await machine("manager");
		await one.write("ab", ['{"level":"warn","request_id":"r-1","msg":"a"}\n'], {
			...ofService("backend"),
			stream: "stderr",
		});
		await one.write(
			"cd",
			["ts=1 level=error msg=b\n"],
			ofService("prometheus"),
		);
		await one.write(
			"cd",
			['{"level":30,"msg":"c"}\n'],
			ofService("prometheus"),
		);
		await one.write("cd", ["2026 [SERVER] INFO: d\n"], ofService("kuma"));
		await one.write("ef", ["just words\n"], { attrs: { tag: "migration" } });
		await one.write("12", ['{"level":"nonsense"}\n']);
		const loki = later(await startLoki());
		later(await startCollector(one, loki.url));
		const lines = await arrived(loki, 6);
		const named = (label: keyof typeof logLabels) =>
			lines.map(({ labels }) => labels[logLabels[label]]);
		assert.deepEqual(named("service"), [
			...["backend", "prometheus", "prometheus", "kuma"],
			...["migration", "unnamed"],
		]);
		assert.deepEqual(named("level"), [
			...["warn", "error", "info", "info", "unknown", "unknown"],
		]);
		assert.ok(
			named("level").every((level) => logLevels.some((one) => one === level)),
		);
		assert.deepEqual(named("stream"), ["stderr", ...Array(5).fill("stdout")]);
		assert.deepEqual(new Set(named("node")), new Set(["manager"]));
		assert.equal(lines[0]?.labels[logMetadata.container], "ab".repeat(6));

		// Labels select; the request is found by a filter, for it is no label.
		const found = await loki.lines('{service="backend"} | request_id="r-1"');
		assert.equal(found.length, 1);
		const names = await (await loki.get("/loki/api/v1/labels")).json();
		assert.deepEqual(
			(names as { data: string[] }).data,
			Object.values(logLabels).sort(),
		);
	});

	it("takes secrets and addresses out of lines, whatever their form, and leaves the rest", async () => {
		const one = await machine("one");
		await one.write(
			"ab",
			maskedLines.map(({ line }) => `${line}\n`),
			ofService("backend"),
		);
		const loki = later(await startLoki());
		later(await startCollector(one, loki.url));
		const lines = await arrived(loki, maskedLines.length);
		assert.deepEqual(
			lines.map(({ line }) => line),
			maskedLines.map(({ masked }) => masked),
		);
		for (const { line, masked } of maskedLines)
			if (line.startsWith("{")) JSON.parse(masked);
		const named = new Set(maskedLines.map(({ mask }) => mask));
		const untried = masks.filter(({ name }) => !named.has(name));
		assert.deepEqual(untried, []);
	});

	it("puts a line together that the engine cut, and masks what was cut", async () => {
		const one = await machine("one");
		const padding = "x".repeat(16_370);
		await one.write("ab", [`${padding} pass`], ofService("backend"));
		await one.write("ab", ["on the other stream\n"], {
			...ofService("backend"),
			stream: "stderr",
		});
		await one.write("ab", ["word=hunter2 end\n"], ofService("backend"));
		const loki = later(await startLoki());
		later(await startCollector(one, loki.url));
		const lines = await arrived(loki, 2);
		assert.deepEqual(lines.map(({ line }) => line).sort(), [
			"on the other stream",
			`${padding} password=*** end`,
		]);
	});

	it("ships from every machine under its name", async () => {
		const loki = later(await startLoki());
		for (const name of ["manager", "worker-1"]) {
			const one = await machine(name);
			await one.write("ab", [`from ${name}\n`], ofService("backend"));
			later(await startCollector(one, loki.url));
		}
		const lines = await arrived(loki, 2);
		for (const { line, labels } of lines)
			assert.equal(line, `from ${labels.node}`);
		const answer = await loki.get("/loki/api/v1/label/node/values");
		assert.deepEqual(((await answer.json()) as { data: string[] }).data, [
			...["manager", "worker-1"],
		]);
	});

	it("exposes the metrics that dashboards and alerts go by, and so does Loki", async () => {
		const one = await machine("one");
		await one.write("ab", ["a line\n"], ofService("backend"));
		const loki = later(await startLoki());
		const collector = later(await startCollector(one, loki.url));
		await arrived(loki, 1);
		const texts = {
			"otel-collector": await collector.metrics(),
			loki: await (await loki.get("/metrics")).text(),
		};
		for (const [job, text] of Object.entries(texts)) {
			const exposed = namesIn(text);
			const missing = metricNames[job as keyof typeof texts].filter(
				(name) => !exposed.has(name) && !sometimes.has(name),
			);
			assert.deepEqual(missing, [], job);
		}
	});

	it("waits while Loki is down, with a bounded queue, through a rotation and its own restart, and then ships every line once", async function () {
		this.timeout(120_000);
		const one = await machine("one");
		const port = await freePort();
		const url = `http://127.0.0.1:${port}`;
		// Small, so that it is full soon.
		const small =
			"exporters: {otlp_http: {sending_queue: {queue_size: 100000, batch: {min_size: 10000, max_size: 20000}}}}";
		const line = (index: number) => `${index} ${"y".repeat(500)}\n`;
		const batch = (from: number) =>
			one.write(
				"ab",
				Array.from({ length: 1000 }, (_, index) => line(from + index)),
				ofService("backend"),
			);
		let collector: TestCollector = later(await startCollector(one, url, small));
		await batch(0);
		const held = await waitFor(
			"a full queue",
			async () => {
				const size = await collector.metric("otelcol_exporter_queue_size");
				if (size <= 50_000) throw new Error(`${size} bytes`);
				return size;
			},
			patience,
		);
		// The engine goes on writing, and rotates; the collector lives.
		await rename(one.file("ab"), `${one.file("ab")}.1`);
		await batch(1000);
		assert.equal(await collector.healthy(), true);
		// It reads no further than the queue holds: the rest waits in the files.
		const read = await collector.metric(
			"otelcol_receiver_accepted_log_records_total",
		);
		assert.ok(read < 500, `${read} lines read`);
		assert.ok(held <= 100_000, `${held} bytes held`);
		await collector.stop();
		collector = later(await startCollector(one, url, small));

		const loki = later(await startLoki(port));
		const lines = await arrived(loki, 2000);
		const numbers = lines.map(({ line }) => Number(line.split(" ")[0]));
		assert.deepEqual(
			numbers.sort((a, b) => a - b),
			Array.from({ length: 2000 }, (_, index) => index),
		);
		assert.ok(
			(await collector.metric("otelcol_exporter_queue_size")) <= 100_000,
		);
	});
});
