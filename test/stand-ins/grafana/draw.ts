import type { TimeRange } from "../../../observability/grafana/queries";
import type { Annotation } from "./annotations";
import { type Named, type Panel, shown } from "./panel";

const palette = [
	...["#56a64b", "#e0b400", "#3274d9", "#e02f44", "#fa6400", "#a352cc"],
	...["#37872d", "#1f60c4", "#c4162a", "#8f3bb8", "#19730e", "#ff780a"],
];
/** Of a drawing's own units; it is stretched to its panel. */
const width = 1000;
const height = 200;

export function escaped(text: string): string {
	const entities: Record<string, string> = {
		...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" },
	};
	return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}

/** A panel's content as HTML, in the way of its type. */
export function drawn(
	panel: Panel,
	series: Named[],
	range: TimeRange,
	annotations: Annotation[],
): string {
	switch (panel.type) {
		case "stat":
			return stats(panel, series);
		case "logs":
			return logLines(series);
		case "state-timeline":
			return stateBars(panel, series, range, annotations);
		case "timeseries":
			return curves(panel, series, range, annotations);
		default:
			return `<p class="problem">The stand-in draws no panel of type ${escaped(panel.type)}.</p>`;
	}
}

function stats(panel: Panel, series: Named[]): string {
	const tiles = series.map(({ name, points }) => {
		const { text, color } = shown(panel, points.at(-1)?.[1] ?? "");
		const look = color ? ` style="background:${escaped(color)}"` : "";
		return `<div class="stat"${look}><b>${escaped(text)}</b><span>${escaped(name)}</span></div>`;
	});
	return `<div class="stats">${tiles.join("")}</div>`;
}

function logLines(series: Named[]): string {
	const lines = series
		.flatMap(({ name, points }) =>
			points.map(([time, line]) => ({ time, line, name })),
		)
		.sort((a, b) => b.time - a.time)
		.map(
			({ time, line }) =>
				`<li><time>${new Date(time).toISOString().slice(11, 19)}</time> ${escaped(line.slice(0, 300))}</li>`,
		);
	return `<ol class="logs">${lines.join("")}</ol>`;
}

function curves(
	panel: Panel,
	series: Named[],
	range: TimeRange,
	annotations: Annotation[],
): string {
	const values = series.flatMap(({ points }) =>
		points.map(([, v]) => Number(v)),
	);
	const top = Math.max(...values.filter(Number.isFinite), 0) || 1;
	const lines = series.map(({ points }, index) => {
		const path = points
			.map(
				([time, value]) =>
					`${at(time, range)},${(height * (1 - Number(value) / top)).toFixed(1)}`,
			)
			.join(" ");
		return `<polyline points="${path}" stroke="${colorOf(index)}"/>`;
	});
	return `<div class="graph"><span class="top">${escaped(shown(panel, String(top)).text)}</span>
${svg(`${marks(annotations, range)}${lines.join("")}`)}</div>${legend(panel, series)}`;
}

function stateBars(
	panel: Panel,
	series: Named[],
	range: TimeRange,
	annotations: Annotation[],
): string {
	const rows = series.map(({ name, points }) => {
		const bars = points.map(([time, value], index) => {
			const begin = at(time, range);
			const next = points[index + 1]?.[0] ?? time + range.step * 1000;
			const wide = Math.max(1, at(next, range) - begin);
			const { color = "#888" } = shown(panel, value);
			return `<rect x="${begin}" width="${wide.toFixed(1)}" y="0" height="${height}" fill="${escaped(color)}"/>`;
		});
		return `<div class="state"><span>${escaped(name)}</span>${svg(`${bars.join("")}${marks(annotations, range)}`)}</div>`;
	});
	return `<div class="states">${rows.join("")}</div>`;
}

function legend(panel: Panel, series: Named[]): string {
	const names = series.map(({ name, points }, index) => {
		const { text } = shown(panel, points.at(-1)?.[1] ?? "");
		return `<li style="color:${colorOf(index)}">${escaped(name)}: ${escaped(text)}</li>`;
	});
	return `<ul class="legend">${names.join("")}</ul>`;
}

/** What happened, as upright lines with the words behind a pointer. */
function marks(annotations: Annotation[], range: TimeRange): string {
	return annotations
		.map(
			({ time, text }) =>
				`<line x1="${at(time, range)}" x2="${at(time, range)}" y1="0" y2="${height}" class="mark"><title>${escaped(text)}</title></line>`,
		)
		.join("");
}

function svg(content: string): string {
	return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${content}</svg>`;
}

function at(time: number, { from, to }: TimeRange): number {
	return Math.round((width * 10 * (time - from)) / (to - from)) / 10;
}

function colorOf(index: number): string {
	return palette[index % palette.length] ?? "";
}
