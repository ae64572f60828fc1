import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { gridWidth } from "../../observability/grafana/dashboard";
import { interpolate } from "../../observability/grafana/variables";
import { groupingsIn, selectorsIn } from "../../observability/logql";
import { logLabels } from "../../observability/logs";
import { knownMetrics, metricNames } from "../../observability/metric-names";
import { vectorSelectorsIn } from "../../observability/promql";

/** Of every line of logs in Loki. */
const streamLabels = new Set<string>(Object.values(logLabels));

interface Panel {
	id?: number;
	type: string;
	title?: string;
	gridPos?: { x: number; y: number; w: number; h: number };
	datasource?: { uid?: string };
	targets?: {
		refId?: string;
		expr?: string;
		datasource?: { uid?: string };
	}[];
}

/** What panels may ask for. */
interface There {
	/** Of data sources. */
	uids: readonly string[];
	metrics: ReadonlySet<string>;
}

/**
 * What is wrong with dashboards, each with its place: nothing where Grafana can show
 * all of them and every query asks for what there is.
 *
 * @param uids of the provisioned data sources.
 */
export function dashboardProblems(
	dashboards: Dashboard[],
	uids: readonly string[],
): string[] {
	const named = dashboards.map(({ uid }) => uid ?? "");
	const there: There = { uids, metrics: knownMetrics() };
	return [
		...repeated(named).map((uid) => `two dashboards have the uid "${uid}"`),
		...dashboards.flatMap((dashboard) => {
			const panels = (dashboard.panels ?? []) as Panel[];
			return [
				...(dashboard.uid ? [] : ["has no uid"]),
				...repeated(panels.map(({ id }) => id ?? 0)).map(
					(id) => `two panels have the id ${id}`,
				),
				...overlaps(panels),
				...panels
					.filter(({ type }) => type !== "row")
					.flatMap((panel) =>
						panelProblems(panel, there).map(
							(problem) => `"${panel.title}": ${problem}`,
						),
					),
			].map((problem) => `${dashboard.title}: ${problem}`);
		}),
	];
}

function panelProblems(panel: Panel, there: There): string[] {
	const { targets = [], datasource } = panel;
	const known = (uid?: string) => uid !== undefined && there.uids.includes(uid);
	return [
		...(panel.id ? [] : ["has no id"]),
		...(panel.title ? [] : ["has no title"]),
		...(known(datasource?.uid)
			? []
			: [`has no data source of ours, but ${datasource?.uid}`]),
		...(targets.length > 0 ? [] : ["asks nothing"]),
		...repeated(targets.map(({ refId }) => refId ?? "")).map(
			(refId) => `two queries are called "${refId}"`,
		),
		...targets.flatMap(({ refId, expr = "", datasource: own }) => {
			if (!known(own?.uid)) {
				return [`query ${refId} has no data source of ours, but ${own?.uid}`];
			}
			try {
				const query = interpolate(expr, { step: 15, range: 3600 });
				return own?.uid === "loki"
					? logProblems(query)
					: metricProblems(query, there.metrics);
			} catch (error) {
				return [`query ${refId}: ${(error as Error).message}`];
			}
		}),
	];
}

function metricProblems(promql: string, known: ReadonlySet<string>): string[] {
	return vectorSelectorsIn(promql).flatMap(({ metric, matchers }) => {
		if (!known.has(metric)) return [`nothing exposes ${metric}`];
		const job = matchers.find(({ label, op }) => label === "job" && op === "=");
		if (!job) return [];
		const jobs = Object.entries<readonly string[]>(metricNames)
			.filter(([, names]) => names.includes(metric))
			.map(([name]) => name);
		// What every target has, and what rules record, is no one job's.
		return jobs.length === 0 || jobs.includes(job.value)
			? []
			: [`job ${job.value} does not expose ${metric}`];
	});
}

function logProblems(logql: string): string[] {
	const selectors = selectorsIn(logql);
	const used = [
		...selectors.flat().map(({ label }) => label),
		...groupingsIn(logql),
	];
	return [
		...(selectors.length > 0 ? [] : ["selects no stream"]),
		...used
			.filter((label) => !streamLabels.has(label))
			.map((label) => `no log has the label ${label}`),
	];
}

/** Panels that lie outside the grid or on each other. */
function overlaps(panels: Panel[]): string[] {
	const placed = panels.map(({ title, gridPos }) => ({
		title,
		...{ x: 0, y: 0, w: 0, h: 0, ...gridPos },
	}));
	return placed.flatMap((one, index) => [
		...(one.w >= 1 &&
		one.h >= 1 &&
		one.x >= 0 &&
		one.x + one.w <= gridWidth &&
		[one.x, one.y, one.w, one.h].every(Number.isInteger)
			? []
			: [`"${one.title}" is not on the grid of ${gridWidth} columns`]),
		...placed
			.slice(index + 1)
			.filter(
				(other) =>
					one.x < other.x + other.w &&
					other.x < one.x + one.w &&
					one.y < other.y + other.h &&
					other.y < one.y + one.h,
			)
			.map((other) => `"${one.title}" and "${other.title}" overlap`),
	]);
}

function repeated<T>(values: T[]): T[] {
	return values.filter((value, index) => values.indexOf(value) < index);
}
