import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { version } from "./settings";

/** What Grafana tells of itself, by its own names: the few that are watched. */
export function createMetrics() {
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	new Gauge({
		name: "grafana_build_info",
		help: "Always 1, with the version",
		labelNames: ["version", "edition"] as const,
		registers: [registry],
	}).set({ version, edition: "stand-in" }, 1);
	const duration = new Histogram({
		name: "grafana_http_request_duration_seconds",
		help: "Time to answer a request",
		labelNames: ["handler", "method", "status_code"] as const,
		buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 25],
		registers: [registry],
	});
	return { registry, duration };
}
