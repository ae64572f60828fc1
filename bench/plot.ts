interface Bar {
	readonly label: string;
	readonly min: number;
	readonly median: number;
	readonly max: number;
}

const WIDTH = 720;
const LABELS = 190;
const FIGURES = 70;
const ROW = 34;
const TOP = 44;

/** Horizontal bars of the medians in seconds, with a line from minimum to maximum, as SVG. */
export function barChart(title: string, bars: readonly Bar[]): string {
	const height = TOP + bars.length * ROW + 12;
	const longest = Math.max(...bars.map(({ max }) => max));
	const x = (seconds: number) =>
		LABELS + (seconds / longest) * (WIDTH - LABELS - FIGURES);
	const rows = bars.map((bar, index) => {
		const y = TOP + index * ROW;
		const middle = y + ROW / 2 - 4;
		return `
	<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(bar.label)}</text>
	<rect x="${LABELS}" y="${y}" width="${(x(bar.median) - LABELS).toFixed(1)}" height="${ROW - 10}" fill="${bar.label.startsWith("migrate") ? "#2f6fde" : "#9aa4b2"}"/>
	<line x1="${x(bar.min).toFixed(1)}" x2="${x(bar.max).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#1b1f24" stroke-width="2"/>
	<text x="${(x(bar.max) + 8).toFixed(1)}" y="${middle + 4}">${bar.median.toFixed(1)} s</text>`;
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13" fill="#1b1f24">
	<title>${escapeXml(title)}</title>
	<rect width="100%" height="100%" fill="#ffffff"/>
	<text x="12" y="24" font-size="15">${escapeXml(title)}</text>${rows.join("")}
</svg>
`;
}

function escapeXml(text: string): string {
	return text
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;");
}
