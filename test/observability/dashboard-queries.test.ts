import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { http } from "../../cutover/http";
import { dashboards } from "../../observability/grafana";
import {
	queryPath,
	seriesOf,
	type Target,
} from "../../observability/grafana/queries";
import { interpolate } from "../../observability/grafana/variables";
import { logLabels, logLevels } from "../../observability/logs";
import { parseConfig } from "../stand-ins/loki/config";
import { Loki } from "../stand-ins/loki/server";
import { runProgram } from "./program";

const targets = dashboards()
	.flatMap(({ panels = [] }) => panels as { targets?: Target[] }[])
	.flatMap((panel) => panel.targets ?? []);
const of = (uid: string) =>
	targets.filter(({ datasource }) => datasource.uid === uid);

describe("the dashboards' queries", () => {
	it("have types that Prometheus takes, which no grammar tells", async () => {
		const folder = mkdtempSync(join(tmpdir(), "queries-"));
		const file = join(folder, "queries.yml");
		const rules = of("prometheus").map(({ expr }, index) => ({
			record: `query:${index}`,
			expr: interpolate(expr, { step: 15, range: 3600 }),
		}));
		const check = (list: object[]) => {
			writeFileSync(
				file,
				stringify({ groups: [{ name: "queries", rules: list }] }),
			);
			return runProgram("promtool", ["check", "rules", file]);
		};
		try {
			ok(rules.length > 50);
			await check(rules);
			const wrong = await check([
				...rules,
				{ record: "query:wrong", expr: "rate(up)" },
			]).then(
				() => "",
				({ message }: Error) => message,
			);
			ok(/expected type range vector/.test(wrong), wrong);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	it("are LogQL that Loki's stand-in takes, and find the lines that the collector names", async () => {
		const config = parseConfig(
			readFileSync("observability/loki/loki.yaml", "utf8"),
		);
		const { server } = new Loki({ config, maxBytes: 2 ** 20 });
		await once(server.listen(0, "127.0.0.1"), "listening");
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const now = Date.now();
		const streams = ["backend", "caddy", "watch"].flatMap((service) =>
			logLevels.map((level) => ({
				stream: {
					[logLabels.service]: service,
					[logLabels.level]: level,
					[logLabels.node]: "droplet-1",
					[logLabels.stream]: "stdout",
				},
				values: [[`${now - 60_000}000000`, "a line"]],
			})),
		);
		try {
			const { status, body } = await http(`${url}/loki/api/v1/push`, {
				json: { streams },
			});
			equal(status, 204, body);
			const range = { from: now - 600_000, to: now, step: 15 };
			for (const target of of("loki")) {
				const answer = await http(`${url}/${queryPath(target, range)}`);
				equal(answer.status, 200, `${target.expr}: ${answer.body}`);
				const series = seriesOf(answer.body);
				ok(series.length > 0, target.expr);
				for (const { points } of series) {
					deepStrictEqual(
						points.filter(([time]) => time < range.from || time > now),
						[],
					);
				}
			}
		} finally {
			server.close();
			server.closeAllConnections();
		}
	});
});
