import assert from "node:assert/strict";
import type { Look } from "../../../cutover/watch/look";
import {
	type Decision,
	returnCommands,
	verdict,
} from "../../../cutover/watch/verdict";
import { good } from "./good-look";

/** A change of the good look, what it comes to, and the reason in a word or two. */
const cases: [what: string, change: Partial<Look>, Decision, RegExp][] = [
	["all is well", {}, "go", /every target up/],
	[
		"nothing is known of before",
		{
			errors: { ...good.errors, before: undefined },
			logins: { ...good.logins, before: undefined },
			readings: { ...good.readings, before: undefined },
			latency: { now: 0.08, before: undefined },
		},
		"go",
		/every target up/,
	],

	// The plans' criteria, each where it has held.
	[
		"errors have been above 5 %",
		{ errors: { now: 0.3, held: 0.051, before: 0 } },
		"roll back",
		/5\.1 % and more of requests fail.*2\.5 min/,
	],
	[
		"log-ins have failed above 10 %",
		{ logins: { ...good.logins, now: 0.5, held: 0.2, failed: 20 } },
		"roll back",
		/20\.0 % and more of log-ins fail.*5\.5 min/,
	],
	[
		"the database has failed",
		{ database: { now: 1, held: 1 } },
		"roll back",
		/looks at the database fail/,
	],
	[
		"no reading came for 15 minutes",
		{ readings: { now: 0, before: 42, gapSeconds: 900 } },
		"roll back",
		/no reading came in for 15 min/,
	],
	[
		"no reading came, and nothing is known of before",
		{ readings: { now: 0, before: undefined, gapSeconds: 901 } },
		"roll back",
		/no reading/,
	],
	[
		"no backend answers",
		{ backendSeen: false, requests: undefined },
		"roll back",
		/no backend/,
	],
	[
		"two criteria at once: both are named",
		{
			errors: { now: 0.3, held: 0.2, before: 0 },
			database: { now: 1, held: 1 },
		},
		"roll back",
		/requests fail.*database/s,
	],

	// The same, not for long enough, on the edge, or of too few.
	[
		"errors are above 5 % at this moment only",
		{ errors: { now: 0.3, held: 0.01, before: 0 } },
		"wait",
		/30\.0 % of requests fail: a roll back where that lasts 2\.5 min/,
	],
	[
		"errors above 5 % with a gap in what was measured",
		{ errors: { now: 0.3, held: undefined, before: 0 } },
		"wait",
		/of requests fail/,
	],
	[
		"errors are 5 % exactly",
		{ errors: { now: 0.05, held: 0.05, before: 0 } },
		"go",
		/5\.0 % errors/,
	],
	[
		"one of two requests fails",
		{ errors: { now: 0.5, held: 0.5, before: 0 }, requests: 2 },
		"wait",
		/is so of more of them/,
	],
	[
		"log-ins are 10 % failed exactly",
		{ logins: { ...good.logins, now: 0.1, held: 0.1 } },
		"go",
		/10\.0 % failed/,
	],
	[
		"the only person mistypes",
		{ logins: { ...good.logins, now: 1, held: 1, ok: 0, failed: 3 } },
		"wait",
		/of log-ins fail/,
	],
	[
		"no reading came for a little less",
		{ readings: { now: 0, before: 42, gapSeconds: 899 } },
		"wait",
		/no reading in 5 minutes/,
	],
	[
		"no reading came, of a fleet that sends by the hour",
		{ readings: { now: 0, before: 0.1, gapSeconds: 1000 } },
		"wait",
		/only 1\.5 are usual/,
	],

	// What is not known is never a go.
	[
		"Prometheus does not answer",
		{ problem: "refused", errors: { now: 1, held: 1, before: 0 } },
		"wait",
		/does not answer: refused/,
	],
	[
		"Prometheus has just begun",
		{ seasoned: false, backendSeen: false },
		"wait",
		/too short/,
	],
	["nobody asks", { requests: undefined }, "wait", /^0 requests/],
	["few ask", { requests: 19.4 }, "wait", /^19 requests/],
	[
		"nobody logs in",
		{ logins: { ...good.logins, now: undefined, ok: 0, failed: undefined } },
		"wait",
		/^0 log-ins/,
	],
	[
		"readings are not counted",
		{ readings: { now: undefined, before: 42, gapSeconds: undefined } },
		"wait",
		/no reading/,
	],
	[
		"the database is not told of",
		{ database: { now: undefined, held: undefined } },
		"wait",
		/does not tell/,
	],
	[
		"the names have just moved",
		{ secondsSinceSwitch: 899 },
		"wait",
		/a go needs 15 min/,
	],
	[
		"the names have not moved",
		{ secondsSinceSwitch: undefined, database: { now: 1, held: 1 } },
		"wait",
		/lead to the old system/,
	],

	// Worse than it should be, or than it was.
	[
		"a target is down",
		{ targets: { up: 19, all: 20, down: ["loki 10.0.0.3:3100"] } },
		"wait",
		/down: loki/,
	],
	[
		"a critical alert fires",
		{ alerts: [{ name: "FreezeLapsed", severity: "critical" }] },
		"wait",
		/FreezeLapsed/,
	],
	[
		"the status page is not green",
		{ statusPage: { up: false, detail: "not up: API" } },
		"wait",
		/status page: not up: API/,
	],
	[
		"answers take twice the time",
		{ latency: { now: 0.4, before: 0.19 } },
		"wait",
		/400 ms, before the switch 190 ms/,
	],
	[
		"answers take twice the time, and are fast all the same",
		{ latency: { now: 0.2, before: 0.05 } },
		"go",
		/./,
	],
	[
		"half the readings are missing",
		{ readings: { now: 20, before: 42, gapSeconds: 4 } },
		"wait",
		/20\.0 readings a minute, before the switch 42\.0/,
	],
	["the follower is behind", { lagSeconds: 61 }, "wait", /behind/],
];

describe("the verdict of a watch", () => {
	for (const [what, change, decision, reason] of cases)
		it(`is ${decision} where ${what}`, () => {
			const said = verdict({ ...good, ...change });
			assert.equal(said.decision, decision, said.reasons.join("; "));
			assert.match(said.reasons.join("\n"), reason);
		});

	it("goes with the commands of a return, or says that there is none", () => {
		assert.deepEqual(returnCommands("production", false), [
			"pulumi config set cutover:dnsSwitch false -s production",
			"pulumi config set cutover:freeze false -s production",
			"pulumi up -s production",
		]);
		assert.match(returnCommands("production", true).join(), /restore/);
	});
});
