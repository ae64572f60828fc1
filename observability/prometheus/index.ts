import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How long metrics are kept. */
export const retention = "30d";

const files = ["prometheus.yml", "alerts.yml"] as const;

/** Prometheus' configuration files, by the name under /etc/prometheus. */
export function prometheusFiles(): Record<(typeof files)[number], string> {
	const [prometheus, alerts] = files.map((file) =>
		readFileSync(join(__dirname, file), "utf8"),
	);
	return { "prometheus.yml": prometheus ?? "", "alerts.yml": alerts ?? "" };
}
