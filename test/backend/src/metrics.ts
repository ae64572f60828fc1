import type { FastifyInstance } from "fastify";
import type pg from "pg";
import {
	Counter,
	collectDefaultMetrics,
	Gauge,
	Histogram,
	Registry,
} from "prom-client";
import { newestReadingsInTime } from "./newest-readings";

/** How a log-in ended; `error` is Stack Auth's or ours, not the user's. */
export const LOGIN_RESULTS = [
	"success",
	"failure",
	"reset_required",
	"error",
] as const;
export type LoginResult = (typeof LOGIN_RESULTS)[number];

/** What the backend counts, by the names that dashboards and alerts use. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Makes one replica's metrics, in a registry of their own. */
export function createMetrics(pool: pg.Pool) {
	const registry = new Registry();
	const registers = [registry];
	collectDefaultMetrics({ register: registry });

	const poolGauge = (name: string, help: string, value: () => number) =>
		new Gauge({
			name,
			help,
			registers,
			collect() {
				this.set(value());
			},
		});
	poolGauge("db_pool_connections", "Open connections", () => pool.totalCount);
	poolGauge(
		"db_pool_idle_connections",
		"Open connections that no request uses",
		() => pool.idleCount,
	);
	poolGauge(
		"db_pool_waiting_requests",
		"Requests that wait for a connection",
		() => pool.waitingCount,
	);
	poolGauge(
		"db_pool_max_connections",
		"Connections that the pool may open",
		() => pool.options.max,
	);

	new Gauge({
		name: "sensor_newest_reading_timestamp_seconds",
		help: "Unix time of the newest reading of an organization that was heard within a week",
		labelNames: ["organization"] as const,
		registers,
		async collect() {
			const newest = await newestReadingsInTime(pool);
			// Who has left is told of no more.
			this.reset();
			for (const { organization, at } of newest) this.set({ organization }, at);
		},
	});

	const logins = new Counter({
		name: "logins_total",
		help: "Log-ins by result",
		labelNames: ["result"] as const,
		registers,
	});
	for (const result of LOGIN_RESULTS) {
		// Each series from zero on, or a rate misses the first of its kind.
		logins.inc({ result }, 0);
	}

	return {
		registry,
		logins,
		httpRequests: new Counter({
			name: "http_requests_total",
			help: "Answered requests by method, route and status",
			labelNames: ["method", "route", "status"] as const,
			registers,
		}),
		httpDuration: new Histogram({
			name: "http_request_duration_seconds",
			help: "Time from a request's arrival to the end of its answer",
			labelNames: ["method", "route"] as const,
			buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
			registers,
		}),
		readingsIngested: new Counter({
			name: "readings_ingested_total",
			help: "Sensor readings stored",
			registers,
		}),
		alertsTriggered: new Counter({
			name: "alerts_triggered_total",
			help: "Alerts raised",
			registers,
		}),
		jobLastSuccess: new Gauge({
			name: "scheduled_job_last_success_timestamp_seconds",
			help: "Unix time of a scheduled job's last success",
			labelNames: ["job"] as const,
			registers,
		}),
	};
}

/**
 * Counts every answer and serves /metrics in Prometheus' text format: inside the
 * services' network only, not to what comes through the front door.
 */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
	app.addHook("onResponse", async (request, reply) => {
		// The route's pattern, not the path: ids would make a series each.
		const route = request.routeOptions.url ?? "unmatched";
		const { method } = request;
		metrics.httpRequests.inc({ method, route, status: reply.statusCode });
		metrics.httpDuration.observe({ method, route }, reply.elapsedTime / 1000);
	});
	app.get("/metrics", { logLevel: "warn" }, async (request, reply) => {
		if (request.headers["x-forwarded-for"] !== undefined) {
			return reply.callNotFound();
		}
		reply.type(metrics.registry.contentType);
		return metrics.registry.metrics();
	});
}
