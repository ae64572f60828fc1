import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { runCheck } from "../../cutover/check";
import { logsArrive } from "../../cutover/checks/logs-arrive";
import {
	alertmanagerReached,
	dashboardsThere,
	grafanaLogIn,
	noCriticalAlert,
	targetsUp,
} from "../../cutover/checks/monitoring";
import { statusPageUp } from "../../cutover/checks/status-page";
import { waitFor } from "../../cutover/wait";
import { type Answers, NewAddress, proxy, statusPageWith } from "./new-address";
import { Prometheus } from "./watch/prometheus";

const flags = { sync: true, freeze: true, dnsSwitch: true, finalize: false };
const ok = (body: unknown) => ({ status: 200, body: JSON.stringify(body) });

describe("checks of what an operator watches with", function () {
	this.timeout(150_000);
	const trusted = process.env.CUTOVER_CA_FILE;
	let folder: string;
	let target: Server;
	let prometheus: Prometheus;
	let address: NewAddress;
	/** What stands behind the monitoring's name beside Prometheus, and the API's own. */
	let grafana: Answers;
	let status: Answers;
	/** The job that a scrape finds nobody at. */
	let port: number;
	const logged: string[] = [];

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "monitoring-"));
		target = createServer((request, response) =>
			// Two of the very things that Prometheus asks: metrics, and where to send alerts.
			response.end(
				request.url === "/metrics"
					? 'loki_build_info{version="3.4.2-stand-in"} 1\n'
					: "{}",
			),
		);
		await new Promise<void>((done) => target.listen(0, "127.0.0.1", done));
		port = (target.address() as AddressInfo).port;
		const job = (name: string, targets: string[]) => ({
			job_name: name,
			static_configs: [{ targets }],
		});
		prometheus = await Prometheus.start(
			{},
			{
				"prometheus.yml": stringify({
					global: { scrape_interval: "1s", evaluation_interval: "1s" },
					rule_files: ["rules.yml"],
					alerting: {
						alertmanagers: [
							{ static_configs: [{ targets: [`127.0.0.1:${port}`] }] },
						],
					},
					scrape_configs: [
						job("loki", [`127.0.0.1:${port}`]),
						job("follower", []),
						job("watch", [`127.0.0.1:${port}`]),
					],
				}),
				"rules.yml": stringify({
					groups: [
						{
							name: "all",
							rules: [
								{
									alert: "Watchdog",
									expr: "vector(1)",
									labels: { severity: "none" },
								},
								{
									alert: "LokiGone",
									expr: 'up{job="loki"} == 0',
									labels: { severity: "critical" },
								},
							],
						},
					],
				}),
			},
		);
		address = await NewAddress.open(
			{
				monitoring: async (path, authorized) =>
					(await proxy("/prometheus", prometheus.port)(path, authorized)) ??
					grafana(path, authorized),
				status: async (path, authorized) =>
					path === "/"
						? {
								status: 200,
								body: "<title>Up · stand-in for Uptime Kuma</title>",
							}
						: status(path, authorized),
				api: async (path) => {
					logged.push(path);
					return { status: 401, body: "" };
				},
			},
			{ flags },
		);
		const file = join(folder, "root.pem");
		await writeFile(file, address.root);
		process.env.CUTOVER_CA_FILE = file;
	});
	after(async () => {
		if (trusted === undefined) delete process.env.CUTOVER_CA_FILE;
		else process.env.CUTOVER_CA_FILE = trusted;
		address?.close();
		target?.close();
		await prometheus?.stop();
		await rm(folder, { recursive: true, force: true });
	});

	it("find the targets of every job that runs at this rung up", async () => {
		const { status, detail } = await runCheck(targetsUp(address.site));
		assert.equal(status, "passed", detail);
		assert.equal(detail, "2 targets of 2 jobs up");
	});

	it("find no critical alert, with the Watchdog awake", async () => {
		const { status, detail } = await runCheck(noCriticalAlert(address.site));
		assert.equal(`${status}: ${detail}`, "passed: none fires");
	});

	it("find Alertmanager where Prometheus sends to it", async () => {
		grafana = async (path) =>
			path === "/alertmanager/api/v2/status"
				? ok({ versionInfo: { version: "0.25.0" } })
				: undefined;
		const { status, detail } = await runCheck(
			alertmanagerReached(address.site),
		);
		assert.equal(`${status}: ${detail}`, "passed: Alertmanager 0.25.0");
	});

	it("see Grafana refuse a wrong password and take the right one, and its dashboards", async () => {
		grafana = async (path) => {
			if (path === "/api/health") return ok({ version: "11.6.0" });
			if (path === "/api/datasources")
				return ok([{ uid: "prometheus" }, { uid: "loki" }]);
			const [, uid] = /^\/api\/dashboards\/uid\/(.*)$/.exec(path) ?? [];
			return uid ? ok({ dashboard: { title: uid, panels: [{}] } }) : undefined;
		};
		const logIn = await runCheck(grafanaLogIn(address.site));
		assert.equal(
			`${logIn.status}: ${logIn.detail}`,
			"passed: Grafana 11.6.0, data sources prometheus, loki",
		);
		const { status, detail } = await runCheck(dashboardsThere(address.site));
		assert.equal(
			`${status}: ${detail}`,
			"passed: freshtrack-overview (1), cutover (1), hosts-database (1)",
		);
		const served = grafana;
		grafana = async (path, authorized) =>
			path.endsWith("/cutover") ? undefined : served(path, authorized);
		const missing = await runCheck(dashboardsThere(address.site));
		assert.match(missing.detail, /404 to \/api\/dashboards\/uid\/cutover/);
	});

	it("find the line of a request in Loki, and say where it is a stand-in", async () => {
		let searches = 0;
		grafana = async (path) => {
			const url = new URL(path, "https://grafana.test");
			assert.equal(
				url.pathname,
				"/api/datasources/proxy/uid/loki/loki/api/v1/query_range",
			);
			const [, id] =
				/^\{service=~"\.\+"\} \|= "([0-9a-f-]{36})"$/.exec(
					url.searchParams.get("query") ?? "",
				) ?? [];
			assert.ok(id && logged.some((line) => line.includes(id)), "its request");
			const result =
				searches++ === 0
					? []
					: [{ stream: { service: "caddy" }, values: [["1", "line", {}]] }];
			return ok({ status: "success", data: { resultType: "streams", result } });
		};
		const { status, detail } = await runCheck(logsArrive(address.site));
		assert.equal(status, "passed", detail);
		assert.match(
			detail,
			/^a request's line of caddy in a stand-in for Loki after \d\.\d s$/,
		);
		assert.equal(searches, 2);
	});

	it("see a green status page, and name a monitor that is not up", async () => {
		status = statusPageWith(0);
		const check = statusPageUp(address.site);
		const red = setTimeout(() => {
			status = statusPageWith(1);
		}, 100);
		const green = await runCheck(check);
		clearTimeout(red);
		assert.equal(
			green.detail,
			'"Status", 2 monitors up, by a stand-in for Uptime Kuma',
		);
	});

	it("name a target that is down, with its alert", async () => {
		target.closeAllConnections();
		target.close();
		await waitFor(
			"the alert",
			async () => (await address.site.query('ALERTS{alertname="LokiGone"}'))[0],
			{ timeoutMs: 20_000 },
		);
		const [targets, alert] = await Promise.all([
			runCheck(targetsUp(address.site, 0)),
			runCheck(noCriticalAlert(address.site, 0)),
		]);
		assert.equal(targets.status, "failed");
		assert.match(targets.detail, /not up: loki http:\/\/127\.0\.0\.1:\d+/);
		assert.match(alert.detail, /fires: LokiGone/);
	});
});
