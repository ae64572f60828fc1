import assert from "node:assert/strict";
import { liveTable, plainLine } from "../../../cutover/watch/lines";
import type { Look } from "../../../cutover/watch/look";
import { good } from "./good-look";

const look: Look = {
	...good,
	errors: { now: 0.071, held: 0.06, before: 0.002 },
	logins: { now: 0, held: 0, before: undefined, ok: 30, failed: undefined },
	alerts: [
		{ name: "ErrorRateHigh", severity: "critical" },
		{ name: "ErrorRateHigh", severity: "critical" },
	],
};
const said = { decision: "roll back" as const, reasons: ["errors"] };

describe("what a watch prints", () => {
	it("is a table on a terminal, in colour or not", () => {
		const table = liveTable("production", look, said, false);
		assert.equal(
			table,
			`production, 2026-01-01T00:00:00.000Z, 30 min since the switch
                       now                       before  return from
errors                 7.1 %                     0.2 %   > 5.0 %
log-ins failed         0.0 %, 0 of 30 in 10 min  –       > 10.0 %
readings a minute      40.0, last 4 s ago        42.0    none in 15 min
database errors        0.0 %                             any that last
answers, 95 %          80 ms                     70 ms
behind the old system  –
requests in 5 min      400
targets up             20 of 20
status page            up
alerts                 ErrorRateHigh

ROLL BACK
  errors`,
		);
		const coloured = liveTable("production", look, said, true);
		assert.ok(coloured.includes("\u001b[1;31mROLL BACK\u001b[0m"));
	});

	it("is one line elsewhere", () => {
		const line = plainLine(look, said);
		assert.match(
			line,
			/^2026-01-01T00:00:00\.000Z ROLL BACK: errors \| errors 7\.1 % \(0\.2 %\), log-ins failed 0\.0 %, /,
		);
		assert.ok(!line.includes("\n"));
	});
});
