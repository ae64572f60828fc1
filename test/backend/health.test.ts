import assert from "node:assert/strict";
import { type Line, openLine } from "./line";
import {
	ask,
	createTenant,
	environment,
	startBackend,
	startDatabase,
	type TestBackend,
	type TestDatabase,
} from "./support";

describe("health, metrics and CORS", () => {
	let database: TestDatabase;
	let backend: TestBackend;
	let line: Line;

	before(async () => {
		database = await startDatabase();
		line = await openLine(database.server.port);
		const url = new URL(database.url);
		url.port = String(line.port);
		backend = await startBackend(environment(url.href));
	});
	after(async () => {
		await backend?.stop();
		await line?.close();
		await database?.stop();
	});

	const metric = async (name: string) => {
		const { body } = await ask(`${backend.url}/metrics`);
		const escaped = name.replace(/[{}]/g, "\\$&");
		return Number(new RegExp(`^${escaped} (\\S+)$`, "m").exec(body)?.[1]);
	};

	it("says healthy, with all that monitors read", async () => {
		const { status, body } = await ask(`${backend.url}/health`);
		assert.equal(status, 200);
		assert.equal(body.status, "healthy");
		assert.equal(body.version, "1.0.0");
		assert.equal(body.environment, "test");
		assert(body.uptime > 0);
		assert.equal(new Date(body.timestamp).toISOString(), body.timestamp);
		assert.equal(body.checks.database.status, "healthy");
		assert(body.checks.database.latency_ms >= 0);
		assert.equal((await ask(`${backend.url}/health/ready`)).status, 200);
		assert.equal((await ask(`${backend.url}/health/live`)).status, 200);
	});

	it("says unhealthy while the database is away, and lives on", async () => {
		line.cut();
		try {
			const { status, body } = await ask(`${backend.url}/health`);
			assert.equal(status, 503);
			assert.equal(body.status, "unhealthy");
			assert.equal(body.checks.database.status, "unhealthy");
			assert.equal((await ask(`${backend.url}/health/ready`)).status, 503);
			assert.equal((await ask(`${backend.url}/health/live`)).status, 200);
		} finally {
			line.mend();
		}
		assert.equal((await ask(`${backend.url}/health`)).status, 200);
	});

	it("is not ready, but healthy, once it begins to stop", async () => {
		const leaving = await startBackend(environment(database.url));
		try {
			leaving.beginStop();
			const ready = await ask(`${leaving.url}/health/ready`);
			assert.equal(ready.status, 503);
			assert.equal(ready.headers.get("connection"), "close");
			assert.equal((await ask(`${leaving.url}/health`)).status, 200);
		} finally {
			await leaving.stop();
		}
	});

	it("is degraded once the scheduled job is overdue, and still answers 200", async () => {
		const late = await startBackend(
			environment(database.url, { SENSOR_CLEANUP_INTERVAL_SECONDS: "1" }),
		);
		try {
			// The job writes, and so can fail, only once a sensor is heard.
			const tenant = await createTenant(database.pool, "heard");
			const sent = await ask(`${late.url}/api/webhooks/ttn`, {
				headers: { "x-api-key": tenant.secret },
				body: {
					end_device_ids: { dev_eui: tenant.devEui },
					uplink_message: { decoded_payload: { temperature: 3 } },
				},
			});
			assert.equal(sent.status, 200);
			await database.pool.query("ALTER TABLE devices RENAME TO away");
			let answer = await ask(`${late.url}/health`);
			while (answer.body.status === "healthy") {
				answer = await ask(`${late.url}/health`);
			}
			assert.equal(answer.status, 200);
			assert.equal(answer.body.status, "degraded");
			assert.equal(answer.body.checks.scheduled_jobs.status, "degraded");
		} finally {
			await late.stop();
			await database.pool.query("ALTER TABLE IF EXISTS away RENAME TO devices");
		}
	});

	it("counts requests by route, not by path", async () => {
		await ask(`${backend.url}/api/units/1/readings`);
		await ask(`${backend.url}/api/units/2/readings`);
		assert.equal(
			await metric(
				'http_requests_total{method="GET",route="/api/units/:id/readings",status="401"}',
			),
			2,
		);
		await ask(`${backend.url}/nowhere`);
		assert.equal(
			await metric(
				'http_requests_total{method="GET",route="unmatched",status="404"}',
			),
			1,
		);
		assert(
			(await metric(
				'http_request_duration_seconds_count{method="GET",route="/api/units/:id/readings"}',
			)) >= 2,
		);
	});

	it("counts readings and alerts", async () => {
		const tenant = await createTenant(database.pool, "counted");
		const body = {
			end_device_ids: { dev_eui: tenant.devEui },
			uplink_message: {
				decoded_payload: { temperature: 48 },
				received_at: "2026-05-01T10:00:00Z",
			},
		};
		const headers = { "x-api-key": tenant.secret };
		for (let delivery = 0; delivery < 2; delivery += 1) {
			await ask(`${backend.url}/api/webhooks/ttn`, { body, headers });
		}
		assert.equal(await metric("readings_ingested_total"), 1);
		assert.equal(await metric("alerts_triggered_total"), 1);
	});

	it("shows pool, process and the job's last success", async () => {
		assert.equal(await metric("db_pool_max_connections"), 5);
		assert((await metric("db_pool_connections")) >= 1);
		assert((await metric("process_resident_memory_bytes")) > 0);
		const success = await metric(
			'scheduled_job_last_success_timestamp_seconds{job="sensor-cleanup"}',
		);
		assert(Math.abs(success - Date.now() / 1000) < 120);
	});

	it("keeps the metrics from the front door", async () => {
		const { status, body } = await ask(`${backend.url}/metrics`, {
			headers: { "x-forwarded-for": "192.0.2.1" },
		});
		assert.equal(status, 404);
		assert.equal(body.code, "NOT_FOUND");
	});

	it("lets the site's pages call, and no other's", async () => {
		const preflight = (origin: string) =>
			ask(`${backend.url}/api/units`, {
				method: "OPTIONS",
				headers: {
					origin,
					"access-control-request-method": "GET",
					"access-control-request-headers": "authorization",
				},
			});
		const site = await preflight("https://site.example");
		assert.equal(site.status, 204);
		assert.equal(
			site.headers.get("access-control-allow-origin"),
			"https://site.example",
		);
		assert.equal(
			site.headers.get("access-control-allow-headers"),
			"authorization",
		);
		const stranger = await preflight("https://evil.example");
		assert.equal(stranger.headers.get("access-control-allow-origin"), null);
		const refused = await ask(`${backend.url}/api/units`, {
			headers: { origin: "https://site.example" },
		});
		assert.equal(refused.status, 401);
		assert.equal(
			refused.headers.get("access-control-allow-origin"),
			"https://site.example",
		);
		const health = await ask(`${backend.url}/health`, {
			headers: { origin: "https://status.example" },
		});
		assert.equal(health.headers.get("access-control-allow-origin"), "*");
	});

	it("answers what is no JSON or too large as the caller's mistake", async () => {
		const post = async (headers: Record<string, string>, body: string) => {
			const response = await fetch(`${backend.url}/api/auth/login`, {
				method: "POST",
				headers,
				body,
			});
			const { code } = (await response.json()) as { code: string };
			return [response.status, code];
		};
		const json = { "content-type": "application/json" };
		assert.deepEqual(await post(json, "{"), [400, "INVALID_REQUEST"]);
		assert.deepEqual(await post({ "content-type": "text/csv" }, "a,b"), [
			415,
			"INVALID_REQUEST",
		]);
		assert.deepEqual(await post(json, `"${"x".repeat(2 ** 20)}"`), [
			413,
			"INVALID_REQUEST",
		]);
	});

	it("shows nothing of its own faults", async () => {
		await database.pool.query("ALTER TABLE ttn_connections RENAME TO away");
		try {
			const { status, body } = await ask(`${backend.url}/api/webhooks/ttn`, {
				headers: { "x-api-key": "secret" },
				body: {},
			});
			assert.equal(status, 500);
			assert.deepEqual(body, {
				code: "INTERNAL",
				message: "The request failed on our side.",
			});
			assert.match(JSON.stringify(backend.logs()), /ttn_connections/);
		} finally {
			await database.pool.query("ALTER TABLE away RENAME TO ttn_connections");
		}
	});
});
