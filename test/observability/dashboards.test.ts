import { deepStrictEqual, ok, throws } from "node:assert/strict";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { parse } from "yaml";
import { grafanaFiles } from "../../observability/grafana";
import { dataSources } from "../../observability/grafana/data-sources";
import { interpolate } from "../../observability/grafana/variables";
import { dashboardProblems } from "./dashboard-problems";

const files = grafanaFiles();
const uids = Object.keys(dataSources);

/** What of a panel the spoilers below touch. */
interface Panel {
	id?: number;
	title: string;
	gridPos: { x: number; y: number; w: number; h: number };
	datasource?: { uid?: string };
	targets: { expr: string; datasource?: { uid?: string } }[];
}

/** The dashboards as Grafana reads them. */
function written(): Dashboard[] {
	return Object.entries(files)
		.filter(([path]) => path.endsWith(".json"))
		.map(([, text]) => JSON.parse(text) as Dashboard);
}

describe("Grafana's dashboards", () => {
	it("are well placed and ask only for what there is", () => {
		deepStrictEqual(dashboardProblems(written(), uids), []);
	});

	it("are the three that were asked for", () => {
		deepStrictEqual(
			written().map(({ uid, title }) => [uid, title]),
			[
				["freshtrack-overview", "FreshTrack Overview"],
				["cutover", "Cutover"],
				["hosts-database", "Hosts and database"],
			],
		);
	});

	/** Spoils "Share of requests that fail" of the overview, which is sound. */
	const spoilers: Record<
		string,
		[problem: RegExp, spoil: (panel: Panel, all: Dashboard[]) => void]
	> = {
		"a metric that nothing exposes": [
			/nothing exposes http_requests_renamed_total/,
			({ targets: [target] }) => {
				if (target) target.expr = "rate(http_requests_renamed_total[5m])";
			},
		],
		"a metric of another job": [
			/job caddy does not expose http_requests_total/,
			({ targets: [target] }) => {
				if (target) target.expr = 'rate(http_requests_total{job="caddy"}[5m])';
			},
		],
		"a query that is no PromQL": [
			/query A: not PromQL at character/,
			({ targets: [target] }) => {
				if (target) target.expr = "sum(rate(http_requests_total[5m])";
			},
		],
		"a variable that no dashboard has": [
			/\$host is no variable/,
			({ targets: [target] }) => {
				if (target) target.expr = 'up{instance="$host"}';
			},
		],
		"a query that is no LogQL": [
			/query \w+: not LogQL at character/,
			(panel) => {
				panel.targets = [
					{ expr: "{service=api}", datasource: { uid: "loki" } },
				];
			},
		],
		"a label that no log has": [
			/no log has the label container/,
			(panel) => {
				panel.targets = [
					{ expr: '{container="api"}', datasource: { uid: "loki" } },
				];
			},
		],
		"a panel on another": [
			/"Share of requests that fail" and "Latency of the API" overlap/,
			({ gridPos }) => {
				gridPos.w += 1;
			},
		],
		"a panel beyond the grid": [
			/is not on the grid/,
			({ gridPos }) => {
				gridPos.x = 13;
			},
		],
		"a panel without data source": [
			/has no data source of ours, but undefined/,
			(panel) => {
				delete panel.datasource;
			},
		],
		"a data source without uid": [
			/has no data source of ours, but undefined/,
			({ datasource }) => {
				delete datasource?.uid;
			},
		],
		"a query without data source": [
			/query A has no data source of ours/,
			({ targets: [target] }) => {
				delete target?.datasource;
			},
		],
		"a data source that is not provisioned": [
			/has no data source of ours, but tempo/,
			(panel) => {
				panel.datasource = { uid: "tempo" };
			},
		],
		"two panels with one id": [
			/two panels have the id 1$/,
			(panel) => {
				panel.id = 1;
			},
		],
		"a panel that asks nothing": [
			/asks nothing/,
			(panel) => {
				panel.targets = [];
			},
		],
		"two dashboards with one uid": [
			/two dashboards have the uid "cutover"/,
			(_panel, [one]) => {
				if (one) one.uid = "cutover";
			},
		],
	};
	for (const [name, [problem, spoil]] of Object.entries(spoilers)) {
		it(`are refused for ${name}`, () => {
			const all = written();
			const panel = all
				.flatMap(({ panels = [] }) => panels as unknown as Panel[])
				.find(({ title }) => title === "Share of requests that fail");
			ok(panel);
			spoil(panel, all);
			const problems = dashboardProblems(all, uids);
			ok(
				problems.some((found) => problem.test(found)),
				`${problems}`,
			);
		});
	}
});

describe("Grafana's provisioning", () => {
	const provisioned = (file: string) =>
		parse(files[`/etc/grafana/provisioning/${file}`] ?? "") as Record<
			string,
			Record<string, unknown>[]
		>;

	it("gives every data source the uid that the panels name", () => {
		const { datasources = [] } = provisioned("datasources/datasources.yml");
		deepStrictEqual(
			datasources.map(({ uid, url, access }) => [uid, url, access]),
			[
				["prometheus", "http://prometheus:9090", "proxy"],
				["loki", "http://loki:3100", "proxy"],
			],
		);
	});

	it("looks for dashboards where they lie", () => {
		const { providers = [] } = provisioned("dashboards/dashboards.yml");
		const paths = providers.map(
			({ options }) => (options as { path: string }).path,
		);
		deepStrictEqual(paths, ["/etc/grafana/dashboards"]);
		ok(`${paths[0]}/freshtrack-overview.json` in files);
	});

	it("sends what Grafana raises to a contact point that is there", () => {
		const { contactPoints = [], policies = [] } = provisioned(
			"alerting/alerting.yml",
		);
		deepStrictEqual(
			policies.map(({ receiver }) => receiver),
			contactPoints.map(({ name }) => name),
		);
	});
});

describe("a panel's query", () => {
	it("gets Grafana's variables", () => {
		const window = { step: 30, range: 3600 };
		deepStrictEqual(
			["$__rate_interval", "$__interval", "$__auto", "$__range"].map((name) =>
				interpolate(`x[${name}]`, window),
			),
			["x[60s]", "x[30s]", "x[30s]", "x[3600s]"],
		);
		deepStrictEqual(
			interpolate("x[$__rate_interval]", { ...window, step: 60 }),
			"x[75s]",
		);
		throws(() => interpolate("x[$interval]", window), /\$interval/);
	});
});
