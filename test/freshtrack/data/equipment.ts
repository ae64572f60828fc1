import type { Row } from "./copy";
import type { Draw } from "./draw";
import type { Person } from "./people";
import { type Places, upperLimit } from "./places";

const CREATED = "2024-02-01T00:00:00.000001Z";
const UPDATED = "2026-04-01T12:00:00Z";
export const TTN_APPLICATION = "freshtrack-rehearsal";

export function* organizations(places: Places): Generator<Row> {
	for (const [index, organization] of places.organizations.entries()) {
		yield {
			id: organization.id,
			name: organization.name,
			slug: organization.slug,
			compliance_mode: index % 2 === 0 ? "standard" : "haccp",
			logo_url:
				index === 0
					? "https://project.supabase.co/storage/v1/object/public/public-assets/logo.png"
					: null,
			timezone: index % 2 === 0 ? "America/Los_Angeles" : "America/New_York",
			ttn_application_id: TTN_APPLICATION,
			ttn_application_created: true,
			ttn_webhook_configured: true,
			units_preference: index === 2 ? "metric" : "imperial",
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* sites(places: Places): Generator<Row> {
	for (const [index, site] of places.sites.entries()) {
		yield {
			id: site.id,
			organization_id: site.organization.id,
			name: site.name,
			address: index % 4 === 0 ? "" : `${index} Main St.\nSuite ${index}`,
			city: index % 2 === 0 ? "Seattle" : "New York",
			country: "US",
			is_active: true,
			latitude: index % 3 === 0 ? null : "47.60621000",
			longitude: index % 3 === 0 ? null : "-122.33207190",
			timezone: "America/Los_Angeles",
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* areas(places: Places): Generator<Row> {
	for (const [index, area] of places.areas.entries()) {
		yield {
			id: area.id,
			site_id: area.site.id,
			name: area.name,
			description: index % 2 === 0 ? "" : null,
			is_active: true,
			sort_order: index % 2,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* units(places: Places): Generator<Row> {
	for (const unit of places.units) {
		yield {
			id: unit.id,
			area_id: unit.area.id,
			name: unit.name,
			confirm_time_door_closed: 600,
			confirm_time_door_open: 1200,
			manual_log_cadence: 14_400,
			max_excursion_duration: 3600,
			is_active: true,
			make: unit.index % 3 === 0 ? null : "Kältewerk",
			model: unit.index % 3 === 0 ? "" : `K-${unit.index}`,
			notes:
				unit.index === 5 ? "literal \\N and \\. and a NUL-free tail\r\n" : null,
			status: "ok",
			temp_hysteresis: "1.50",
			temp_limit_high: upperLimit(unit.type),
			temp_limit_low: unit.index % 2 === 0 ? "-0.50" : null,
			unit_type: unit.type,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* hubs(draw: Draw, places: Places): Generator<Row> {
	for (const [index, site] of places.sites.entries()) {
		yield {
			id: draw.uuid("hub", site.id),
			site_id: site.id,
			name: `Hub ${site.name}`,
			ip_address: `10.0.${index}.2`,
			is_online: index % 4 !== 0,
			last_seen_at: index % 4 === 0 ? "-infinity" : UPDATED,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* devices(draw: Draw, places: Places): Generator<Row> {
	for (const sensor of places.sensors) {
		const site = sensor.unit.area.site;
		yield {
			id: sensor.deviceId,
			organization_id: site.organization.id,
			unit_id: sensor.unit.id,
			hub_id: draw.uuid("hub", site.id),
			serial_number: `SN-${sensor.devEui}`,
			battery_level: 60 + (sensor.index % 40),
			// numeric without a scale keeps the zeros it was given
			battery_voltage: ["3.6", "3.60", "3.600", "0", "0.00", "NaN"][
				sensor.index % 6
			],
			calibration_offset: sensor.index % 5 === 0 ? "-0.25" : "0.00",
			status: sensor.index % 10 === 0 ? "low_battery" : "active",
			transmit_interval: 3600,
			last_seen_at: UPDATED,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* gateways(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (const [index, site] of places.sites.entries()) {
		yield {
			id: draw.uuid("gateway", site.id),
			organization_id: site.organization.id,
			site_id: site.id,
			name: `Gateway ${site.name}`,
			created_by: people[index % 8]?.id,
			gateway_eui: `0016C001${draw.hex(8, "gateway-eui", index)}`,
			provisioning_state: "completed",
			signal_quality: index % 3 === 0 ? null : { rssi: -90 - index, snr: 7.5 },
			status: "online",
			ttn_gateway_id: `gateway-${index}`,
			last_seen_at: UPDATED,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

export function* loraSensors(
	draw: Draw,
	places: Places,
	people: Person[],
	catalog: string[],
): Generator<Row> {
	for (const sensor of places.sensors) {
		const site = sensor.unit.area.site;
		yield {
			id: sensor.id,
			organization_id: site.organization.id,
			site_id: site.id,
			unit_id: sensor.unit.id,
			name: `Sensor ${sensor.unit.name}`,
			dev_eui: sensor.devEui,
			app_eui: draw.hex(16, "app-eui", sensor.index),
			app_key: draw.hex(32, "app-key", sensor.index),
			battery_voltage: "3.601",
			created_by: people[sensor.index % 8]?.id,
			is_primary: true,
			provisioning_state: "provisioned",
			sensor_catalog_id: draw.pick(catalog, "catalog", sensor.index),
			sensor_type: "temperature_humidity",
			status: "active",
			ttn_application_id: TTN_APPLICATION,
			ttn_cluster: "nam1",
			ttn_device_id: `sensor-${sensor.devEui.toLowerCase()}`,
			last_seen_at: UPDATED,
			created_at: CREATED,
			updated_at: UPDATED,
			deleted_at: null,
			deleted_by: null,
		};
	}
	// Archived: an update or a repeated load of these rows must queue nothing.
	for (let index = 0; index < 3; index += 1) {
		yield {
			id: draw.uuid("archived sensor", index),
			organization_id: places.organizations[index]?.id,
			name: `Retired ${index}`,
			dev_eui: `70B3D5${draw.hex(10, "retired", index)}`,
			is_primary: false,
			provisioning_state: "removed",
			sensor_type: "door",
			status: "offline",
			created_at: CREATED,
			updated_at: UPDATED,
			deleted_at: "2025-12-24T00:00:00Z",
			deleted_by: people[index]?.id,
		};
	}
}

export function* ttnConnections(
	draw: Draw,
	places: Places,
	people: Person[],
): Generator<Row> {
	for (const [index, organization] of places.organizations.entries()) {
		yield {
			id: draw.uuid("ttn", organization.id),
			organization_id: organization.id,
			is_enabled: true,
			ttn_region: "nam1",
			ttn_application_id: TTN_APPLICATION,
			ttn_webhook_id: organization.slug,
			webhook_secret: webhookSecret(draw, organization.id),
			ttn_webhook_events: "{uplink_message,join_accept}",
			provisioning_status: "completed",
			provisioning_attempt_count: 1,
			provisioning_step_details:
				index % 2 === 0 ? null : { steps: ["application", "key", "webhook"] },
			ttn_api_key_last4: "abcd",
			ttn_gateway_api_key_last4: index % 2 === 0 ? "ab  " : "",
			created_by: people[index]?.id,
			updated_by: null,
			created_at: CREATED,
			updated_at: UPDATED,
		};
	}
}

/** The secret that an organization's TTN webhook sends. */
export function webhookSecret(draw: Draw, organizationId: string): string {
	return draw.hex(32, "webhook-secret", organizationId).toLowerCase();
}
