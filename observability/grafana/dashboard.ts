import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import {
	AnnotationQueryBuilder,
	type Dashboard,
	DashboardBuilder,
	DashboardCursorSync,
	type Panel,
	RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";

/** The whole width of Grafana's grid. */
export const gridWidth = 24;

/** The tag of the annotations that the ladder writes at each phase. */
export const cutoverTag = "cutover";

/** Panels beside each other. */
export interface Line {
	/** In grid units of 30 pixels. */
	height: number;
	panels: Builder<Panel>[];
	/** In columns of 24; without them all panels are equally wide. */
	widths?: number[];
}

export interface DashboardArgs {
	uid: string;
	title: string;
	description: string;
	/** How far it looks back, for instance "now-1h". */
	from: string;
	/** Lines by the headline above them. */
	sections: Record<string, Line[]>;
}

/**
 * A dashboard laid out from top to bottom. Each shows what the ladder did as
 * annotations.
 */
export function dashboard(args: DashboardArgs): Dashboard {
	const made = new DashboardBuilder(args.title)
		.uid(args.uid)
		.description(args.description)
		.tags([cutoverTag])
		.readonly()
		.timezone("browser")
		.tooltip(DashboardCursorSync.Crosshair)
		.time({ from: args.from, to: "now" })
		.refresh("30s")
		.annotation(phases());
	let y = 0;
	let id = 0;
	const next = () => {
		id += 1;
		return id;
	};
	for (const [headline, lines] of Object.entries(args.sections)) {
		made.withRow(
			new RowBuilder(headline)
				.id(next())
				.gridPos({ x: 0, y, w: gridWidth, h: 1 }),
		);
		y += 1;
		for (const { height, panels, widths } of lines) {
			let x = 0;
			for (const [index, panel] of panels.entries()) {
				const w = widths?.[index] ?? gridWidth / panels.length;
				const gridPos = { x, y, w, h: height };
				const placed = { ...panel.build(), id: next(), gridPos };
				made.withPanel({ build: () => placed });
				x += w;
			}
			y += height;
		}
	}
	return made.build();
}

/** What the ladder did and when, out of Grafana's own store. */
function phases() {
	return new AnnotationQueryBuilder()
		.name("Cutover")
		.datasource({ type: "grafana", uid: "-- Grafana --" })
		.enable(true)
		.iconColor("purple")
		.target({ build: () => tagged(cutoverTag) });
}

/** The builders have none for this query, and take their own kind only. */
function tagged(tag: string) {
	const query = { type: "tags", limit: 100, matchAny: false, tags: [tag] };
	return query as unknown as Dataquery;
}
