import { deepStrictEqual, match, ok } from "node:assert/strict";
import type { PanelData } from "../../cutover/grafana";
import { dashboards } from "../../observability/grafana";
import { emptyBehindSwitch, judged } from "../rehearsal/panels";

const points: [number, string][] = [[0, "1"]];
const full: PanelData = {
	...{ dashboard: "cutover", panel: "Traffic", refId: "A" },
	series: [{ labels: {}, points }],
};
const because = { dashboard: "cutover", panel: "Traffic", because: "rest" };

describe("the rehearsal's look at all panels", () => {
	it("names a query without data", () => {
		const found = judged([full, { ...full, refId: "B", series: [] }], []);
		deepStrictEqual(found.missing, ['cutover "Traffic" B: no data']);
	});

	it("lets pass what has no data for a named reason, and tells it", () => {
		const data = [full, { ...full, refId: "B", series: [] }];
		const { missing, words } = judged(data, [{ ...because, refId: "B" }]);
		deepStrictEqual(missing, []);
		match(words, /^2 queries of 1 panels on 1 dashboards, 1 with data; .*rest/);
		deepStrictEqual(
			judged(data, [{ ...because, refId: "A" }]).missing.length,
			1,
		);
	});

	it("lets no error pass for one without data", () => {
		const failed = { ...full, series: [], error: "502" };
		deepStrictEqual(judged([failed], [because]).missing, [
			'cutover "Traffic" A: 502',
		]);
	});

	it("excepts only panels that there are", () => {
		const there = dashboards().flatMap(({ uid, panels = [] }) =>
			panels.map(({ title }) => `${uid} ${title}`),
		);
		for (const { dashboard, panel } of emptyBehindSwitch) {
			ok(there.includes(`${dashboard} ${panel}`), panel);
		}
	});
});
