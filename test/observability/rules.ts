import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const folder = join(__dirname, "../../observability/prometheus");

export interface Rule {
	record?: string;
	alert?: string;
	expr: string;
	labels?: Record<string, string>;
	annotations?: Record<string, string>;
}

export interface Alert extends Rule {
	alert: string;
	labels: Record<string, string>;
	annotations: Record<string, string>;
}

/** One group of promtool's unit tests. */
export interface RuleTest {
	name: string;
	input_series?: { series: string; values: string }[];
	alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
}

/** Paths of the files of rules, or of their tests. */
export function files(of: "rules" | "tests"): string[] {
	return readdirSync(join(folder, of)).map((file) => join(folder, of, file));
}

/** Every rule of every file. */
export function readRules(): Rule[] {
	return files("rules").flatMap((file) =>
		(
			parse(readFileSync(file, "utf8")) as { groups: { rules: Rule[] }[] }
		).groups.flatMap(({ rules }) => rules),
	);
}

/** Those of them that raise an alert. */
export function readAlerts(): Alert[] {
	return readRules().filter((rule): rule is Alert => rule.alert !== undefined);
}

/** Every test of every file. */
export function readTests(): RuleTest[] {
	return files("tests").flatMap(
		(file) =>
			(parse(readFileSync(file, "utf8")) as { tests: RuleTest[] }).tests,
	);
}
