import { createHash } from "node:crypto";
import { array, type Row } from "./copy";
import type { Draw } from "./draw";
import type { Person } from "./people";
import { type Places, upperLimit } from "./places";

const HOUR = 3_600_000;
const CREATED = "2025-01-01T00:00:00Z";
const ALERTS = 1200;
const EVENTS = 5000;
const TYPES = [
	"alarm_active",
	"monitoring_interrupted",
	"missed_manual_entry",
	"low_battery",
	"sensor_fault",
	"door_open",
	"calibration_due",
	"suspected_cooling_failure",
	"temp_excursion",
];

/** Every fourth alert is correlated with a later one, so rows refer forward as well as back. */
export function* alerts(
	draw: Draw,
	places: Places,
	people: Person[],
	until: Date,
): Generator<Row> {
	for (let index = 0; index < ALERTS; index += 1) {
		const sensor = places.sensors[index % places.sensors.length];
		if (!sensor) continue;
		const { unit } = sensor;
		const status =
			["active", "acknowledged", "resolved", "resolved", "escalated"][
				index % 5
			] ?? "active";
		const triggered = new Date(
			until.getTime() - (ALERTS - index) * HOUR,
		).toISOString();
		const other =
			index % 4 === 0
				? (index + 17) % ALERTS
				: index % 4 === 1
					? index - 1
					: null;
		yield {
			id: draw.uuid("alert", index),
			organization_id: unit.area.site.organization.id,
			site_id: unit.area.site.id,
			area_id: unit.area.id,
			unit_id: unit.id,
			title: `${unit.name}: ${TYPES[index % TYPES.length]?.replaceAll("_", " ")}`,
			alert_type: TYPES[index % TYPES.length],
			severity: ["info", "warning", "critical"][index % 3],
			status,
			message:
				index % 6 === 0
					? ""
					: index % 6 === 1
						? null
						: "Température élevée – проверьте 冷蔵庫",
			metadata:
				index === 7
					? { dump: "é".repeat(50_000) }
					: { rule: index % 12, previous: null },
			escalation_level: status === "escalated" ? 2 : 0,
			escalation_steps_sent:
				status === "escalated" ? [{ step: 1, at: triggered }] : [],
			next_escalation_at: status === "escalated" ? "infinity" : null,
			correlated_with_alert_id:
				other === null ? null : draw.uuid("alert", other),
			temp_limit: upperLimit(unit.type).toFixed(2),
			temp_reading: (upperLimit(unit.type) + (index % 50) / 10).toFixed(2),
			sensor_dev_eui: sensor.devEui,
			triggered_by_device_id: sensor.deviceId,
			source: "system",
			triggered_at: triggered,
			first_active_at: index === 3 ? "-infinity" : triggered,
			acknowledged_at: status === "acknowledged" ? triggered : null,
			acknowledged_by:
				status === "acknowledged" ? people[index % 80]?.id : null,
			resolved_at: status === "resolved" ? triggered : null,
			resolved_by: status === "resolved" ? people[index % 90]?.id : null,
			created_at: triggered,
		};
	}
}

export function* correctiveActions(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (let index = 0; index < 300; index += 1) {
		const sensor = places.sensors[(index * 4) % places.sensors.length];
		if (!sensor) continue;
		yield {
			id: draw.uuid("action", index),
			unit_id: sensor.unit.id,
			alert_id: index % 8 === 7 ? null : draw.uuid("alert", index * 4),
			action_taken: 'Moved goods; "door" gasket replaced',
			created_by: people[index % 60]?.id,
			photo_urls: photos(index),
			root_cause: index % 2 === 0 ? "" : null,
			completed_at: CREATED,
			created_at: CREATED,
		};
	}
}

function photos(index: number): string | null {
	const base =
		"https://project.supabase.co/storage/v1/object/public/public-assets";
	if (index % 4 === 0) return null;
	if (index % 4 === 1) return "{}";
	return array([
		`${base}/a,${index}.jpg`,
		null,
		index % 4 === 2 ? "" : 'with "quotes" and \\ {braces}',
	]);
}

/** A chain of hashes an organization, as auditors check it; one entry carries over 100 kB. */
export function* eventLogs(
	draw: Draw,
	places: Places,
	people: Person[],
	until: Date,
): Generator<Row> {
	const last = new Map<string, string>();
	for (let index = 0; index < EVENTS; index += 1) {
		const unit = places.units[index % places.units.length];
		if (!unit) continue;
		const organization = unit.area.site.organization;
		const data =
			index === 11
				? {
						blob: "日本語 ".repeat(30_000),
						depth: { a: { b: { c: [1, null, "é"] } } },
					}
				: { unit: unit.name, value: index / 8, empty: {}, list: [] };
		const previous = last.get(organization.id) ?? null;
		const hash = createHash("sha256")
			.update(`${previous}${JSON.stringify(data)}`)
			.digest("hex");
		last.set(organization.id, hash);
		yield {
			id: draw.uuid("event", index),
			organization_id: organization.id,
			site_id: unit.area.site.id,
			area_id: index % 3 === 0 ? null : unit.area.id,
			unit_id: unit.id,
			title: index % 9 === 0 ? null : "Unit changed",
			event_type: ["unit.updated", "alert.created", "user.login"][index % 3],
			category: "system",
			severity: "info",
			actor_id: index % 4 === 0 ? null : people[index % people.length]?.id,
			actor_type: index % 4 === 0 ? "system" : "user",
			acting_user_id: index % 400 === 1 ? people[0]?.id : null,
			was_impersonated: index % 400 === 1,
			event_data: data,
			event_hash: hash,
			previous_hash: previous,
			ip_address: index % 5 === 0 ? "2001:db8::1" : "198.51.100.7",
			recorded_at: new Date(
				until.getTime() - (EVENTS - index) * 20 * 60_000,
			).toISOString(),
		};
	}
}

export function* adminAudit(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	const addresses = ["192.0.2.1", "2001:db8::/32", "10.1.2.3/8", null];
	for (let index = 0; index < 40; index += 1) {
		yield {
			id: draw.uuid("audit", index),
			action_type: "ORGANIZATION_VIEWED",
			actor_user_id: people[0]?.id,
			impersonated_user_id: index % 5 === 0 ? people[index]?.id : null,
			ip_address: addresses[index % addresses.length],
			target_id: draw.uuid("alert", index),
			target_type: "alert",
			target_organization_id:
				places.organizations[index % places.organizations.length]?.id,
			metadata: { index },
			created_at: CREATED,
		};
	}
}
