import assert from "node:assert/strict";
import { toStored } from "./src/temperature";
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
				f_port: 2,
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
			batteryLevel: 88,
			batteryVoltage: undefined,
			signalStrength: -71,
			fPort: 2,
			payload: { temperature: 3.5, humidity: 61, battery: 87.6 },
			rawPayload: "AQID",
			recordedAt: "2026-05-01T10:00:00.123456789Z",
		});
	});

	it("takes a battery of up to 5 for volts", () => {
		const measurement = measurementOf(
			uplink({ decoded_payload: { battery: 3.6 } }),
		);
		assert.equal(measurement.batteryVoltage, 3.6);
		assert.equal(measurement.batteryLevel, undefined);
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
	it("is °F to hundredths, from °C unless the sensor gives °F", () => {
		assert.equal(toStored(3.5, "C"), 38.3);
		assert.equal(toStored(-0.01, "C"), 31.98);
		assert.equal(toStored(38.304, "F"), 38.3);
	});
});
