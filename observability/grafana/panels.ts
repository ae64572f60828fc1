import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import {
	BigValueColorMode,
	BigValueGraphMode,
	GraphGradientMode,
	GraphThresholdsStyleConfigBuilder,
	GraphThresholdsStyleMode,
	LegendDisplayMode,
	LegendPlacement,
	LogsSortOrder,
	ReduceDataOptionsBuilder,
	StackingConfigBuilder,
	StackingMode,
	TooltipDisplayMode,
	VisibilityMode,
	VizLegendOptionsBuilder,
	VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
	MappingType,
	type Panel,
	ThresholdsConfigBuilder,
	ThresholdsMode,
	type ValueMapping,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as Logs } from "@grafana/grafana-foundation-sdk/logs";
import { DataqueryBuilder as LokiQuery } from "@grafana/grafana-foundation-sdk/loki";
import { DataqueryBuilder as PrometheusQuery } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimeline } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as Timeseries } from "@grafana/grafana-foundation-sdk/timeseries";
import { type DataSource, reference } from "./data-sources";

/** Queries by the legend of their series, in which `{{label}}` is a label's value. */
export type Queries = Record<string, string>;

export interface PanelOptions {
	/** Behind the panel's (i): what it tells, and what to make of it. */
	description?: string;
	/** One of Grafana's, as @grafana/grafana-foundation-sdk/units names them. */
	unit?: string;
	max?: number;
	decimals?: number;
	/** From this value on the panel is red; `below` turns that round. */
	limit?: number;
	below?: boolean;
	/** Words for values. */
	words?: Record<number, { text: string; color: string }>;
	/** Default prometheus. */
	source?: DataSource;
	stacked?: boolean;
}

/** Values over time. */
export function lines(
	title: string,
	queries: Queries,
	options: PanelOptions = {},
): Builder<Panel> {
	const panel = common(new Timeseries(), title, queries, options)
		.min(0)
		.lineWidth(1)
		.fillOpacity(10)
		.gradientMode(GraphGradientMode.None)
		.showPoints(VisibilityMode.Auto)
		.legend(
			new VizLegendOptionsBuilder()
				.displayMode(LegendDisplayMode.List)
				.placement(LegendPlacement.Bottom)
				.showLegend(true),
		)
		.tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
	if (options.stacked) {
		panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
	}
	if (options.limit !== undefined) {
		panel.thresholdsStyle(
			new GraphThresholdsStyleConfigBuilder().mode(
				GraphThresholdsStyleMode.Dashed,
			),
		);
	}
	return panel;
}

/** The values of now, large. */
export function numbers(
	title: string,
	queries: Queries,
	options: PanelOptions = {},
): Builder<Panel> {
	return common(new Stat(), title, queries, options, "instant")
		.graphMode(BigValueGraphMode.None)
		.colorMode(
			options.limit === undefined && !options.words
				? BigValueColorMode.None
				: BigValueColorMode.Background,
		)
		.reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
}

/** Which of a few states something was in, over time. */
export function states(
	title: string,
	queries: Queries,
	options: PanelOptions & Required<Pick<PanelOptions, "words">>,
): Builder<Panel> {
	return common(new StateTimeline(), title, queries, options)
		.showValue(VisibilityMode.Never)
		.mergeValues(true)
		.fillOpacity(80);
}

/** Lines of logs, the newest first. */
export function logLines(
	title: string,
	logql: string,
	options: Pick<PanelOptions, "description"> = {},
): Builder<Panel> {
	return common(
		new Logs(),
		title,
		{ "": logql },
		{ ...options, source: "loki" },
	)
		.showTime(true)
		.wrapLogMessage(true)
		.enableLogDetails(true)
		.sortOrder(LogsSortOrder.Descending);
}

/** Up and down, for panels of things that are one or the other. */
export const upOrDown = {
	0: { text: "down", color: "red" },
	1: { text: "up", color: "green" },
};

type AnyPanel = Timeseries | Stat | StateTimeline | Logs;

function common<P extends AnyPanel>(
	panel: P,
	title: string,
	queries: Queries,
	{ source = "prometheus", ...options }: PanelOptions,
	kind: "range" | "instant" = "range",
): P {
	panel.title(title).datasource(reference(source));
	for (const [index, [legend, expr]] of Object.entries(queries).entries()) {
		const refId = String.fromCharCode("A".charCodeAt(0) + index);
		panel.withTarget(query(source, expr, legend, kind).refId(refId));
	}
	const { description, unit, max, decimals, limit, below, words } = options;
	if (description) panel.description(description);
	if (unit) panel.unit(unit);
	if (max !== undefined) panel.max(max);
	if (decimals !== undefined) panel.decimals(decimals);
	if (words) panel.mappings([mapping(words)]);
	if (limit !== undefined) {
		const [under, over] = below ? ["red", "green"] : ["green", "red"];
		panel.thresholds(
			new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
				{ value: null, color: under },
				{ value: limit, color: over },
			]),
		);
	}
	return panel;
}

function query(
	source: DataSource,
	expr: string,
	legend: string,
	kind: "range" | "instant",
): Builder<Dataquery> & { refId(id: string): Builder<Dataquery> } {
	if (source === "loki") {
		return new LokiQuery()
			.datasource(reference(source))
			.expr(expr)
			.legendFormat(legend)
			.queryType(kind);
	}
	const made = new PrometheusQuery()
		.datasource(reference(source))
		.expr(expr)
		.legendFormat(legend);
	return kind === "range" ? made.range() : made.instant();
}

function mapping(words: NonNullable<PanelOptions["words"]>): ValueMapping {
	return {
		type: MappingType.ValueToText,
		options: Object.fromEntries(
			Object.entries(words).map(([value, look], index) => [
				value,
				{ ...look, index },
			]),
		),
	};
}
