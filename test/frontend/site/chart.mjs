import { linear, linePath, nearest, ticks } from "./scale.mjs";

const WIDTH = 720;
const HEIGHT = 300;
const MARGIN = { top: 12, right: 16, bottom: 28, left: 52 };
const INNER = {
	left: MARGIN.left,
	right: WIDTH - MARGIN.right,
	top: MARGIN.top,
	bottom: HEIGHT - MARGIN.bottom,
};

const day = new Intl.DateTimeFormat(undefined, {
	month: "short",
	day: "numeric",
	hour: "2-digit",
	minute: "2-digit",
});

function svg(tag, attributes = {}, text = undefined) {
	const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) {
		made.setAttribute(name, value);
	}
	if (text !== undefined) {
		made.textContent = text;
	}
	return made;
}

/**
 * Draws a unit's readings with its limits.
 * @param {Element} place emptied first
 * @param {{time: Date, value: number | null}[]} series oldest first, at least one value
 * @param {{high: number, low: number | null, unit: string, name: string}} unit in the same scale
 */
export function drawChart(place, series, unit) {
	const values = series.flatMap(({ value }) => value ?? []);
	const bounds = [
		...values,
		unit.high,
		...(unit.low === null ? [] : [unit.low]),
	];
	const least = Math.min(...bounds) - 1;
	const most = Math.max(...bounds) + 1;
	const times = series.map(({ time }) => time.getTime());
	const x = linear(times[0], times.at(-1), INNER.left, INNER.right);
	const y = linear(least, most, INNER.bottom, INNER.top);
	const points = series.map(({ time, value }) => ({
		x: x(time.getTime()),
		y: value === null ? null : y(value),
	}));

	const root = svg("svg", {
		viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
		role: "img",
		"aria-label": summary(series, values, unit),
	});
	drawAxes(root, { least, most, times, x, y });
	drawLimits(root, unit, y);
	root.append(svg("path", { d: linePath(points), class: "line" }));
	place.replaceChildren(root);
	followPointer(root, series, points, unit);
}

function summary(series, values, unit) {
	const f = (value) => `${value.toFixed(1)} ${unit.unit}`;
	return `${unit.name}: ${values.length} temperatures from ${day.format(series[0].time)} to ${day.format(series.at(-1).time)}, lowest ${f(Math.min(...values))}, highest ${f(Math.max(...values))}`;
}

function drawAxes(root, { least, most, times, x, y }) {
	for (const value of ticks(least, most)) {
		root.append(
			svg("line", {
				x1: INNER.left,
				x2: INNER.right,
				y1: y(value),
				y2: y(value),
				class: "grid",
			}),
			svg(
				"text",
				{ x: INNER.left - 8, y: y(value) + 4, class: "tick end" },
				String(value),
			),
		);
	}
	const spread = times.at(-1) - times[0];
	for (const [place, anchor] of [
		[0, "start"],
		[0.5, "middle"],
		[1, "end"],
	]) {
		const time = times[0] + spread * place;
		root.append(
			svg(
				"text",
				{ x: x(time), y: HEIGHT - 8, class: `tick ${anchor}` },
				day.format(new Date(time)),
			),
		);
	}
}

function drawLimits(root, { high, low }, y) {
	for (const [limit, label] of [
		[high, "upper limit"],
		[low, "lower limit"],
	]) {
		if (limit === null) {
			continue;
		}
		root.append(
			svg("line", {
				x1: INNER.left,
				x2: INNER.right,
				y1: y(limit),
				y2: y(limit),
				class: "limit",
			}),
			svg(
				"text",
				{ x: INNER.right, y: y(limit) - 5, class: "limit-label end" },
				label,
			),
		);
	}
}

/** Shows time and value of the reading under the pointer. */
function followPointer(root, series, points, unit) {
	const dot = svg("circle", { r: 4, class: "dot-mark", visibility: "hidden" });
	const label = svg("text", { class: "readout middle", y: INNER.top + 4 });
	root.append(dot, label);
	root.addEventListener("pointermove", (event) => {
		const box = root.getBoundingClientRect();
		const at = ((event.clientX - box.left) / box.width) * WIDTH;
		const index = nearest(points, at);
		const { value, time } = series[index];
		if (value === null) {
			return;
		}
		dot.setAttribute("cx", points[index].x);
		dot.setAttribute("cy", points[index].y);
		dot.setAttribute("visibility", "visible");
		const middle = Math.min(
			Math.max(points[index].x, INNER.left + 90),
			INNER.right - 90,
		);
		label.setAttribute("x", middle);
		label.textContent = `${day.format(time)}  ${value.toFixed(1)} ${unit.unit}`;
	});
	root.addEventListener("pointerleave", () => {
		dot.setAttribute("visibility", "hidden");
		label.textContent = "";
	});
}
