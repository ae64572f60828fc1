import { call } from "./api.mjs";
import { drawChart } from "./chart.mjs";
import { element, make } from "./page.mjs";
import { temperature } from "./temperature.mjs";

/** Rows of the table below the chart. */
const ROWS = 20;

const time = new Intl.DateTimeFormat(undefined, {
	dateStyle: "medium",
	timeStyle: "medium",
});

/** What is on show; an answer that comes after the next choice is dropped. */
let shown = {};

/** Shows a unit's newest readings and lets the user page back. */
export function showUnit(unit, fail) {
	const page = { unit, fail, nextBefore: null };
	shown = page;
	element("unit-title").textContent = unit.name;
	element("unit-place").textContent = `${unit.site}, ${unit.area}`;
	load(page);
}

async function load(page, before = null) {
	const search = new URLSearchParams({
		limit: document.querySelector("input[name=range]:checked").value,
	});
	if (before !== null) {
		search.set("before", before);
	}
	try {
		const answer = await call(`/api/units/${page.unit.id}/readings?${search}`);
		if (shown === page) {
			page.nextBefore = answer.nextBefore;
			element("older").disabled = answer.nextBefore === null;
			element("newest").disabled = before === null;
			draw(page, answer.readings);
		}
	} catch (error) {
		page.fail(error);
	}
}

function draw({ unit }, readings) {
	const series = readings
		.map((reading) => ({
			time: new Date(reading.recordedAt),
			value: reading.temperature,
		}))
		.reverse();
	const values = readings.map((reading) => reading.temperature);
	const figures = {
		Latest: readings[0]?.temperature ?? null,
		Lowest: values.length > 0 ? Math.min(...values) : null,
		Highest: values.length > 0 ? Math.max(...values) : null,
		"Upper limit": unit.limitHigh,
		"Lower limit": unit.limitLow,
	};
	element("figures").replaceChildren(
		...Object.entries(figures).map(([name, value]) =>
			make(
				"div",
				{},
				make("dt", {}, name),
				make("dd", {}, temperature(value, unit.tempUnit)),
			),
		),
	);
	if (values.length > 0) {
		drawChart(element("chart"), series, {
			name: unit.name,
			unit: `°${unit.tempUnit}`,
			high: unit.limitHigh,
			low: unit.limitLow,
		});
	} else {
		element("chart").replaceChildren(
			make("p", { class: "hint" }, "No readings yet."),
		);
	}
	element("rows").replaceChildren(
		...readings
			.slice(0, ROWS)
			.map((reading) =>
				make(
					"tr",
					{},
					make("td", {}, time.format(new Date(reading.recordedAt))),
					make("td", {}, temperature(reading.temperature, unit.tempUnit)),
					make(
						"td",
						{},
						reading.humidity === null
							? "–"
							: `${reading.humidity.toFixed(1)} %`,
					),
				),
			),
	);
}

element("range").addEventListener("change", () => load(shown));
element("older").addEventListener("click", () => load(shown, shown.nextBefore));
element("newest").addEventListener("click", () => load(shown));
