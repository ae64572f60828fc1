import { scrapeInterval } from "./data-sources";

/** Seconds between two points of a query, and that it looks back. */
export interface Window {
	step: number;
	range: number;
}

/**
 * A panel's query with Grafana's own variables replaced as Grafana does
 * (https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/#global-variables,
 * https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/):
 * the interval of a rate has at least four scrapes.
 *
 * @throws Error for any other variable: the dashboards have none.
 */
export function interpolate(query: string, { step, range }: Window): string {
	const scrape = Number.parseInt(scrapeInterval, 10);
	const values: Record<string, string> = {
		__rate_interval: `${Math.max(step + scrape, 4 * scrape)}s`,
		__interval: `${step}s`,
		__auto: `${step}s`,
		__range: `${range}s`,
	};
	return query.replace(/\$(\w+)/g, (variable, name: string) => {
		const value = values[name];
		if (value === undefined) {
			throw new Error(`${variable} is no variable of the dashboards: ${query}`);
		}
		return value;
	});
}
