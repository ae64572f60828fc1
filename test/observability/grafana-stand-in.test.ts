import { deepStrictEqual, equal, match, ok, throws } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { annotate, panelData } from "../../cutover/grafana";
import { http } from "../../cutover/http";
import { waitFor } from "../../cutover/wait";
import { grafanaFiles } from "../../observability/grafana";
import { metricNames } from "../../observability/metric-names";
import { freePort } from "../free-port";
import { createGrafana } from "../stand-ins/grafana/app";
import { readSettings } from "../stand-ins/grafana/settings";
import { program } from "./program";

const files = grafanaFiles();
const hour = 3_600_000;
const operator = "operator";
const password = "a password";

/** The stand-in before a real Prometheus that looks at itself, and before no Loki. */
describe("Grafana's stand-in", function () {
	this.timeout(60_000);
	const folder = mkdtempSync(join(tmpdir(), "grafana-"));
	const at = (path: string) => join(folder, path);
	let prometheus: ChildProcess;
	let grafana: Server;
	let url: string;
	let sources: Record<string, string>;

	before(async () => {
		const [prometheusPort, lokiPort] = [await freePort(), await freePort()];
		sources = {
			"http://prometheus:9090": `http://127.0.0.1:${prometheusPort}`,
			"http://loki:3100": `http://127.0.0.1:${lokiPort}`,
		};
		const target = `{targets: ["127.0.0.1:${prometheusPort}"]}`;
		writeFileSync(
			at("prometheus.yml"),
			`scrape_configs: [{job_name: prometheus, scrape_interval: 1s, static_configs: [${target}]}]`,
		);
		prometheus = spawn(
			program("prometheus"),
			[
				`--config.file=${at("prometheus.yml")}`,
				`--storage.tsdb.path=${at("tsdb")}`,
				`--web.listen-address=127.0.0.1:${prometheusPort}`,
			],
			{ stdio: "ignore" },
		);
		await once(prometheus, "spawn");
		grafana = started({});
		await once(grafana, "listening");
		const { port } = grafana.address() as AddressInfo;
		url = `http://127.0.0.1:${port}`;
		await waitFor(
			"Prometheus has looked at itself twice",
			async () => {
				const path = "query?query=count_over_time(up[1m])>1";
				const { body } = await http(
					`${sources["http://prometheus:9090"]}/api/v1/${path}`,
				);
				return body.includes('"value"') || undefined;
			},
			{ timeoutMs: 30_000 },
		);
	});

	after(async () => {
		grafana.close();
		prometheus.kill();
		await once(prometheus, "exit");
		rmSync(folder, { recursive: true });
	});

	/** Lays the deployment's files below a folder, with changes, and starts over them. */
	function started(changes: Record<string, (text: string) => string>): Server {
		const etc = mkdtempSync(at("etc-"));
		for (const [path, text] of Object.entries(files)) {
			let local = text.replaceAll("/etc/grafana", etc);
			for (const [from, to] of Object.entries(sources)) {
				local = local.replaceAll(from, to);
			}
			const file = path.replace("/etc/grafana", etc);
			mkdirSync(dirname(file), { recursive: true });
			const name = file.slice(file.lastIndexOf("/") + 1);
			writeFileSync(file, changes[name]?.(local) ?? local);
		}
		const secret = join(etc, "password");
		writeFileSync(secret, `${password}\n`);
		return createGrafana(
			readSettings({
				GF_SECURITY_ADMIN_USER: operator,
				GF_SECURITY_ADMIN_PASSWORD__FILE: secret,
				GF_PATHS_PROVISIONING: join(etc, "provisioning"),
				GF_PATHS_DATA: folder,
			}),
		).listen(0, "127.0.0.1");
	}

	const basic = (secret: string) =>
		`Basic ${Buffer.from(`${operator}:${secret}`).toString("base64")}`;
	const ask = async (
		path: string,
		options: Parameters<typeof http>[1] = {},
	) => {
		const { status, body } = await http(`${url}${path}`, {
			headers: { authorization: basic(password) },
			...options,
		});
		return { status, body, json: () => JSON.parse(body) };
	};
	const access = () => ({ url, user: operator, password });
	const lastHour = () => ({
		from: Date.now() - hour,
		to: Date.now(),
		step: 15,
	});

	it("says what it is, to everybody", async () => {
		const { status, body } = await http(`${url}/api/health`);
		equal(status, 200);
		match(body, /"database":"ok".*stand-in/);
		match(
			(await http(`${url}/login`)).body,
			/<title>Grafana stand-in<\/title>/,
		);
		match(
			(await http(`${url}/metrics`)).body,
			/grafana_build_info\{version="[\d.]+-stand-in"/,
		);
	});

	it("tells of itself what dashboards and alerts may ask for", async () => {
		const { body } = await http(`${url}/metrics`);
		for (const name of metricNames.grafana) {
			match(body, new RegExp(`^${name}[{ ]`, "m"));
		}
	});

	it("lets in only who has the password of the file", async () => {
		const { json } = await ask("/api/user");
		deepStrictEqual([json().login, json().isGrafanaAdmin], [operator, true]);
		const without: Record<string, string>[] = [
			{},
			{ authorization: basic("admin") },
		];
		for (const headers of without) {
			for (const path of ["/", "/api/org", "/api/search", "/d/cutover", "/x"]) {
				equal((await ask(path, { headers })).status, 401, path);
			}
		}
	});

	it("has the data sources of the files, and asks whether they answer", async () => {
		const found = (await ask("/api/datasources")).json();
		deepStrictEqual(
			found.map(({ uid, type, readOnly }: Record<string, unknown>) => [
				...[uid, type, readOnly],
			]),
			[
				["prometheus", "prometheus", true],
				["loki", "loki", true],
			],
		);
		deepStrictEqual(
			(await ask("/api/datasources/uid/prometheus/health")).json(),
			{
				status: "OK",
				message: "Successfully queried the Prometheus API.",
			},
		);
		const loki = await ask("/api/datasources/uid/loki/health");
		equal(loki.status, 400);
		match(loki.body, /"status":"ERROR".*ECONNREFUSED/);
	});

	it("hands queries on, and what is answered back, errors too", async () => {
		const proxy = "/api/datasources/proxy/uid";
		const up = await ask(`${proxy}/prometheus/api/v1/query?query=up`);
		match(up.body, /"job":"prometheus"\},"value":\[[\d.]+,"1"\]/);
		const wrong = await ask(`${proxy}/prometheus/api/v1/query?query=up(`);
		deepStrictEqual([wrong.status, wrong.json().errorType], [400, "bad_data"]);
		equal((await ask(`${proxy}/loki/ready`)).status, 502);
		equal((await ask(`${proxy}/tempo/ready`)).status, 404);
	});

	it("has the dashboards of the files, as they are written", async () => {
		const list = (await ask("/api/search?type=dash-db")).json();
		deepStrictEqual(list.map(({ uid }: { uid: string }) => uid).sort(), [
			"cutover",
			"freshtrack-overview",
			"hosts-database",
		]);
		const { dashboard, meta } = (
			await ask("/api/dashboards/uid/cutover")
		).json();
		deepStrictEqual(
			dashboard,
			JSON.parse(files["/etc/grafana/dashboards/cutover.json"] ?? ""),
		);
		equal(meta.provisioned, true);
		equal((await ask("/api/dashboards/uid/none")).status, 404);
	});

	it("gives the data of every panel, and says of which there is none", async () => {
		const data = await panelData(access(), lastHour());
		const of = (panel: string) => data.find((each) => each.panel === panel);
		deepStrictEqual(of("Services up")?.series[0]?.labels, {
			job: "prometheus",
		});
		equal(of("Services up")?.series[0]?.points[0]?.[1], "1");
		ok((of("Up")?.series[0]?.points.length ?? 0) > 0);
		deepStrictEqual(of("Latency of the API")?.series, []);
		equal(of("Latency of the API")?.error, undefined);
		match(of("The API's log")?.error ?? "", /^502 .*ECONNREFUSED/);
	});

	it("keeps what happened, and finds it by tag and time", async () => {
		const time = Date.now() - 60_000;
		const note = { tags: ["cutover", "freeze"], text: "frozen", time };
		const id = await annotate(access(), note);
		await annotate(access(), { ...note, tags: ["other"], time: time - hour });
		const find = async (query: string) =>
			(await ask(`/api/annotations?${query}`))
				.json()
				.map(({ text, timeEnd }: Record<string, unknown>) => [text, timeEnd]);
		deepStrictEqual(await find("tags=cutover&tags=freeze"), [["frozen", time]]);
		deepStrictEqual(await find(`tags=cutover&to=${time - 1}`), []);
		equal((await find(`from=${time - 2 * hour}`)).length, 2);
		const changed = await ask(`/api/annotations/${id}`, {
			method: "PATCH",
			headers: { authorization: basic(password) },
			json: { timeEnd: time + 5000 },
		});
		equal(changed.json().message, "Annotation patched");
		deepStrictEqual(await find("tags=freeze"), [["frozen", time + 5000]]);
		match(
			readFileSync(at("annotations.json"), "utf8"),
			/"tags":\["cutover","freeze"\]/,
		);
		await rejectsEmpty();
	});

	async function rejectsEmpty() {
		const { status, body } = await ask("/api/annotations", {
			headers: { authorization: basic(password) },
			json: { text: "" },
		});
		equal(status, 400);
		match(body, /text field should not be empty/);
	}

	it("has the contact point of the files", async () => {
		const points = (await ask("/api/v1/provisioning/contact-points")).json();
		deepStrictEqual(points, [
			{
				uid: "alertmanager",
				name: "alertmanager",
				type: "prometheus-alertmanager",
				settings: { url: "http://alertmanager:9093" },
				disableResolveMessage: false,
				provenance: "file",
			},
		]);
	});

	it("draws a dashboard with values, marks and what is missing, and says that it is none", async () => {
		const { status, body } = await ask("/d/freshtrack-overview");
		equal(status, 200);
		match(body, /Grafana stand-in<\/b> [\d.]+-stand-in: not Grafana/);
		match(body, /<b>up<\/b><span>prometheus<\/span>/);
		match(body, /class="mark"><title>frozen/);
		match(body, /No data/);
		match(body, /ECONNREFUSED/);
		equal((await ask("/d/none")).status, 404);
	});

	it("answers nothing that it does not do with success", async () => {
		for (const [path, method] of [
			["/api/ds/query", "POST"],
			["/api/folders", "GET"],
			["/api/dashboards/db", "POST"],
			["/api/datasources", "POST"],
			["/api/admin/settings", "GET"],
			["/explore", "GET"],
		]) {
			const { status, body } = await ask(path ?? "", {
				...(method ? { method } : {}),
			});
			deepStrictEqual([status, body], [404, '{"message":"Not found"}'], path);
		}
		equal((await ask("/api/search?starred=true")).status, 400);
		equal((await ask("/api/search?type=dash-folder")).status, 400);
		equal((await ask("/api/annotations?userId=1")).status, 400);
	});

	const broken: Record<
		string,
		[problem: RegExp, file: string, spoil: (text: string) => string]
	> = {
		"a data source without uid": [
			/datasources\.yml: .*uid/s,
			"datasources.yml",
			(text) => text.replace("- uid: loki\n    name", "- name"),
		],
		"two data sources with one uid": [
			/two data sources are "prometheus"/,
			"datasources.yml",
			(text) => text.replace("- uid: loki", "- uid: prometheus"),
		],
		"a file that is no YAML": [
			/at line/,
			"datasources.yml",
			(text) => `${text}\n  : [`,
		],
		"a key that Grafana does not know": [
			/Unrecognized key/,
			"alerting.yml",
			(text) => text.replace("contactPoints:", "contactpoints:"),
		],
		"a policy without contact point": [
			/"pager" is no contact point/,
			"alerting.yml",
			(text) => text.replace("receiver: alertmanager", "receiver: pager"),
		],
		"a provider of dashboards that are not there": [
			/no folder of dashboards at .*nowhere/,
			"dashboards.yml",
			(text) => text.replace(/path: .*/, "path: /nowhere"),
		],
		"a dashboard that is no JSON": [
			/cutover\.json: .*JSON/,
			"cutover.json",
			(text) => text.slice(1),
		],
		"a dashboard without title": [
			/cutover\.json: .*a title/s,
			"cutover.json",
			(text) => text.replace('"title":"Cutover"', '"title":""'),
		],
		"two dashboards with one uid": [
			/two dashboards are "cutover"/,
			"hosts-database.json",
			(text) => text.replace('"uid":"hosts-database"', '"uid":"cutover"'),
		],
	};
	for (const [what, [problem, file, spoil]] of Object.entries(broken)) {
		it(`does not start with ${what}`, () => {
			throws(() => started({ [file]: spoil }), problem);
		});
	}

	it("does not start where Grafana would let in anybody", () => {
		throws(
			() => readSettings({ GF_AUTH_ANONYMOUS_ENABLED: "true" }),
			/lets nobody in/,
		);
	});
});
