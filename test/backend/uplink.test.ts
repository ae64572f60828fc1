import assert from "node:assert/strict";
import { fromCelsius, toTenths } from "./src/temperature";
import { measurementOf, uplinkSchema } from "./src/uplink";

const uplink = (message: object, more: object = {}) =>
	uplinkSchema.parse({
		end_device_ids: { device_id: "sensor-1", dev_eui: "70b3d57ed0000001" },
		uplink_message: message,
		...more,
	});

describe("uplink of The Things Stack", () => {
	it("gives the device EUI in upper case and the best signal", () => {
		const measurement = measurementOf(
			uplink({
				frm_payload: "AQID",
				received_at: "2026-05-01T10:00:00.123456789Z",
				decoded_payload: { temperature: 3.5, humidity: 61, battery: 87.6 },
				rx_metadata: [{ rssi: -110 }, { rssi: -71.4 }, {}],
			}),
		);
		assert.deepEqual(measurement, {
			devEui: "70B3D57ED0000001",
			temperature: 3.5,
			humidity: 61,
			battery: 88,
			signalStrength: -71,
			rawPayload: "AQID",
			recordedAt: "2026-05-01T10:00:00.123456789Z",
		});
	});

	it("takes a battery below 5 for volts, which nothing keeps", () => {
		const { battery } = measurementOf(
			uplink({ decoded_payload: { battery: 3.6 } }),
		);
		assert.equal(battery, undefined);
	});

	for (const field of ["temperature", "temp", "TempC_SHT"]) {
		it(`finds the temperature in ${field}`, () => {
			const { temperature } = measurementOf(
				uplink({ decoded_payload: { [field]: -18.25 } }),
			);
			assert.equal(temperature, -18.25);
		});
	}

	for (const value of ["3.5", null, 501, -501, true]) {
		it(`takes ${JSON.stringify(value)} for no temperature`, () => {
			const { temperature } = measurementOf(
				uplink({ decoded_payload: { temperature: value } }),
			);
			assert.equal(temperature, undefined);
		});
	}

	it("takes the outer time where the message has none", () => {
		const time = "2026-05-01T10:00:00Z";
		assert.equal(
			measurementOf(uplink({}, { received_at: time })).recordedAt,
			time,
		);
	});

	it("refuses what is no uplink", () => {
		for (const body of [
			{},
			{ end_device_ids: { dev_eui: "70B3" }, uplink_message: {} },
			{ end_device_ids: { dev_eui: "70B3D57ED0000001" } },
		]) {
			assert.equal(uplinkSchema.safeParse(body).success, false);
		}
	});
});

describe("stored temperature", () => {
	it("is in the unit's degrees to hundredths, from °C", () => {
		assert.equal(fromCelsius(3.5, "F"), 38.3);
		assert.equal(fromCelsius(-0.01, "F"), 31.98);
		assert.equal(fromCelsius(38.304, "C"), 38.3);
	});

	it("stands in whole tenths with units and alerts", () => {
		assert.equal(toTenths(38.25), 383);
		assert.equal(toTenths(-18.04), -180);
	});
});
