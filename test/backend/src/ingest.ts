import type pg from "pg";
import { ApiError } from "./errors";
import { toStored } from "./temperature";
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
 * Stores a measurement of one of the organization's sensors and holds it
 * against the unit's limits. Runs inside the caller's transaction.
 * @throws ApiError 404 for a device that is not the organization's, 422 for a
 * measurement without temperature, 409 for a sensor without unit
 */
export async function ingest(
	database: pg.ClientBase,
	organizationId: string,
	measurement: Measurement,
): Promise<Ingested> {
	const { devEui } = measurement;
	const sensor = await lockSensor(database, organizationId, devEui);
	if (measurement.temperature === undefined) {
		throw new ApiError(
			422,
			"NO_TEMPERATURE",
			"The decoded payload holds no temperature.",
		);
	}
	if (sensor.unitId === null) {
		throw new ApiError(
			409,
			"SENSOR_NOT_ASSIGNED",
			`The sensor ${devEui} is not assigned to a unit.`,
		);
	}
	const repeated = await storedBefore(database, sensor.id, measurement);
	if (repeated !== undefined) {
		return { readingId: repeated, alertsTriggered: 0, stored: false };
	}
	const temperature = toStored(measurement.temperature, sensor.temperatureUnit);
	const unit = await lockUnit(database, sensor.unitId);
	const reading = await store(
		database,
		sensor.id,
		unit.id,
		temperature,
		measurement,
	);
	// A straggler belongs into the history; it says nothing about now.
	const newest =
		unit.lastReadingAt === null || reading.recordedAt >= unit.lastReadingAt;
	const alertsTriggered = newest
		? await evaluateReading(
				database,
				unit,
				devEui,
				temperature,
				reading.recordedAt,
			)
		: 0;
	return { readingId: reading.id, alertsTriggered, stored: true };
}

interface Sensor {
	id: string;
	unitId: string | null;
	temperatureUnit: string;
}

async function lockSensor(
	database: pg.ClientBase,
	organizationId: string,
	devEui: string,
): Promise<Sensor> {
	const { rows } = await database.query<Sensor>(
		`SELECT lora_sensors.id, lora_sensors.unit_id AS "unitId",
			coalesce(sensor_catalog.temperature_unit, 'C') AS "temperatureUnit"
		FROM lora_sensors
		LEFT JOIN sensor_catalog ON sensor_catalog.id = lora_sensors.sensor_catalog_id
		WHERE lora_sensors.dev_eui = $1 AND lora_sensors.organization_id = $2
			AND lora_sensors.deleted_at IS NULL
		FOR UPDATE OF lora_sensors`,
		[devEui, organizationId],
	);
	const sensor = rows[0];
	if (sensor === undefined) {
		throw new ApiError(
			404,
			"UNKNOWN_DEVICE",
			`No sensor has the device EUI ${devEui}.`,
		);
	}
	return sensor;
}

/** The Things Stack repeats a delivery that it got no answer for: same sensor, same time. */
async function storedBefore(
	database: pg.ClientBase,
	sensorId: string,
	{ recordedAt }: Measurement,
): Promise<string | undefined> {
	if (recordedAt === undefined) {
		return undefined;
	}
	const { rows } = await database.query<{ id: string }>(
		`SELECT id FROM sensor_readings
		WHERE lora_sensor_id = $1 AND recorded_at = $2`,
		[sensorId, recordedAt],
	);
	return rows[0]?.id;
}

async function store(
	database: pg.ClientBase,
	sensorId: string,
	unitId: string,
	temperature: number,
	measurement: Measurement,
): Promise<{ id: string; recordedAt: Date }> {
	const { rows } = await database.query<{ id: string; recordedAt: Date }>(
		`INSERT INTO sensor_readings (
			unit_id, lora_sensor_id, temperature, humidity, battery_level,
			battery_voltage, signal_strength, f_port, frm_payload_base64,
			network_decoded_payload, recorded_at, source
		) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, now()), 'ttn')
		RETURNING id, recorded_at AS "recordedAt"`,
		[
			unitId,
			sensorId,
			temperature,
			measurement.humidity,
			measurement.batteryLevel,
			measurement.batteryVoltage,
			measurement.signalStrength,
			measurement.fPort,
			measurement.rawPayload,
			JSON.stringify(measurement.payload),
			measurement.recordedAt,
		],
	);
	await database.query(
		`UPDATE lora_sensors SET status = 'active', last_seen_at = now(), updated_at = now(),
			battery_level = coalesce($2, battery_level),
			battery_voltage = coalesce($3, battery_voltage),
			signal_strength = coalesce($4, signal_strength)
		WHERE id = $1`,
		[
			sensorId,
			measurement.batteryLevel,
			measurement.batteryVoltage,
			measurement.signalStrength,
		],
	);
	const reading = rows[0];
	if (reading === undefined) {
		throw new Error("the insert returned no row");
	}
	return reading;
}
