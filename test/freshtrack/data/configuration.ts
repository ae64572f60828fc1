import { array, type Row } from "./copy";
import type { Draw } from "./draw";
import type { Person } from "./people";
import type { Places } from "./places";

const CREATED = "2025-01-01T00:00:00Z";

export function* alertRules(draw: Draw, places: Places): Generator<Row> {
	for (const [index, unit] of places.units.entries()) {
		const organization = unit.area.site.organization;
		yield {
			id: draw.uuid("rule", index),
			organization_id: index % 4 === 0 ? organization.id : null,
			site_id: index % 4 === 1 ? unit.area.site.id : null,
			unit_id: index % 4 > 1 ? unit.id : null,
			offline_trigger_multiplier: ["2.0", "2.5", null][index % 3],
			manual_interval_minutes: index % 2 === 0 ? 240 : null,
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}

export function* notificationPolicies(
	draw: Draw,
	places: Places,
): Generator<Row> {
	for (const [index, organization] of places.organizations.entries()) {
		yield {
			id: draw.uuid("policy", index),
			organization_id: organization.id,
			alert_type: "temp_excursion",
			initial_channels: index % 2 === 0 ? array(["EMAIL", "SMS"]) : "{}",
			notify_roles: index % 3 === 0 ? array(["owner", null, "manager"]) : null,
			escalation_steps: [
				{ delay_minutes: 15, channels: ["SMS"], contact: null },
			],
			allow_warning_notifications: true,
			quiet_hours_enabled: true,
			quiet_hours_start_local: "21:30:00.123456",
			quiet_hours_end_local: "00:00:00",
			reminders_enabled: false,
			requires_ack: true,
			send_resolved_notifications: true,
			severity_threshold: "WARNING",
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}

export function* escalationContacts(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (const [index, organization] of places.organizations.entries()) {
		yield {
			id: draw.uuid("contact", index),
			organization_id: organization.id,
			name: `Night shift ${organization.name}`,
			email: index % 2 === 0 ? null : "",
			phone: `+1555${7_000_000 + index}`,
			user_id: index % 3 === 0 ? people[index]?.id : null,
			priority: index,
			is_active: true,
			notification_channels: "{sms}",
			created_at: CREATED,
		};
	}
}

export function* inspectorSessions(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (const [index, organization] of places.organizations.entries()) {
		const sites = places.sites
			.filter((site) => site.organization === organization)
			.map((site) => site.id);
		yield {
			id: draw.uuid("inspection", index),
			organization_id: organization.id,
			created_by: people[index]?.id,
			allowed_site_ids:
				index % 4 === 0
					? null
					: array(index % 4 === 1 ? [...sites, null] : sites),
			token: draw.hex(64, "inspection token", index).toLowerCase(),
			expires_at: index % 3 === 0 ? "infinity" : "2027-01-01T00:00:00Z",
			is_active: true,
			created_at: CREATED,
		};
	}
}

export function* dashboardLayouts(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (let index = 0; index < 60; index += 1) {
		const unit = places.units[index % places.units.length];
		const person = people[index];
		if (!unit || !person) continue;
		yield {
			id: draw.uuid("layout", index),
			organization_id: unit.area.site.organization.id,
			user_id: person.id,
			unit_id: unit.id,
			name: index % 10 === 0 ? "" : `Übersicht ${index}`,
			// Exact numbers, a repeated key's order and JSON's own null.
			layout_json:
				'{"z": 1.10, "a": 12345678901234567890, "m": null, "widgets": [{"x": 0, "y": 1e2}]}',
			timeline_state_json: index % 2 === 0 ? "null" : null,
			widget_prefs_json: "{}",
			shared_with_roles:
				index % 3 === 0 ? array(["manager", null, "staff"]) : "{}",
			is_user_default: index % 2 === 0,
			visibility: "private",
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}

export function* deprovisionJobs(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (let index = 0; index < 3; index += 1) {
		yield {
			id: draw.uuid("deprovision", index),
			organization_id: places.organizations[index]?.id,
			sensor_id: draw.uuid("archived sensor", index),
			sensor_name: `Retired ${index}`,
			dev_eui: `70B3D5${draw.hex(10, "retired", index)}`,
			reason: "SENSOR_ARCHIVED",
			status: "SUCCEEDED",
			attempts: 1,
			max_attempts: 5,
			ttn_application_id: "freshtrack-rehearsal",
			created_by: people[index]?.id,
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}

export function* userSyncLog(draw: Draw, people: Person[]): Generator<Row> {
	for (const person of people.slice(0, 100)) {
		yield {
			id: draw.uuid("sync", person.id),
			user_id: person.id,
			event_type: "user.insert",
			payload: { user_id: person.id, email: person.email },
			status: "sent",
			attempts: 1,
			sent_at: CREATED,
			created_at: CREATED,
		};
	}
}

/** Definitions and models that customers added to the seeded ones. */
export function* ownAlarmDefinitions(draw: Draw): Generator<Row> {
	for (let index = 0; index < 4; index += 1) {
		yield {
			id: draw.uuid("alarm", index),
			slug: `custom-${index}`,
			display_name: `Custom ${index}`,
			description: "Made by a customer",
			category: "temperature",
			subcategory: "limit",
			severity: "warning",
			detection_tier: "tier_1",
			confidence_level: "high",
			applicable_sensor_types: "{temperature,humidity}",
			applicable_unit_types: "{}",
			required_sensors: "temperature",
			what_we_observe: "",
			threshold_max: ["41", "41.0", "41.000", null][index],
			is_system: false,
			tags: array(["a,b", null, 'c"d']),
			sort_order: 1000 + index,
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}
