import assert from "node:assert/strict";
import { freshtrack } from "../../migration/mapping/freshtrack";
import { completeSource } from "../freshtrack/full";
import { fillSource, type KnownSource } from "../freshtrack/generate";
import { emptySource, newSystem, using } from "../migration/databases";
import {
	compiled,
	copyAll,
	type Pair,
	sessions,
} from "../migration/mapping-support";
import { startAuth, type TestAuth } from "./auth-support";
import { ask, environment, startBackend, type TestBackend } from "./support";

const PASSWORD = "correct horse battery";

/** The old system's data as the mapping brings it, and the new system at work on it. */
describe("the backend on data that came through the mapping", function () {
	this.timeout(60_000);
	let pair: Pair;
	let auth: TestAuth;
	let backend: TestBackend;
	let known: KnownSource;
	let token: string;

	before(async () => {
		const source = await emptySource();
		known = await using(source.superuserUrl, async (client) => {
			const filled = await fillSource(client, { hours: 30 });
			await completeSource(client);
			return filled.known;
		});
		pair = await sessions({ source, target: await newSystem() });
		auth = await startAuth();
		const [owner] = known.logIns;
		assert(owner);
		const userId = await auth.createUser(owner.email, PASSWORD);
		const mapping = await compiled(freshtrack, pair);
		for (const client of [pair.source, pair.target])
			await client.query(
				"INSERT INTO cutover.user_map (old_id, new_id, state) VALUES ($1, $2, 'moved')",
				[owner.userId, userId],
			);
		await copyAll(pair, mapping);
		backend = await startBackend(
			environment(pair.databases.target.url, auth.environment),
		);
		const { body } = await ask(`${backend.url}/api/auth/login`, {
			body: { email: owner.email, password: PASSWORD },
		});
		token = body.accessToken;
	});
	after(async () => {
		await backend?.stop();
		await auth?.service.close();
		await pair?.close();
	});

	const get = (path: string) =>
		ask(`${backend.url}${path}`, {
			headers: { authorization: `Bearer ${token}` },
		});
	/** A sensor of the logged-in user's organization. */
	const sensor = () => {
		const found = known.sensors.find(
			({ organizationId }) =>
				organizationId === known.logIns[0]?.organizationId,
		);
		assert(found);
		return found;
	};
	const uplink = (celsius: number) => {
		const { devEui, webhookSecret } = sensor();
		return ask(`${backend.url}/api/webhooks/ttn`, {
			headers: { "x-webhook-secret": webhookSecret },
			body: {
				end_device_ids: { dev_eui: devEui },
				uplink_message: {
					decoded_payload: { temperature: celsius },
					received_at: new Date().toISOString(),
				},
			},
		});
	};

	it("shows a migrated user organization, role, units and history", async () => {
		const me = await get("/api/me");
		assert.equal(me.status, 200);
		assert.equal(me.body.organizationId, known.logIns[0]?.organizationId);
		assert.deepEqual(me.body.roles, ["owner"]);
		const { units } = (await get("/api/units")).body;
		assert.equal(units.length, 8);
		const unit = units.find(({ id }: { id: string }) => id === sensor().unitId);
		assert.equal(unit.tempUnit, "F");
		assert([10, 41].includes(unit.limitHigh));
		const { readings } = (await get(`/api/units/${unit.id}/readings`)).body;
		assert.equal(readings.length, 30);
		assert.equal(readings[0].temperature, unit.lastTemperature);
		const { alerts } = (await get("/api/alerts")).body;
		assert.equal(alerts.length, 50);
	});

	it("takes uplinks of its sensors, and raises an alert that the user sees", async () => {
		// 5 °F: within the limits of fridges and freezers.
		assert.equal((await uplink(-15)).body.alertsTriggered, 0);
		const warm = await uplink(48);
		assert.equal(warm.status, 200);
		assert.equal(warm.body.alertsTriggered, 1);
		const { alerts } = (await get("/api/alerts?limit=1")).body;
		assert.equal(alerts[0].unitId, sensor().unitId);
		assert.equal(alerts[0].temperature, 118.4);
	});
});
