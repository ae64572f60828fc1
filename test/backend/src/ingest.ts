import type pg from "pg";
import { ApiError } from "./errors";
import { fromCelsius } from "./temperature";
import { evaluateReading } from "./temperature-alert";
import { lockUnit } from "./unit";
import type { Measurement } from "./uplink";

/** A reading and what came of it. */
export interface Ingested {
	readingId: string;
	alertsTriggered: number;
	/** False when the same uplink had been stored before. */
	stored: boolean;
}

/**
 * Stores a measurement of one of the organization's devices and holds it
 * against the unit's limits. Runs inside the caller's transaction.
 * @throws ApiError 404 for a device that is not the organization's, 422 for a
 * measurement without temperature
 */
export async function ingest(
	database: pg.ClientBase,
	organizationId: string,
	measurement: Measurement,
): Promise<Ingested> {
	const device = await lockDevice(database, organizationId, measurement.devEui);
	if (measurement.temperature === undefined) {
		throw new ApiError(
			422,
			"NO_TEMPERATURE",
			"The decoded payload holds no temperature.",
		);
	}
	const repeated = await storedBefore(database, device.id, measurement);
	if (repeated !== undefined) {
		return { readingId: repeated, alertsTriggered: 0, stored: false };
	}
	const unit = await lockUnit(database, device.unitId);
	const temperature = fromCelsius(measurement.temperature, unit.tempUnit);
	const reading = await store(database, device, temperature, measurement);
	// A straggler belongs into the history; it says nothing about now.
	const newest =
		unit.lastReadingAt === null || reading.recordedAt >= unit.lastReadingAt;
	const alertsTriggered = newest
		? await evaluateReading(database, unit, temperature, reading.recordedAt)
		: 0;
	return { readingId: reading.id, alertsTriggered, stored: true };
}

interface Device {
	id: string;
	unitId: string;
}

/**
 * Finds the device by its sensor's EUI, else by its own, and locks it. Only by
 * its unit does a device belong to an organization, so one without is nobody's.
 */
async function lockDevice(
	database: pg.ClientBase,
	organizationId: string,
	devEui: string,
): Promise<Device> {
	const { rows } = await database.query<Device>(
		`SELECT devices.id, units.id AS "unitId"
		FROM devices
		JOIN units ON units.id = devices.unit_id AND units.is_active
		JOIN areas ON areas.id = units.area_id AND areas.is_active
		JOIN sites ON sites.id = areas.site_id AND sites.is_active
		WHERE devices.id = coalesce(
				(SELECT device_id FROM lora_sensors WHERE dev_eui = $1),
				(SELECT id FROM devices WHERE device_eui = $1))
			AND devices.is_active AND sites.organization_id = $2
		FOR UPDATE OF devices`,
		[devEui, organizationId],
	);
	const device = rows[0];
	if (device === undefined) {
		throw new ApiError(
			404,
			"UNKNOWN_DEVICE",
			`No sensor has the device EUI ${devEui}.`,
		);
	}
	return device;
}

/** The Things Stack repeats a delivery that it got no answer for: same sensor, same time. */
async function storedBefore(
	database: pg.ClientBase,
	deviceId: string,
	{ recordedAt }: Measurement,
): Promise<string | undefined> {
	if (recordedAt === undefined) {
		return undefined;
	}
	const { rows } = await database.query<{ id: string }>(
		`SELECT id FROM sensor_readings
		WHERE device_id = $1 AND recorded_at = $2::timestamptz(3)`,
		[deviceId, recordedAt],
	);
	return rows[0]?.id;
}

async function store(
	database: pg.ClientBase,
	device: Device,
	temperature: number,
	measurement: Measurement,
): Promise<{ id: string; recordedAt: Date }> {
	const { rows } = await database.query<{ id: string; recordedAt: Date }>(
		`INSERT INTO sensor_readings (
			unit_id, device_id, temperature, humidity, battery, signal_strength,
			raw_payload, recorded_at, source
		) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()), 'ttn')
		RETURNING id, recorded_at AS "recordedAt"`,
		[
			device.unitId,
			device.id,
			temperature,
			measurement.humidity,
			measurement.battery,
			measurement.signalStrength,
			measurement.rawPayload,
			measurement.recordedAt,
		],
	);
	await database.query(
		`UPDATE devices SET status = 'active', last_seen_at = now(), updated_at = now(),
			battery = coalesce($2, battery),
			signal_strength = coalesce($3, signal_strength)
		WHERE id = $1`,
		[device.id, measurement.battery, measurement.signalStrength],
	);
	const reading = rows[0];
	if (reading === undefined) {
		throw new Error("the insert returned no row");
	}
	return reading;
}
