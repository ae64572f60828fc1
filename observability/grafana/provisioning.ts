import { stringify } from "yaml";
import { dataSources, scrapeInterval } from "./data-sources";
import { product } from "./product";

/** Where Grafana's image looks for these files. */
export const provisioningFolder = "/etc/grafana/provisioning";
/** Where the provider below looks for dashboards. */
export const dashboardsFolder = "/etc/grafana/dashboards";

/**
 * Grafana's provisioning files by path in the container, as
 * https://grafana.com/docs/grafana/latest/administration/provisioning/ has them.
 */
export function provisioningFiles(): Record<string, string> {
	const files = {
		"datasources/datasources.yml": dataSourceList(),
		"dashboards/dashboards.yml": dashboardProviders(),
		"alerting/alerting.yml": alerting(),
	};
	return Object.fromEntries(
		Object.entries(files).map(([file, content]) => [
			`${provisioningFolder}/${file}`,
			stringify({ apiVersion: 1, ...content }),
		]),
	);
}

function dataSourceList() {
	const further: Record<string, object> = {
		// $__rate_interval is four of these at least.
		prometheus: {
			isDefault: true,
			jsonData: {
				timeInterval: scrapeInterval,
				httpMethod: "POST",
			},
		},
		loki: { jsonData: { maxLines: 1000 } },
	};
	return {
		datasources: Object.entries(dataSources).map(([uid, { type, url }]) => ({
			uid,
			name: uid,
			...{ type, url, access: "proxy", orgId: 1, editable: false },
			...further[uid],
		})),
	};
}

function dashboardProviders() {
	return {
		providers: [
			{
				name: "files",
				type: "file",
				orgId: 1,
				folder: product.name,
				folderUid: product.folderUid,
				allowUiUpdates: false,
				disableDeletion: true,
				options: { path: dashboardsFolder },
			},
		],
	};
}

/** What Grafana itself raises goes the way of all alerts: grouping, silences and mail are Alertmanager's. */
function alerting() {
	const name = "alertmanager";
	return {
		contactPoints: [
			{
				orgId: 1,
				name,
				receivers: [
					{
						uid: name,
						type: "prometheus-alertmanager",
						settings: { url: "http://alertmanager:9093" },
						disableResolveMessage: false,
					},
				],
			},
		],
		policies: [
			{ orgId: 1, receiver: name, group_by: ["grafana_folder", "alertname"] },
		],
	};
}
