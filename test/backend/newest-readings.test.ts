import assert from "node:assert/strict";
import { type Line, openLine } from "./line";
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

describe("newest readings", () => {
	let database: TestDatabase;
	let backend: TestBackend;
	let line: Line;
	before(async () => {
		database = await startDatabase();
		line = await openLine(database.server.port);
		const url = new URL(database.url);
		url.port = String(line.port);
		backend = await startBackend(environment(url.href));
	});
	beforeEach(() => database.pool.query("DELETE FROM organizations"));
	after(async () => {
		await backend?.stop();
		await line?.close();
		await database?.stop();
	});

	/** Seconds since each organization was heard, as /metrics tells. */
	async function ages(): Promise<Record<string, number>> {
		const { status, body } = await ask(`${backend.url}/metrics`);
		assert.equal(status, 200);
		const samples = body.matchAll(
			/^sensor_newest_reading_timestamp_seconds\{organization="([^"]*)"\} (\S+)$/gm,
		);
		return Object.fromEntries(
			[...samples].map(([, organization, at]) => [
				organization,
				Math.round(Date.now() / 1000 - Number(at)),
			]),
		);
	}

	/** Its unit was last heard so many minutes ago. */
	async function heard({ unitId }: Tenant, minutes: number): Promise<void> {
		await database.pool.query(
			"UPDATE units SET last_reading_at = now() - make_interval(mins => $2) WHERE id = $1",
			[unitId, minutes],
		);
	}

	it("are told by organization, and follow an uplink", async () => {
		const north = await createTenant(database.pool, "north");
		const south = await createTenant(database.pool, "south");
		await createTenant(database.pool, "never");
		await heard(north, 30);
		await heard(south, 2);
		const before = await ages();
		assert.deepEqual(Object.keys(before).sort(), ["north", "south"]);
		assert.ok(Math.abs((before.north ?? 0) - 1800) < 30, `${before.north}`);
		const { status } = await ask(`${backend.url}/api/webhooks/ttn`, {
			headers: { "x-api-key": north.secret },
			body: {
				end_device_ids: { dev_eui: north.devEui },
				uplink_message: { decoded_payload: { temperature: 3 } },
			},
		});
		assert.equal(status, 200);
		assert.ok(((await ages()).north ?? 99) < 30);
	});

	it("are told of nobody who left or was silent for a week", async () => {
		const gone = await createTenant(database.pool, "gone");
		const silent = await createTenant(database.pool, "silent");
		await heard(gone, 1);
		await heard(silent, 8 * 24 * 60);
		assert.deepEqual(Object.keys(await ages()), ["gone"]);
		await database.pool.query("UPDATE organizations SET deleted_at = now()");
		assert.deepEqual(await ages(), {});
	});

	it("are told of 500 at most: those silent longest", async () => {
		const tenant = await createTenant(database.pool, "template");
		await heard(tenant, 60 * 24);
		await database.pool.query(
			`WITH o AS (
				INSERT INTO organizations (name, slug)
				SELECT 'o', 'many-' || n FROM generate_series(1, 600) n RETURNING id
			), s AS (
				INSERT INTO sites (organization_id, name) SELECT id, 's' FROM o RETURNING id
			), a AS (
				INSERT INTO areas (site_id, name) SELECT id, 'a' FROM s RETURNING id
			)
			INSERT INTO units (area_id, name, unit_type, temp_max, temp_min, last_reading_at)
			SELECT id, 'u', 'fridge', 410, 300, now() FROM a`,
		);
		const told = await ages();
		assert.equal(Object.keys(told).length, 500);
		assert.ok("template" in told);
	});

	it("are missing, and nothing else is, while the database is away", async () => {
		await heard(await createTenant(database.pool, "north"), 1);
		line.cut();
		try {
			assert.deepEqual(await ages(), {});
			const { body } = await ask(`${backend.url}/metrics`);
			assert.match(body, /^logins_total\{result="success"\} /m);
		} finally {
			line.mend();
		}
	});
});
