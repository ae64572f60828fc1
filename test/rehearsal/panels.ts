import { expect } from "../../cutover/check";
import { grafanaOf, type PanelData, panelData } from "../../cutover/grafana";
import { waitFor } from "../../cutover/wait";
import type { Rehearsal } from "./rehearsal";

/** A panel's query that has no data once the names are switched. */
interface Empty {
	dashboard: string;
	panel: string;
	/** All of the panel's where none is named. */
	refId?: string;
	because: string;
}

/** Behind the switch, when all is well. */
export const emptyBehindSwitch: readonly Empty[] = [
	{
		dashboard: "cutover",
		panel: "Behind the old system",
		because: "the follower stops at the freeze",
	},
	{
		dashboard: "cutover",
		panel: "Opens by itself in",
		because: "a freeze that is switched behind stays",
	},
	{
		dashboard: "cutover",
		panel: "Rows written to it in spite of the freeze",
		because: "there are none, if all is well",
	},
];

/**
 * After the switch every query of every panel of every dashboard returns data through
 * Grafana's own way to its data sources, but for those above.
 *
 * @throws Error naming each that does not, and why.
 */
export async function panelsHaveData(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const access = grafanaOf(rehearsal.site(stack));
	return waitFor(
		"data in every panel of Grafana",
		async () => {
			const to = Date.now();
			const range = { from: to - 3_600_000, to, step: 15 };
			const { missing, words } = judged(await panelData(access, range));
			expect(missing.length === 0, missing.join("; "));
			return words;
		},
		{ timeoutMs: 180_000, intervalMs: 5_000 },
	);
}

/** What of the panels lacks data that it should have, and the whole in words. */
export function judged(
	data: PanelData[],
	exceptions = emptyBehindSwitch,
): { missing: string[]; words: string } {
	const empty = data.filter(({ series }) => series.length === 0);
	const because = (found: PanelData) =>
		found.error === undefined
			? exceptions.find(
					({ dashboard, panel, refId }) =>
						dashboard === found.dashboard &&
						panel === found.panel &&
						(refId ?? found.refId) === found.refId,
				)?.because
			: undefined;
	const missing = empty
		.filter((found) => because(found) === undefined)
		.map(
			({ dashboard, panel, refId, error }) =>
				`${dashboard} "${panel}" ${refId}: ${error ?? "no data"}`,
		);
	const named = empty
		.filter((found) => because(found) !== undefined)
		.map((found) => `"${found.panel}": ${because(found)}`);
	const distinct = (of: (found: PanelData) => string) =>
		new Set(data.map(of)).size;
	return {
		missing,
		words: `${data.length} queries of ${distinct(({ dashboard, panel }) => `${dashboard} ${panel}`)} panels on ${distinct(({ dashboard }) => dashboard)} dashboards, ${data.length - empty.length} with data${named.length > 0 ? `; without: ${named.join(", ")}` : ""}`,
	};
}
