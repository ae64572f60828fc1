import type { TimeRange } from "../../../observability/grafana/queries";
import type { World } from "./api";
import { drawn, escaped } from "./draw";
import { ask, type Panel, panelModel } from "./panel";
import type { DashboardJson } from "./provisioning";
import { version } from "./settings";

const style = `body{margin:0;background:#111217;color:#ccccdc;font:13px sans-serif}
header{padding:8px 16px;background:#181b1f;border-bottom:1px solid #2c3235}
header b{color:#ff9830} a{color:#6e9fff} main{padding:8px}
h1{font-size:18px;margin:0 0 4px} h2{font-size:13px;margin:0 0 4px;font-weight:500}
.grid{display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:30px;gap:8px}
.panel{background:#181b1f;border:1px solid #2c3235;border-radius:2px;padding:6px 8px;
display:flex;flex-direction:column;overflow:hidden;min-width:0}
.row{background:none;border:none;font-size:15px} .problem{color:#ff7383;margin:2px 0}
.empty{margin:auto;color:#8e8e99} .stats{display:flex;flex-wrap:wrap;gap:6px;flex:1;overflow:hidden}
.stat{flex:1 1 70px;display:flex;flex-direction:column;justify-content:center;align-items:center;
border-radius:2px;padding:4px;min-width:0} .stat b{font-size:18px;color:#fff} .stat span{font-size:11px}
.graph{position:relative;flex:1;min-height:0} .top{position:absolute;font-size:10px;color:#8e8e99}
svg{width:100%;height:100%;display:block} polyline{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}
.mark{stroke:#b877d9;stroke-width:2;stroke-dasharray:4;vector-effect:non-scaling-stroke}
.legend{list-style:none;margin:4px 0 0;padding:0;font-size:11px;max-height:34%;overflow:hidden}
.legend li{display:inline-block;margin-right:12px} .states{flex:1;display:flex;flex-direction:column;gap:2px;overflow:hidden}
.state{display:flex;flex:1;min-height:8px;gap:6px} .state span{width:160px;font-size:10px;text-align:right;
white-space:nowrap;overflow:hidden} .state svg{flex:1;background:#22252b} rect{shape-rendering:crispEdges}
.logs{list-style:none;margin:0;padding:0;font:11px monospace;overflow:hidden} .logs time{color:#8e8e99}`;

function page(title: string, content: string): string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Grafana stand-in${title && ` - ${escaped(title)}`}</title><style>${style}</style></head>
<body><header><b>Grafana stand-in</b> ${version}: not Grafana, but what reads the same files and asks the same sources.</header><main>${content}</main></body></html>`;
}

export function loginPage(): string {
	return page("", "<p>Log in by HTTP's basic authentication.</p>");
}

export function homePage({ provisioned }: World): string {
	const links = provisioned.dashboards.map(
		({ json }) =>
			`<li><a href="/d/${escaped(json.uid)}">${escaped(json.title)}</a></li>`,
	);
	return page("", `<h1>Dashboards</h1><ul>${links.join("")}</ul>`);
}

/**
 * A dashboard with every panel's data, drawn plainly.
 *
 * @param query `from` and `to`, as Grafana's pages take them.
 * @returns undefined where there is no such dashboard.
 */
export async function dashboardPage(
	{ provisioned, annotations }: World,
	uid: string,
	query: URLSearchParams,
): Promise<string | undefined> {
	const dashboard = provisioned.dashboards.find(({ json }) => json.uid === uid);
	if (!dashboard) return undefined;
	const { json } = dashboard;
	const range = rangeOf(json, query);
	const happened = annotations.search({
		...{ from: range.from, to: range.to, matchAny: false, limit: 100 },
		tags: shownTags(json),
	});
	const panels = await Promise.all(
		json.panels.map(async (written) => {
			if (written.type === "row") return headline(written);
			const panel = panelModel.parse(written);
			const { series, problems } = await ask(
				panel,
				provisioned.dataSources,
				range,
			);
			const told = problems.map(
				(problem) => `<p class="problem">${escaped(problem)}</p>`,
			);
			const content =
				series.length > 0
					? drawn(panel, series, range, happened)
					: problems.length > 0
						? ""
						: '<p class="empty">No data</p>';
			return box(
				panel.gridPos,
				"panel",
				`<h2>${escaped(panel.title)}</h2>${told.join("")}${content}`,
			);
		}),
	);
	const list = happened.map(
		({ time, text }) =>
			`<li>${new Date(time).toISOString()} ${escaped(text)}</li>`,
	);
	return page(
		json.title,
		`<h1>${escaped(json.title)}</h1><ul>${list.join("")}</ul><div class="grid">${panels.join("")}</div>`,
	);
}

function headline(written: unknown): string {
	const { title, gridPos } = panelModel.parse(written);
	return box(gridPos, "panel row", escaped(title));
}

function box({ x, y, w, h }: Panel["gridPos"], kind: string, content: string) {
	return `<section class="${kind}" style="grid-area:${y + 1}/${x + 1}/span ${h}/span ${w}">${content}</section>`;
}

/** Tags of the annotations that a dashboard asks for out of Grafana's own store. */
function shownTags({ annotations }: DashboardJson): string[] {
	const { list = [] } = (annotations ?? {}) as {
		list?: { target?: { tags?: string[] } }[];
	};
	return list.flatMap(({ target }) => target?.tags ?? []);
}

function rangeOf({ time }: DashboardJson, query: URLSearchParams): TimeRange {
	const now = Date.now();
	const from = moment(query.get("from") ?? time.from, now);
	const to = moment(query.get("to") ?? time.to, now);
	// 250 points are as many as a panel has room for.
	const step = Math.max(15, Math.ceil((to - from) / 250_000));
	return { from, to, step };
}

const units: Record<string, number> = {
	...{ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 },
};

/** "now", "now-1h", or milliseconds since 1970. */
function moment(text: string, now: number): number {
	const [, amount, unit = ""] = /^now(?:-(\d+)([smhd]))?$/.exec(text) ?? [];
	if (amount) return now - Number(amount) * (units[unit] ?? 0);
	return text === "now" ? now : Number(text);
}
