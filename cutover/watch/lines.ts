import { mostErrors, mostFailedLogins } from "../criteria";
import type { Look, Measured } from "./look";
import {
	type Decision,
	longestGap,
	milliseconds,
	minutes,
	percent,
	type Verdict,
} from "./verdict";

/** A measure as a row: what it is now, what it was, and from where on it calls for a return. */
type Row = [name: string, now: string, before: string, criterion: string];

const unknown = "–";
const heads: Row = ["", "now", "before", "return from"];

/** One look as a line without colours, for a log. */
export function plainLine(look: Look, { decision, reasons }: Verdict): string {
	const shown = rows(look)
		.map(([name, now, before]) =>
			[name, now, before && before !== unknown ? `(${before})` : ""]
				.filter(Boolean)
				.join(" "),
		)
		.join(", ");
	return `${look.at} ${decision.toUpperCase()}: ${reasons.join("; ")} | ${shown}`;
}

/** One look as a table for a terminal, the verdict last. */
export function liveTable(
	stack: string,
	look: Look,
	{ decision, reasons }: Verdict,
	colours: boolean,
): string {
	const all = [heads, ...rows(look)];
	const widths = heads.map((_, column) =>
		Math.max(...all.map((row) => (row[column] ?? "").length)),
	);
	const lines = all.map((row) =>
		row
			.map((cell, column) => cell.padEnd(widths[column] ?? 0))
			.join("  ")
			.trimEnd(),
	);
	const since = look.secondsSinceSwitch;
	const when =
		since === undefined
			? "the names lead to the old system"
			: `${minutes(since)} since the switch`;
	return [
		`${stack}, ${look.at}, ${when}`,
		...lines,
		"",
		paint(decision.toUpperCase(), decision, colours),
		...reasons.map((reason) => `  ${reason}`),
	].join("\n");
}

function rows(look: Look): Row[] {
	const { errors, logins, readings, latency, targets, alerts } = look;
	const { ok, failed = 0 } = logins;
	const gap = readings.gapSeconds;
	return [
		["errors", ...both(errors, percent), `> ${percent(mostErrors)}`],
		[
			"log-ins failed",
			`${show(logins.now, percent)}, ${count(failed)} of ${count(ok === undefined ? ok : ok + failed)} in 10 min`,
			show(logins.before, percent),
			`> ${percent(mostFailedLogins)}`,
		],
		[
			"readings a minute",
			`${show(readings.now, (value) => value.toFixed(1))}${gap === undefined ? "" : `, last ${minutes(gap)} ago`}`,
			show(readings.before, (value) => value.toFixed(1)),
			`none in ${minutes(longestGap)}`,
		],
		["database errors", show(look.database.now, percent), "", "any that last"],
		["answers, 95 %", ...both(latency, milliseconds), ""],
		["behind the old system", show(look.lagSeconds, minutes), "", ""],
		["requests in 5 min", count(look.requests), "", ""],
		["targets up", `${targets.up} of ${targets.all}`, "", ""],
		["status page", look.statusPage.up ? "up" : "not up", "", ""],
		[
			"alerts",
			[...new Set(alerts.map(({ name }) => name))].join(" ") || "none",
			"",
			"",
		],
	];
}

function both(
	{ now, before }: Measured,
	words: (value: number) => string,
): [string, string] {
	return [show(now, words), show(before, words)];
}

function show(
	value: number | undefined,
	words: (value: number) => string,
): string {
	return value === undefined ? unknown : words(value);
}

function count(value: number | undefined): string {
	return show(value, (number) => String(Math.round(number)));
}

const colour: Record<Decision, number> = { go: 32, wait: 33, "roll back": 31 };

function paint(text: string, decision: Decision, colours: boolean): string {
	return colours ? `\x1b[1;${colour[decision]}m${text}\x1b[0m` : text;
}
