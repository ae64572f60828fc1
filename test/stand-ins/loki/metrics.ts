import {
	Counter,
	collectDefaultMetrics,
	Gauge,
	Histogram,
	Registry,
} from "prom-client";

/** Loki's metrics of the same name and labels, as far as this one has what they count. */
export function createMetrics(version: string, streams: () => number) {
	const registry = new Registry();
	const registers = [registry];
	collectDefaultMetrics({ register: registry });
	new Gauge({
		name: "loki_build_info",
		help: "Always 1; the version says that this is a stand-in.",
		labelNames: ["version", "branch"],
		registers,
	}).set({ version, branch: "stand-in" }, 1);
	new Gauge({
		name: "loki_ingester_memory_streams",
		help: "Streams in memory.",
		labelNames: ["tenant"],
		registers,
		collect() {
			this.set({ tenant }, streams());
		},
	});
	return {
		registry,
		lines: new Counter({
			name: "loki_distributor_lines_received_total",
			help: "Lines received.",
			labelNames: ["tenant"],
			registers,
		}),
		bytes: new Counter({
			name: "loki_distributor_bytes_received_total",
			help: "Bytes of lines received.",
			labelNames: ["tenant"],
			registers,
		}),
		discarded: new Counter({
			name: "loki_discarded_samples_total",
			help: "Lines refused.",
			labelNames: ["tenant", "reason"],
			registers,
		}),
		requests: new Histogram({
			name: "loki_request_duration_seconds",
			help: "Time of requests.",
			labelNames: ["method", "route", "status_code"],
			buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
			registers,
		}),
	};
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Loki's own name of the only tenant there is without authentication. */
export const tenant = "fake";
