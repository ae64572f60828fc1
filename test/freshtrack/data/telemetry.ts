import type { Row } from "./copy";
import type { Draw } from "./draw";
import { dailyHighs, hourlyTemperatures } from "./measurements";
import type { Person } from "./people";
import { type Places, type Sensor, type UnitType, upperLimit } from "./places";

const HOUR = 3_600_000;

/** °F at which a unit is kept. */
const SET_POINT: Record<UnitType, number> = {
	fridge: 36,
	freezer: -2,
	display_case: 37.5,
	walk_in_cooler: 35,
	walk_in_freezer: -5,
	blast_chiller: 3,
};

/**
 * One reading an hour and sensor. A unit follows the measured air around it: its
 * set point plus a quarter of the air's distance (in °F) from 52 °F, shifted by
 * the sensor's own hours, so that no two curves are the same.
 */
export function* readings(
	draw: Draw,
	places: Places,
	until: Date,
	hours = Number.POSITIVE_INFINITY,
): Generator<Row> {
	const air = hourlyTemperatures();
	const count = Math.min(hours, air.length);
	const first = until.getTime() - count * HOUR;
	for (const sensor of places.sensors) {
		const shift = draw.number(air.length, "shift", sensor.index);
		for (let hour = 0; hour < count; hour += 1) {
			const celsius = air[(hour + shift) % air.length] ?? 0;
			yield reading(
				draw,
				sensor,
				hour,
				first + hour * HOUR + sensor.index * 37_000,
				celsius,
			);
		}
	}
}

function reading(
	draw: Draw,
	sensor: Sensor,
	hour: number,
	time: number,
	celsius: number,
): Row {
	const fahrenheit =
		SET_POINT[sensor.unit.type] + (celsius * 1.8 + 32 - 52) / 4;
	const failed = hour % 701 === 700;
	const recorded = new Date(time).toISOString();
	return {
		id: draw.uuid("reading", sensor.index, hour),
		unit_id: sensor.unit.id,
		device_id: hour % 97 === 96 ? null : sensor.deviceId,
		lora_sensor_id: sensor.id,
		temperature: failed ? null : fahrenheit.toFixed(2),
		humidity:
			sensor.index % 2 === 0 ? (60 + (hour % 300) / 10).toFixed(2) : null,
		battery_level: 100 - Math.floor(hour / 300),
		battery_voltage: "3.600",
		door_open: hour % 53 === 0,
		signal_strength: -80 - (hour % 40),
		source: hour % 1000 === 999 ? "" : "ttn",
		f_port: 2,
		raw_payload_hex: Math.round(celsius * 100)
			.toString(16)
			.padStart(4, "0"),
		frm_payload_base64: null,
		// A number with a trailing zero: jsonb keeps it, a float would not.
		network_decoded_payload: failed
			? null
			: `{"temperature": ${celsius.toFixed(2)}}`,
		app_decoded_payload: null,
		decode_match: failed ? false : null,
		decode_mismatch_reason: failed ? "" : null,
		decoder_errors: failed ? '["no temperature", null]' : null,
		decoder_warnings: hour % 501 === 0 ? "null" : null,
		decoder_id: null,
		// Microseconds, which a millisecond clock would cut off.
		received_at: `${recorded.slice(0, -1)}${String(100 + (hour % 900))}Z`,
		recorded_at: recorded,
	};
}

export function* doorEvents(
	draw: Draw,
	places: Places,
	until: Date,
): Generator<Row> {
	for (const unit of places.units) {
		for (let index = 0; index < 200; index += 1) {
			yield {
				id: draw.uuid("door", unit.index, index),
				unit_id: unit.id,
				state: index % 2 === 0 ? "open" : "closed",
				source: "ttn",
				metadata: index % 3 === 0 ? {} : { battery: 2.9, seq: index },
				occurred_at: new Date(until.getTime() - index * 7 * HOUR).toISOString(),
				created_at: new Date(
					until.getTime() - index * 7 * HOUR + 1,
				).toISOString(),
			};
		}
	}
}

/** Thermometers read by hand: observed daily highs, as if indoors were a tenth of outdoors. */
export function* manualLogs(
	draw: Draw,
	places: Places,
	people: Person[],
	until: Date,
): Generator<Row> {
	const highs = dailyHighs();
	for (const [day, high] of highs.entries()) {
		const unit = places.units[day % places.units.length];
		if (!unit) continue;
		const temperature = SET_POINT[unit.type] + high / 10;
		const logged = new Date(
			until.getTime() - (highs.length - day) * 3 * HOUR,
		).toISOString();
		yield {
			id: draw.uuid("manual", day),
			unit_id: unit.id,
			temperature: temperature.toFixed(1),
			is_in_range:
				day % 41 === 40 ? null : temperature <= upperLimit(unit.type),
			logged_by: day % 19 === 18 ? null : people[day % 80]?.id,
			notes:
				day % 23 === 0 ? "" : day % 29 === 0 ? "überprüft ✅\tzweimal" : null,
			photo_url: null,
			logged_at: logged,
			created_at: logged,
		};
	}
}

/** Ids are an identity GENERATED ALWAYS, with the gaps of rolled-back transactions. */
export function* evaluations(
	draw: Draw,
	places: Places,
	until: Date,
): Generator<Row> {
	const values = [
		"1.0",
		"1.00",
		"-0.5",
		"0",
		"0.000",
		"1e-10",
		"123456789012345678901234567890.5",
		"NaN",
	];
	for (let index = 0; index < 4000; index += 1) {
		const sensor = places.sensors[index % places.sensors.length];
		if (!sensor) continue;
		const organization = sensor.unit.area.site.organization;
		yield {
			id: index * 3 + 10,
			org_id: organization.id,
			site_id: index % 4 === 0 ? null : sensor.unit.area.site.id,
			unit_id: sensor.unit.id,
			alarm_slug: "high-temperature-fridge",
			detection_tier: "tier_1",
			dev_eui: sensor.devEui,
			fired: index % 50 === 0,
			trigger_value: values[draw.number(values.length, "value", index)],
			threshold_max: "41.0",
			eval_detail:
				index % 5 === 0
					? null
					: `{"window": ${index % 60}, "mean": ${(index / 7).toFixed(3)}}`,
			eval_duration_ms: index % 30,
			created_at: new Date(until.getTime() - index * HOUR).toISOString(),
		};
	}
}
