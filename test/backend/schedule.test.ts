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

	it("marks silent sensors and units offline, by the organization's rule", async () => {
		const tenant = await createTenant(database.pool, "silent");
		const patient = await createTenant(database.pool, "patient");
		await database.pool.query(
			`INSERT INTO alert_rules (organization_id, expected_reading_interval_seconds, offline_critical_missed_checkins)
			VALUES ($1, 3600, 2)`,
			[patient.organizationId],
		);
		const silentFor = async (minutes: number) => {
			await database.pool.query(
				"UPDATE lora_sensors SET status = 'active', last_seen_at = now() - make_interval(mins => $1)",
				[minutes],
			);
			await database.pool.query(
				"UPDATE units SET status = 'ok', last_reading_at = now() - make_interval(mins => $1)",
				[minutes],
			);
		};
		const offline = async () => {
			const { rows } = await database.pool.query(
				"SELECT unit_id FROM lora_sensors WHERE status = 'offline' ORDER BY unit_id = $1",
				[patient.unitId],
			);
			return rows.map(({ unit_id }) => unit_id);
		};

		await silentFor(24);
		assert.deepEqual(await markSilentOffline(database.pool), {
			sensors: 0,
			units: 0,
		});
		await silentFor(26);
		assert.deepEqual(await markSilentOffline(database.pool), {
			sensors: 1,
			units: 1,
		});
		assert.deepEqual(await offline(), [tenant.unitId]);
		assert.deepEqual(await markSilentOffline(database.pool), {
			sensors: 0,
			units: 0,
		});
		await silentFor(121);
		assert.deepEqual(await markSilentOffline(database.pool), {
			sensors: 2,
			units: 2,
		});
	});

	it("leaves sensors that never reported as they are", async () => {
		await createTenant(database.pool, "new");
		const { sensors } = await markSilentOffline(database.pool);
		assert.equal(sensors, 0);
	});
});
