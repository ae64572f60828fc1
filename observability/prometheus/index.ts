import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How long metrics are kept. */
export const retention = "30d";

/**
 * Prometheus' configuration files, by the path under /etc/prometheus: its own and
 * every file of rules.
 */
export function prometheusFiles(): Record<string, string> {
	const rules = readdirSync(join(__dirname, "rules")).map(
		(file) => `rules/${file}`,
	);
	return Object.fromEntries(
		["prometheus.yml", ...rules].map((file) => [
			file,
			readFileSync(join(__dirname, file), "utf8"),
		]),
	);
}
