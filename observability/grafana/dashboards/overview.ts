import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard } from "../dashboard";
import { lines, logLines, numbers, states, upOrDown } from "../panels";
import { product } from "../product";

const requests = 'http_requests_total{job="backend"}';
const every = "[$__rate_interval]";

/** Of two counters: 0 where nothing was counted above, nothing where nothing below. */
function share(some: string, all: string): string {
	const total = `sum(rate(${all}${every}))`;
	return `(sum(rate(${some}${every})) or 0 * ${total}) / ${total}`;
}

function latency(quantile: number): string {
	return `histogram_quantile(${quantile}, sum by (le) (rate(http_request_duration_seconds_bucket{job="backend"}${every})))`;
}

const { metrics } = product;

/** Whether the product works, and for whom it does not. */
export const overview = () =>
	dashboard({
		...product.overview,
		description: "Services, traffic, errors, latency, log-ins, readings, logs.",
		from: "now-1h",
		sections: {
			Services: [
				{
					height: 5,
					widths: [12, 6, 3, 3],
					panels: [
						numbers(
							"Services up",
							{ "{{job}}": "min by (job) (up)" },
							{
								words: upOrDown,
								description:
									"Down as soon as one of a service's tasks does not answer Prometheus.",
							},
						),
						numbers(
							"Answers by name",
							{
								"{{host}}":
									'min by (host) (probe_success{job="blackbox-http",via="new"})',
							},
							{
								words: upOrDown,
								description:
									"Asked by HTTPS at this system, wherever DNS points.",
							},
						),
						numbers(
							"Alerts firing",
							{
								alerts:
									'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)',
							},
							{ limit: 1 },
						),
						numbers(
							"Certificates for",
							{
								left: 'min(probe_ssl_earliest_cert_expiry{job="blackbox-http",via="new"}) - time()',
							},
							{ unit: units.Seconds, limit: 14 * 86_400, below: true },
						),
					],
				},
				{
					height: 6,
					panels: [
						states(
							"Up",
							{ "{{job}}": "min by (job) (up)" },
							{ words: upOrDown },
						),
					],
				},
			],
			"Traffic, errors, latency": [
				{
					height: 8,
					panels: [
						lines(
							"Requests at the front door, by status",
							{
								"{{code}}": `sum by (code) (rate(caddy_http_request_duration_seconds_count{job="caddy"}${every}))`,
							},
							{ unit: units.RequestsPerSecond, stacked: true },
						),
						lines(
							"Requests to the API, by route",
							{
								"{{route}}": `topk(8, sum by (route) (rate(${requests}${every})))`,
							},
							{ unit: units.RequestsPerSecond },
						),
					],
				},
				{
					height: 8,
					panels: [
						lines(
							"Share of requests that fail",
							{
								failed: share(
									'http_requests_total{job="backend",status=~"5.."}',
									requests,
								),
							},
							{
								unit: units.PercentUnit,
								limit: product.errorShareLimit,
								description:
									"Answers of 500 and above. The line is the rollback criterion.",
							},
						),
						lines(
							"Latency of the API",
							{
								"half below": latency(0.5),
								"95 % below": latency(0.95),
								"99 % below": latency(0.99),
							},
							{ unit: units.Seconds },
						),
					],
				},
			],
			"What users and sensors do": [
				{
					height: 8,
					panels: [
						lines(
							"Log-ins a minute",
							{
								"{{result}}": `60 * sum by (result) (rate(${metrics.logins}${every}))`,
							},
							{ stacked: true },
						),
						lines(
							"Share of log-ins that fail",
							{ failed: share(metrics.loginFailures, metrics.logins) },
							{
								unit: units.PercentUnit,
								limit: product.loginFailureLimit,
								description: "The line is the rollback criterion.",
							},
						),
						lines("Readings and alerts a minute", {
							readings: `60 * sum(rate(${metrics.readings}${every}))`,
							alerts: `60 * sum(rate(${metrics.alerts}${every}))`,
						}),
					],
				},
			],
			Logs: [
				{
					height: 8,
					panels: [
						lines(
							"Lines a second, by service",
							{
								"{{service}}":
									'sum by (service) (rate({service=~".+"}[$__auto]))',
							},
							{ source: "loki", stacked: true },
						),
						lines(
							"Lines a second, by level",
							{
								"{{level}}": 'sum by (level) (rate({service=~".+"}[$__auto]))',
							},
							{ source: "loki", stacked: true },
						),
					],
				},
				{
					height: 10,
					panels: [
						logLines(
							"Warnings and errors",
							'{service=~".+", level=~"warn|error|fatal"}',
						),
						logLines("The API's log", '{service="backend"}'),
					],
				},
			],
		},
	});
