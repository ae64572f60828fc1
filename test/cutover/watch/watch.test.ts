import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Look, look } from "../../../cutover/watch/look";
import { watch } from "../../../cutover/watch/run";
import type { Verdict } from "../../../cutover/watch/verdict";
import { NewAddress, proxy, statusPageWith } from "../new-address";
import { type Data, Prometheus } from "./prometheus";

const minute = 60;
const hour = 60 * minute;
/** The names moved so many seconds ago. */
const switched = 20 * minute;

/** A counter's rate a second, by the time from now in seconds. */
type Rate = number | ((secondsFromNow: number) => number);

/** The sum of a rate since a day and more ago, as a counter has it. */
function counter(rate: Rate, step = 5) {
	const of = typeof rate === "number" ? () => rate : rate;
	const from = -26 * hour;
	const sums = [0];
	for (let at = from + step; at <= 3 * minute; at += step)
		sums.push((sums.at(-1) ?? 0) + of(at) * step);
	const value = (at: number) => sums[Math.round((at - from) / step)] ?? 0;
	// The hour of the day before, the hour before the switch, and until a little later
	// than now, for the test takes its time.
	return [
		{ from: -25.1 * hour, to: -23.9 * hour, step: 60, value },
		{ from: -switched - 1.1 * hour, to: 3 * minute, step, value },
	];
}

const gauge = (number: number) => [
	{ from: -25.1 * hour, to: -23.9 * hour, step: 60, value: () => number },
	{ from: -switched - hour, to: 3 * minute, step: 15, value: () => number },
];

interface Traffic {
	/** Answers with 500 a second, beside 2 good ones. */
	errors?: Rate;
	failedLogins?: Rate;
	readings?: Rate;
	databaseErrors?: Rate;
	more?: Data;
}

/** What Prometheus would hold of a new system in use. */
function metricsOf(traffic: Traffic): Data {
	const request = (route: string, status: number) =>
		`http_requests_total{job="backend",method="GET",route="${route}",status="${status}"}`;
	const bucket = (le: string) =>
		`http_request_duration_seconds_bucket{job="backend",method="GET",route="/api/units",le="${le}"}`;
	return {
		'up{job="prometheus",instance="localhost:9090"}': gauge(1),
		'up{job="backend",instance="10.0.0.2:3000"}': gauge(1),
		[request("/api/units", 200)]: counter(2),
		[request("/api/units", 500)]: counter(traffic.errors ?? 0),
		[request("/health", 200)]: counter(1),
		[request("/health", 503)]: counter(traffic.databaseErrors ?? 0),
		'logins_total{job="backend",result="success"}': counter(0.1),
		'logins_total{job="backend",result="failure"}': counter(
			traffic.failedLogins ?? 0,
		),
		'readings_ingested_total{job="backend"}': counter(traffic.readings ?? 0.5),
		[bucket("0.1")]: counter(1.9),
		[bucket("0.5")]: counter(2),
		[bucket("+Inf")]: counter(2),
		...traffic.more,
	};
}

interface Ran {
	exitCode: number;
	looks: { seen: Look; said: Verdict }[];
}

