import assert from "node:assert/strict";
import {
	ask,
	createTenant,
	environment,
	startBackend,
	startDatabase,
	type Tenant,
	type TestBackend,
	type TestDatabase,
} from "./support";

describe("POST /api/webhooks/ttn", () => {
	let database: TestDatabase;
	let backend: TestBackend;
	let tenant: Tenant;
	let other: Tenant;

	before(async () => {
		database = await startDatabase();
		backend = await startBackend(environment(database.url));
		other = await createTenant(database.pool, "other");
	});
	after(async () => {
		await backend?.stop();
		await database?.stop();
	});
	let count = 0;
	beforeEach(async () => {
		count += 1;
		tenant = await createTenant(database.pool, `tenant-${count}`);
	});

	const uplink = (devEui: string, payload: object, receivedAt?: string) => ({
		end_device_ids: { device_id: "sensor", dev_eui: devEui.toLowerCase() },
		uplink_message: {
			f_port: 2,
			decoded_payload: payload,
			received_at: receivedAt,
		},
	});
	const send = (body: unknown, headers: Record<string, string> = {}) =>
		ask(`${backend.url}/api/webhooks/ttn`, {
			body,
			headers: { "x-webhook-secret": tenant.secret, ...headers },
		});
	const celsius = (temperature: number, receivedAt?: string) =>
		send(uplink(tenant.devEui, { temperature }, receivedAt));
	const alerts = async () => {
		const { rows } = await database.pool.query(
			"SELECT severity, status, message, trigger_temperature AS tenths, threshold_violated AS violated FROM alerts WHERE unit_id = $1 ORDER BY triggered_at",
			[tenant.unitId],
		);
		return rows;
	};
	const unitStatus = async () => {
		const { rows } = await database.pool.query(
			"SELECT status, last_temperature AS tenths FROM units WHERE id = $1",
			[tenant.unitId],
		);
		return rows[0];
	};

	it("stores a reading in its unit's degrees and tells its id", async () => {
		const answer = await send(
			uplink(
				tenant.devEui,
				{ temperature: 3.5, humidity: 60.5 },
				"2026-05-01T10:00:00.123456Z",
			),
		);
		assert.equal(answer.status, 200);
		assert.equal(answer.body.success, true);
		assert.equal(answer.body.alertsTriggered, 0);
		const { rows } = await database.pool.query(
			`SELECT unit_id, device_id, temperature::float8, humidity::float8, source,
				recorded_at
			FROM sensor_readings WHERE id = $1`,
			[answer.body.readingId],
		);
		assert.deepEqual(rows, [
			{
				unit_id: tenant.unitId,
				device_id: tenant.deviceId,
				temperature: 38.3,
				humidity: 60.5,
				source: "ttn",
				// The schema cuts to the millisecond.
				recorded_at: new Date("2026-05-01T10:00:00.123Z"),
			},
		]);
	});

	it("keeps °C where the unit does", async () => {
		await database.pool.query(
			"UPDATE units SET temp_unit = 'C', temp_min = -10, temp_max = 50 WHERE id = $1",
			[tenant.unitId],
		);
		assert.equal((await celsius(4.96)).body.alertsTriggered, 0);
		assert.deepEqual(await unitStatus(), { status: "ok", tenths: 50 });
		assert.equal((await celsius(5.01)).body.alertsTriggered, 1);
		assert.equal(
			(await alerts())[0].message,
			"5.01 °C is above the limit of 5 °C.",
		);
	});

	it("finds a device that has no sensor's row by its own EUI", async () => {
		await database.pool.query("DELETE FROM lora_sensors WHERE device_id = $1", [
			tenant.deviceId,
		]);
		assert.equal((await celsius(3)).status, 200);
	});

	it("takes the secret as X-API-Key as well", async () => {
		const { status } = await ask(`${backend.url}/api/webhooks/ttn`, {
			body: uplink(tenant.devEui, { temp: 3 }),
			headers: { "x-api-key": tenant.secret },
		});
		assert.equal(status, 200);
	});

	it("refuses a missing, a wrong and a disabled secret", async () => {
		const body = uplink(tenant.devEui, { temperature: 3 });
		const missing = await ask(`${backend.url}/api/webhooks/ttn`, { body });
		assert.equal(missing.status, 401);
		const wrong = await send(body, { "x-webhook-secret": "guess" });
		assert.equal(wrong.status, 401);
		await database.pool.query(
			"UPDATE ttn_connections SET is_active = false WHERE organization_id = $1",
			[tenant.organizationId],
		);
		assert.equal((await send(body)).status, 401);
	});

	it("refuses a body that is no uplink, and says where", async () => {
		const answer = await send({ end_device_ids: { dev_eui: "70B3" } });
		assert.equal(answer.status, 400);
		assert.equal(answer.body.code, "INVALID_REQUEST");
		assert.match(answer.body.message, /dev_eui/);
	});

	it("does not know a device of nobody, of another organization, without unit or retired", async () => {
		const body = (devEui: string) => uplink(devEui, { temperature: 3 });
		assert.equal((await send(body("0".repeat(16)))).status, 404);
		assert.equal((await send(body(other.devEui))).status, 404);
		for (const change of [
			"unit_id = NULL",
			`unit_id = '${tenant.unitId}', is_active = false`,
		]) {
			await database.pool.query(
				`UPDATE devices SET ${change} WHERE id = '${tenant.deviceId}'`,
			);
			const answer = await send(body(tenant.devEui));
			assert.equal(answer.status, 404);
			assert.equal(answer.body.code, "UNKNOWN_DEVICE");
		}
	});

	it("refuses an uplink without temperature, and stores nothing", async () => {
		const answer = await send(uplink(tenant.devEui, { humidity: 50 }));
		assert.equal(answer.status, 422);
		assert.equal(answer.body.code, "NO_TEMPERATURE");
		const { rowCount } = await database.pool.query(
			"SELECT FROM sensor_readings WHERE unit_id = $1",
			[tenant.unitId],
		);
		assert.equal(rowCount, 0);
	});

	it("stores a repeated delivery once", async () => {
		const first = await celsius(48, "2026-05-01T10:00:00.123456789Z");
		const second = await celsius(48, "2026-05-01T10:00:00.123456789Z");
		assert.equal(second.status, 200);
		assert.equal(second.body.readingId, first.body.readingId);
		assert.equal(first.body.alertsTriggered, 1);
		assert.equal(second.body.alertsTriggered, 0);
	});

	it("raises, escalates and ends an alert", async () => {
		const warm = await celsius(48, "2026-05-01T10:00:00Z");
		assert.equal(warm.body.alertsTriggered, 1);
		assert.deepEqual(await alerts(), [
			{
				severity: "warning",
				status: "active",
				message: "118.4 °F is above the limit of 41 °F.",
				tenths: 1184,
				violated: "max",
			},
		]);
		assert.deepEqual(await unitStatus(), { status: "excursion", tenths: 1184 });

		const still = await celsius(40, "2026-05-01T10:10:00Z");
		assert.equal(still.body.alertsTriggered, 0);
		assert.equal((await alerts())[0].severity, "critical");
		assert.equal((await unitStatus()).status, "alarm_active");

		await celsius(3, "2026-05-01T10:20:00Z");
		assert.equal((await alerts())[0].status, "resolved");
		assert.equal((await unitStatus()).status, "ok");
	});

	it("obeys the nearest enabled rule: its limits, its time to confirm", async () => {
		await database.pool.query(
			`INSERT INTO alert_rules (organization_id, site_id, unit_id, name, alert_type, is_enabled, temp_max, delay_minutes)
			VALUES ($1, NULL, NULL, 'everywhere', 'alarm_active', true, 10, 5),
				($1, $2, NULL, 'here', 'alarm_active', true, 1000, 30),
				($1, $2, $3, 'off', 'alarm_active', false, 10, 1),
				($1, $2, $3, 'of another kind', 'low_battery', true, NULL, 1)`,
			[tenant.organizationId, tenant.siteId, tenant.unitId],
		);
		// 86 °F: above the unit's own limit, not the rule's.
		assert.equal(
			(await celsius(30, "2026-05-01T09:59:00Z")).body.alertsTriggered,
			0,
		);
		await celsius(48, "2026-05-01T10:00:00Z");
		await celsius(48, "2026-05-01T10:29:00Z");
		assert.equal((await alerts())[0].severity, "warning");
		await celsius(48, "2026-05-01T10:30:00Z");
		assert.equal((await alerts())[0].severity, "critical");
	});

	it("raises a new alert although an old one was never closed", async () => {
		await database.pool.query(
			`INSERT INTO alerts (unit_id, alert_type, severity, triggered_at)
			VALUES ($1, 'alarm_active', 'warning', '2026-04-01T00:00:00Z')`,
			[tenant.unitId],
		);
		const answer = await celsius(48);
		assert.equal(answer.body.alertsTriggered, 1);
	});

	it("keeps a straggler as history and judges nothing by it", async () => {
		await celsius(3, "2026-05-01T10:00:00Z");
		const late = await celsius(48, "2026-05-01T09:00:00Z");
		assert.equal(late.status, 200);
		assert.equal(late.body.alertsTriggered, 0);
		assert.deepEqual(await unitStatus(), { status: "ok", tenths: 374 });
	});

	it("raises one alert for simultaneous readings of a unit", async () => {
		const answers = await Promise.all(
			[40, 41, 42, 43, 44, 45].map((temperature, second) =>
				celsius(temperature, `2026-05-01T10:00:0${second}Z`),
			),
		);
		assert(answers.every(({ status }) => status === 200));
		assert.equal((await alerts()).length, 1);
	});
});
