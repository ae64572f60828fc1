import assert from "node:assert/strict";
import { once } from "node:events";
import fastify from "fastify";
import { schedule } from "./src/schedule";
import { markSilentOffline } from "./src/sensor-cleanup";
import { createTenant, startDatabase, type TestDatabase } from "./support";

/** Fastify's logger that says nothing. */
const { log } = fastify();

describe("schedule", () => {
	it("runs at once, then each interval, and tells of each success", async () => {
		const successes: number[] = [];
		const third = new EventTarget();
		const plan = schedule(
			"job",
			1,
			async () => ({}),
			log,
			(at) => {
				successes.push(at);
				if (successes.length === 3) {
					third.dispatchEvent(new Event("reached"));
				}
			},
		);
		await once(third, "reached");
		await plan.stop();
		assert.equal(plan.lastSuccess, successes.at(-1));
		assert(successes.length >= 3);
	});

	it("goes on after a failure, never twice at a time, and ends its run at a stop", async () => {
		let running = 0;
		let runs = 0;
		let release: () => void = () => {};
		const fourth = new EventTarget();
		const plan = schedule(
			"job",
			1,
			async () => {
				runs += 1;
				running += 1;
				assert.equal(running, 1);
				if (runs === 4) {
					fourth.dispatchEvent(new Event("reached"));
					await new Promise<void>((resolve) => {
						release = resolve;
					});
				}
				running -= 1;
				throw new Error("no luck");
			},
			log,
			() => assert.fail("no run succeeded"),
		);
		await once(fourth, "reached");
		const stopped = plan.stop();
		release();
		await stopped;
		assert.equal(running, 0);
		assert.equal(runs, 4);
		assert.equal(plan.lastSuccess, undefined);
	});
});

describe("sensor clean-up", () => {
	let database: TestDatabase;
	before(async () => {
		database = await startDatabase();
	});
	after(() => database?.stop());

	it("marks silent devices and units offline", async () => {
		await createTenant(database.pool, "silent");
		const silentFor = async (minutes: number) => {
			await database.pool.query(
				"UPDATE devices SET status = 'active', last_seen_at = now() - make_interval(mins => $1)",
				[minutes],
			);
			await database.pool.query(
				"UPDATE units SET status = 'ok', last_reading_at = now() - make_interval(mins => $1)",
				[minutes],
			);
			return markSilentOffline(database.pool);
		};
		assert.deepEqual(await silentFor(24), { devices: 0, units: 0 });
		assert.deepEqual(await silentFor(26), { devices: 1, units: 1 });
		const again = await markSilentOffline(database.pool);
		assert.deepEqual(again, { devices: 0, units: 0 });
		const { rows } = await database.pool.query(
			"SELECT devices.status AS device, units.status AS unit FROM devices, units",
		);
		assert.deepEqual(rows, [{ device: "inactive", unit: "offline" }]);
	});

	it("leaves devices that never reported, or are retired, as they are", async () => {
		await database.pool.query(
			"UPDATE devices SET status = 'active', is_active = false, last_seen_at = '-infinity'",
		);
		const { deviceId } = await createTenant(database.pool, "new");
		await database.pool.query(
			"UPDATE devices SET status = 'active' WHERE id = $1",
			[deviceId],
		);
		const { devices } = await markSilentOffline(database.pool);
		assert.equal(devices, 0);
	});
});
