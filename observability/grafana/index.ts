import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { cutover } from "./dashboards/cutover";
import { hostsDatabase } from "./dashboards/hosts-database";
import { overview } from "./dashboards/overview";
import { dashboardsFolder, provisioningFiles } from "./provisioning";

/** All dashboards, as Grafana's JSON model has them. */
export function dashboards(): Dashboard[] {
	return [overview(), cutover(), hostsDatabase()];
}

/** Grafana's files by path in the container: data sources, contact point, dashboards. */
export function grafanaFiles(): Record<string, string> {
	return {
		...provisioningFiles(),
		...Object.fromEntries(
			dashboards().map((dashboard) => [
				`${dashboardsFolder}/${dashboard.uid}.json`,
				JSON.stringify(dashboard),
			]),
		),
	};
}
