import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { stringify } from "yaml";
import { knownMetrics } from "../../observability/metric-names";
import { metricsIn } from "../../observability/promql";
import { runProgram } from "./program";
import { files, readAlerts, readRules, readTests } from "./rules";

/** It is to fire always: that it stays away is what raises the alarm. */
const NEVER_SILENT = "Watchdog";

describe("rules of alerts", () => {
	const alerts = readAlerts();
	const allTests = readTests();

	it("are what promtool takes", async () => {
		await runProgram("promtool", ["check", "rules", ...files("rules")]);
	});

	it("do what their tests say", async () => {
		await runProgram("promtool", ["test", "rules", ...files("tests")]);
	}).timeout(180_000);

	it("are all tested, firing and silent", () => {
		const cases = (alert: string, fires: boolean) =>
			allTests.filter(({ alert_rule_test: tests }) =>
				tests.some(
					({ alertname, exp_alerts }) =>
						alertname === alert && exp_alerts.length > 0 === fires,
				),
			);
		for (const { alert, expr } of alerts) {
			assert(cases(alert, true).length > 0, `${alert} fires in no test`);
			if (alert === NEVER_SILENT) continue;
			// Silence for want of data would prove nothing.
			const read = rawMetrics(expr);
			const silent = cases(alert, false).filter(({ input_series = [] }) =>
				input_series.some(({ series }) => read.has(series.split("{")[0] ?? "")),
			);
			assert(silent.length > 0, `${alert} is silent in no test with its data`);
		}
	});

	for (const [kind, expr] of [
		["never fires", "vector(1) < 0"],
		["always fires", "vector(1)"],
	] as const)
		it(`notice an alert that ${kind}`, async () => {
			const folder = await mkdtemp(join(tmpdir(), "rules-"));
			try {
				await mkdir(join(folder, "rules"));
				const rules = alerts.map((rule) => ({ ...rule, expr, for: "0s" }));
				const groups = [{ name: "broken", rules }];
				const file = join(folder, "rules/broken.yml");
				await writeFile(file, stringify({ groups }));
				await cp(dirname(files("tests")[0] ?? ""), join(folder, "tests"), {
					recursive: true,
				});
				const tests = files("tests").map((test) =>
					join(folder, "tests", basename(test)),
				);
				const failures = await runProgram("promtool", [
					...["test", "rules"],
					...tests,
				]).then(
					() => "none",
					(error: Error) => error.message,
				);
				const unnoticed = alerts.filter(
					({ alert }) => !failures.includes(`alertname: ${alert}, time`),
				);
				assert.deepEqual(
					unnoticed.map(({ alert }) => alert),
					kind === "always fires" ? [NEVER_SILENT] : [],
				);
			} finally {
				await rm(folder, { recursive: true });
			}
		}).timeout(180_000);

	it("test no alert that is not there", () => {
		const known = alerts.map(({ alert }) => alert);
		for (const { name, alert_rule_test: tests } of allTests)
			for (const { alertname } of tests)
				assert(known.includes(alertname), `${name}: no alert ${alertname}`);
	});

	it("have names of their own, a severity, a topic, words and a runbook", () => {
		const names = alerts.map(({ alert }) => alert);
		assert.deepEqual(names, [...new Set(names)]);
		for (const { alert, labels, annotations } of alerts) {
			assert.match(labels.severity ?? "", /^(critical|warning|none)$/, alert);
			assert.ok(labels.topic, alert);
			assert.ok(annotations.summary && annotations.description, alert);
			assert.equal(
				annotations.runbook_url,
				`docs/RUNBOOKS.md#${alert.toLowerCase()}`,
			);
		}
	});

	it("read only metrics that some target exposes or a rule records", () => {
		const known = knownMetrics();
		for (const { alert, record, expr } of readRules())
			for (const metric of metricsIn(expr))
				assert(known.has(metric), `${alert ?? record}: no metric ${metric}`);
	});
});

/** The metrics that a rule reads, through those that other rules record. */
function rawMetrics(expr: string): Set<string> {
	const records = new Map(readRules().map((rule) => [rule.record, rule.expr]));
	return new Set(
		metricsIn(expr).flatMap((metric) => {
			const recorded = records.get(metric);
			return recorded ? [...rawMetrics(recorded)] : [metric];
		}),
	);
}
