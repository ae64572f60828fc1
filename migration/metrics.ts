import { createServer, type Server } from "node:http";

/** A metric with the values it has; a value of null is not known now and left out. */
export interface Metric {
	readonly name: string;
	readonly type: "gauge" | "counter";
	readonly help: string;
	readonly samples: readonly {
		readonly labels: Readonly<Record<string, string>>;
		readonly value: number | null;
	}[];
}

/**
 * Metrics in Prometheus' text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
export function metricLines(metrics: readonly Metric[]): string {
	return metrics
		.flatMap(({ name, type, help, samples }) => {
			const lines = samples
				.filter(({ value }) => value !== null)
				.map(({ labels, value }) => `${name}${labelsOf(labels)} ${value}\n`);
			return lines.length === 0
				? []
				: [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...lines];
		})
		.join("");
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
	const list = Object.entries(labels).map(
		([name, value]) =>
			`${name}="${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`,
	);
	return list.length === 0 ? "" : `{${list.join(",")}}`;
}

/**
 * Serves the metrics at /metrics of the given port (0: any free one) on the
 * addresses that `host` names; resolves once it listens.
 */
export async function serveMetrics(
	port: number,
	host: string,
	read: () => Promise<string>,
): Promise<{ readonly port: number; readonly close: () => void }> {
	const server: Server = createServer((request, response) => {
		if (request.url !== "/metrics") {
			response.writeHead(404).end();
			return;
		}
		read().then(
			(metrics) =>
				response
					.writeHead(200, {
						"content-type": "text/plain; version=0.0.4; charset=utf-8",
					})
					.end(metrics),
			() => response.writeHead(500).end(),
		);
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
	const address = server.address();
	return {
		port: typeof address === "object" && address ? address.port : port,
		close: () => {
			server.close();
			server.closeAllConnections();
		},
	};
}