describe("npm run watch, over HTTP by name, with a real Prometheus", function () {
	this.timeout(90_000);
	const trusted = process.env.CUTOVER_CA_FILE;
	let folder: string;
	let prometheus: Prometheus | undefined;
	let address: NewAddress | undefined;

	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "watch-"));
	});
	afterEach(async () => {
		if (trusted === undefined) delete process.env.CUTOVER_CA_FILE;
		else process.env.CUTOVER_CA_FILE = trusted;
		address?.close();
		await prometheus?.stop();
		[address, prometheus] = [undefined, undefined];
		await rm(folder, { recursive: true, force: true });
	});

	/** Watches a new system that has been in use like this. */
	async function watching(
		traffic: Traffic,
		{ status = 1, times = 1, secondsAgo = switched } = {},
	): Promise<Ran> {
		const at = Date.now() / 1000 - secondsAgo;
		prometheus = await Prometheus.start(metricsOf(traffic));
		address = await NewAddress.open({
			monitoring: proxy("/prometheus", prometheus.port),
			status: statusPageWith(status),
		});
		const file = join(folder, "root.pem");
		await writeFile(file, address.root);
		process.env.CUTOVER_CA_FILE = file;
		const { site } = address;
		const looks: Ran["looks"] = [];
		const end = new AbortController();
		const exitCode = await watch({
			look: () => look(site, at),
			show: (seen, said) => {
				looks.push({ seen, said });
				if (looks.length === times) end.abort();
			},
			signal: end.signal,
			forMs: undefined,
			intervalMs: 50,
		});
		return { exitCode, looks };
	}

	function only({ looks }: Ran) {
		const [first] = looks;
		assert.ok(first);
		return first;
	}

	it("says go, with what was before the switch beside it", async () => {
		const ran = await watching({}, { times: 2 });
		const { seen, said } = only(ran);
		assert.equal(said.decision, "go", said.reasons.join("; "));
		assert.equal(ran.exitCode, 0);
		assert.equal(ran.looks.length, 2);
		const near = (found: number | undefined, wanted: number) =>
			assert.ok(
				Math.abs((found ?? Number.NaN) - wanted) <= wanted * 0.1,
				`${found} is not ${wanted}`,
			);
		near(seen.requests, 600);
		near(seen.logins.ok, 60);
		near(seen.readings.now, 30);
		near(seen.readings.before, 30);
		near(seen.latency.now, 0.1);
		near(seen.latency.before, 0.1);
		near(seen.secondsSinceSwitch, switched);
		assert.equal(seen.errors.now, 0);
		assert.equal(seen.errors.before, 0);
		assert.ok((seen.readings.gapSeconds ?? 99) < 20);
		assert.deepEqual(seen.targets, { up: 2, all: 2, down: [] });
		// One query a look, and the status page's two.
		assert.equal(address?.asked.length, 6);
	});

	it("advises a return where errors have lasted", async () => {
		const ran = await watching({
			errors: (at) => (at > -6 * minute ? 0.2 : 0),
		});
		const { seen, said } = only(ran);
		assert.equal(said.decision, "roll back", said.reasons.join("; "));
		assert.match(said.reasons.join(), /9\.1 % and more of requests fail/);
		assert.equal(seen.errors.before, 0);
		assert.equal(ran.exitCode, 4);
	});

	it("waits where all errors came at one moment, though they are in the share for longer", async () => {
		// 150 of 390: more than 5 % in every window that holds them.
		const ran = await watching({
			errors: (at) => (at > -100 && at <= -95 ? 30 : 0),
		});
		const { seen, said } = only(ran);
		assert.ok((seen.errors.now ?? 0) > 0.3, String(seen.errors.now));
		assert.equal(said.decision, "wait", said.reasons.join("; "));
		assert.match(said.reasons.join(), /of requests fail: a roll back where/);
		assert.equal(ran.exitCode, 5);
	});

	it("advises a return where log-ins fail, the database does, and sensors are silent", async () => {
		const { said } = only(
			await watching({
				failedLogins: (at) => (at > -15 * minute ? 0.05 : 0),
				databaseErrors: (at) => (at > -6 * minute ? 0.5 : 0),
				readings: (at) => (at > -16 * minute ? 0 : 0.5),
			}),
		);
		assert.equal(said.decision, "roll back", said.reasons.join("; "));
		const reasons = said.reasons.join("\n");
		assert.match(reasons, /33\.\d % and more of log-ins fail/);
		assert.match(reasons, /33\.\d % and more of looks at the database fail/);
		assert.match(reasons, /no reading came in for 1[56](\.\d)? min/);
	});

	it("advises a return where no backend has been seen for minutes", async () => {
		const gone = { from: -switched - hour, to: -5 * minute, step: 15 };
		const { said } = only(
			await watching({
				more: {
					'up{job="backend",instance="10.0.0.2:3000"}': [
						{ ...gone, value: () => 1 },
						{ from: -285, to: 3 * minute, step: 15, value: () => 0 },
					],
				},
			}),
		);
		assert.equal(said.decision, "roll back", said.reasons.join("; "));
		assert.match(said.reasons.join(), /no backend has answered for 2\.5 min/);
	});

	it("waits where an alert fires, a target is down or the status page is not green", async () => {
		const ran = await watching(
			{
				more: {
					'ALERTS{alertname="FreezeLapsed",alertstate="firing",severity="critical"}':
						gauge(1),
					'ALERTS{alertname="Watchdog",alertstate="firing",severity="none"}':
						gauge(1),
					'up{job="loki",instance="10.0.0.9:3100"}': gauge(0),
				},
			},
			{ status: 0 },
		);
		const { said } = only(ran);
		assert.deepEqual(said, {
			decision: "wait",
			reasons: [
				"down: loki 10.0.0.9:3100",
				"alerts fire: FreezeLapsed",
				"status page: not up: API: down",
			],
		});
		assert.equal(ran.exitCode, 5);
	});

	it("waits where Prometheus has nothing of the product, and is no watch where it never answers", async () => {
		const { said } = only(await watching({}, { secondsAgo: 5 * minute }));
		assert.match(said.reasons.join(), /the names moved 5 min ago/);
		await prometheus?.stop();
		prometheus = undefined;
		const { site } = address as NewAddress;
		const looks: Verdict[] = [];
		const exitCode = await watch({
			look: () => look(site, Date.now() / 1000 - switched),
			show: (_, verdict) => looks.push(verdict),
			signal: new AbortController().signal,
			forMs: 0,
			intervalMs: 50,
		});
		assert.deepEqual(
			looks.map(({ decision }) => decision),
			["wait"],
		);
		assert.match(looks[0]?.reasons.join() ?? "", /does not answer/);
		assert.equal(exitCode, 1);
	});
});
