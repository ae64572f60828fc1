import { call } from "./api.mjs";
import { element, make } from "./page.mjs";
import { temperature } from "./temperature.mjs";
import { showUnit } from "./unit.mjs";

const STATUS = {
	ok: "in range",
	excursion: "out of range",
	alarm_active: "alarm",
	monitoring_interrupted: "interrupted",
	manual_required: "manual log due",
	restoring: "restoring",
	offline: "offline",
};

const ALERT = {
	alarm_active: "temperature out of range",
	monitoring_interrupted: "monitoring interrupted",
	missed_manual_entry: "manual log missed",
	low_battery: "battery low",
	sensor_fault: "sensor fault",
	door_open: "door open",
	calibration_due: "calibration due",
};

const time = new Intl.DateTimeFormat(undefined, {
	dateStyle: "medium",
	timeStyle: "short",
});

/**
 * Shows the logged-in user's organization: units, one unit's history, alerts.
 * @param {(error: Error) => void} fail told of what goes wrong later, on a click
 */
export async function showDashboard(fail) {
	const [me, { units }, { alerts }] = await Promise.all([
		call("/api/me"),
		call("/api/units"),
		call("/api/alerts?limit=8"),
	]);
	element("who").textContent = me.fullName ?? me.email;
	element("account").hidden = false;
	element("organization").textContent =
		me.organizationName ?? "No organization";
	showUnits(units, fail);
	showAlerts(alerts);
	element("dashboard").hidden = false;
}

function showUnits(units, fail) {
	const groups = Map.groupBy(units, ({ site }) => site);
	const parts = [...groups].flatMap(([site, members]) => [
		make("h3", {}, site),
		make(
			"ul",
			{ class: "units" },
			...members.map((unit) => make("li", {}, unitButton(unit, fail))),
		),
	]);
	element("units").replaceChildren(
		...(parts.length > 0 ? parts : [make("p", {}, "No units yet.")]),
	);
	// The first with a reading: something to look at.
	const first = units.find(({ lastReadingAt }) => lastReadingAt) ?? units[0];
	element("unit").hidden = first === undefined;
	if (first) {
		select(first, fail);
	}
}

function unitButton(unit, fail) {
	const button = make(
		"button",
		{ type: "button", class: "unit", "data-id": unit.id },
		make("span", { class: "unit-name" }, unit.name),
		make(
			"span",
			{ class: "unit-value" },
			temperature(unit.lastTemperature, unit.tempUnit),
		),
		make("span", { class: "hint" }, unit.area),
		make(
			"span",
			{ class: `badge ${unit.status}` },
			STATUS[unit.status] ?? unit.status,
		),
	);
	button.addEventListener("click", () => {
		select(unit, fail);
		element("unit-title").focus();
	});
	return button;
}

function select(unit, fail) {
	for (const button of document.querySelectorAll("button.unit")) {
		button.setAttribute("aria-pressed", button.dataset.id === unit.id);
	}
	showUnit(unit, fail);
}

function showAlerts(alerts) {
	const items = alerts.map((alert) =>
		make(
			"li",
			{},
			make("span", { class: `badge ${alert.severity}` }, alert.severity),
			make("strong", {}, `${alert.unit}: ${ALERT[alert.alertType]}`),
			make(
				"span",
				{ class: "hint" },
				`${temperature(alert.temperature, alert.tempUnit)} · ${alert.status} · ${time.format(new Date(alert.triggeredAt))}`,
			),
		),
	);
	element("alerts").replaceChildren(
		...(items.length > 0 ? items : [make("li", {}, "None.")]),
	);
}
