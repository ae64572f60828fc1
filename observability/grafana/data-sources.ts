/** What Grafana asks, by uid: host names are the services'. */
export const dataSources = {
	prometheus: { type: "prometheus", url: "http://prometheus:9090" },
	loki: { type: "loki", url: "http://loki:3100" },
} as const;

export type DataSource = keyof typeof dataSources;

/** A data source as panels and queries name it. */
export function reference(uid: DataSource): { type: string; uid: string } {
	return { type: dataSources[uid].type, uid };
}

/** How often Prometheus reads most targets, as its configuration says. */
export const scrapeInterval = "15s";
