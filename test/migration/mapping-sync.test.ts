import assert from "node:assert/strict";
import {
	combine,
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import { freshtrack } from "../../migration/mapping/freshtrack";
import { compileMapping } from "../../migration/mapping/mapping";
import { countRejects } from "../../migration/mapping/rejects";
import { ensureUserMap } from "../../migration/users/map";
import { completeSource, createNewSchema } from "../freshtrack/full";
import { fillSource } from "../freshtrack/generate";
import { migrateHere } from "./cli";
import { emptyDatabase, emptySource, run, using } from "./databases";
import { type Pair, sessions } from "./mapping-support";

describe("a sync through a mapping", function () {
	this.timeout(120_000);
	let databases: Pair;
	let env: Record<string, string>;
	const sync = (...args: string[]) =>
		migrateHere(["sync", "--mapping", "freshtrack", ...args], env);
	const source = (sql: string) => run(databases.databases.source.url, sql);
	const target = (sql: string) => run(databases.databases.target.url, sql);

	before(async () => {
		const old = await emptySource();
		await using(old.superuserUrl, async (client) => {
			await fillSource(client, { hours: 5 });
			await completeSource(client);
		});
		const young = await emptyDatabase(17);
		await using(young.url, createNewSchema);
		databases = await sessions({ source: old, target: young });
		env = { SOURCE_DATABASE_URL: old.url, TARGET_DATABASE_URL: young.url };
	});
	after(() => databases.close());

	async function assertEqual(): Promise<void> {
		const { forward } = await compileMapping(freshtrack, databases, {
			users: true,
		});
		for (const route of forward.routes) {
			const into = ({ schema, name }: { schema: string; name: string }) =>
				`${schema}.${name}`;
			const same = forward.routes.filter(
				({ to }) => into(to) === into(route.to),
			);
			assert.deepEqual(
				await digestTable(databases.target, writtenSide(route)),
				combine(
					await Promise.all(
						same.map((one) => digestTable(databases.source, readSide(one))),
					),
				),
				route.label,
			);
		}
	}

	it("fills the new schema", async () => {
		const { exitCode, lines } = await sync();
		assert.equal(exitCode, 0);
		await assertEqual();
		assert.ok(
			lines.some((line) =>
				/^user_roles: \d+ rows rejected: role inspector has no counterpart$/.test(
					line,
				),
			),
		);
	});

	it("is proven only once a person has accepted every kind of row that stays behind", async () => {
		const verify = (...args: string[]) =>
			migrateHere(["verify", "--mapping", "freshtrack", ...args], env);
		const refused = await verify();
		assert.equal(refused.exitCode, 3);
		const differences = refused.json.differences as {
			kind: string;
			table: string;
			detail: string;
		}[];
		assert.deepEqual(
			[...new Set(differences.map(({ kind }) => kind))],
			["rejects"],
		);
		const reasons = await target(
			"SELECT DISTINCT from_table || ':' || reason AS accepted FROM cutover.reject",
		);
		const { exitCode } = await verify(
			...reasons.flatMap(({ accepted }) => ["--accept-rejects", accepted]),
		);
		assert.equal(exitCode, 0);
		await target(
			"UPDATE legacy.alarm_definitions SET slug = 'forged' WHERE slug = (SELECT min(slug) FROM legacy.alarm_definitions)",
		);
		const forged = await verify(
			...reasons.flatMap(({ accepted }) => ["--accept-rejects", accepted]),
		);
		assert.equal(forged.exitCode, 3);
		await source(
			"UPDATE alarm_definitions SET updated_at = now() WHERE slug = (SELECT min(slug) FROM alarm_definitions)",
		);
		await sync();
	});

	it("follows rows, their parents, what they look up, and users that get new ids", async () => {
		await source(`
			UPDATE units SET temp_limit_high = 40.55, name = 'Renamed' WHERE id = (SELECT min(id::text) FROM units)::uuid;
			UPDATE sites SET name = repeat('x', 300) WHERE id = (SELECT min(id::text) FROM sites)::uuid;
			UPDATE profiles SET organization_id = (SELECT id FROM organizations ORDER BY id LIMIT 1) WHERE organization_id IS NULL;
			UPDATE subscriptions SET sensor_limit = 77;
			UPDATE sensor_readings SET temperature = NULL WHERE id = (SELECT max(id::text) FROM sensor_readings)::uuid;
			DELETE FROM user_roles WHERE id IN (SELECT (row ->> 'id')::uuid FROM (SELECT to_jsonb(r) AS row FROM user_roles r WHERE role = 'admin' ORDER BY id LIMIT 1) x);
			UPDATE ttn_connections SET id = gen_random_uuid() WHERE id = (SELECT min(id::text) FROM ttn_connections)::uuid;
			DELETE FROM alerts WHERE id = (SELECT max(id::text) FROM alerts)::uuid;
			UPDATE profiles SET id = gen_random_uuid() WHERE user_id IN (SELECT resolved_by FROM alerts);
		`);
		const { exitCode } = await sync();
		assert.equal(exitCode, 0);
		await assertEqual();
		const gone = await target(
			"SELECT DISTINCT from_table, reason FROM cutover.reject WHERE reason LIKE '%parent' ORDER BY 1, 2",
		);
		assert.ok(
			gone.some(({ from_table }) => from_table === "sensor_readings"),
			"readings of a site that does not fit stay behind with it",
		);
		await source(
			"UPDATE sites SET name = 'Fits again' WHERE char_length(name) = 300",
		);
		await ensureUserMap(databases.target);
		await target(`
			INSERT INTO cutover.user_map (old_id, new_id, state)
			SELECT DISTINCT user_id, gen_random_uuid(), 'moved' FROM profiles WHERE organization_id IS NOT NULL
		`);
		await sync();
		await assertEqual();
		assert.deepEqual(
			await target(
				"SELECT reason FROM cutover.reject WHERE reason LIKE '%parent'",
			),
			[],
		);
		const [{ strangers }] = await target(
			"SELECT count(*)::int AS strangers FROM profiles p WHERE NOT EXISTS (SELECT FROM cutover.user_map m WHERE m.new_id = p.user_id)",
		);
		assert.equal(strangers, 0);
	});

	it("does not send again what hangs on a row that stays where it is", async () => {
		await source(
			"UPDATE subscriptions SET sensor_limit = 78; UPDATE units SET name = name || '!'; UPDATE lora_sensors SET last_seen_at = now()",
		);
		const { json } = await sync();
		const rowsWritten = json.rowsWritten as number;
		// Units, sensors and organizations with their archives, and no reading.
		assert.ok(rowsWritten > 100 && rowsWritten < 400, `${rowsWritten}`);
		await assertEqual();
	});

	it("goes back after the switch", async () => {
		assert.equal((await migrateHere(["freeze"], env)).exitCode, 0);
		assert.equal((await sync("--drain")).exitCode, 0);
		await assertEqual();
		assert.equal((await sync("--reverse")).exitCode, 0);
		assert.deepEqual(
			await source("SELECT FROM pg_namespace WHERE nspname = 'returned'"),
			[],
		);
		await target(`
			UPDATE units SET temp_max = 399 WHERE id = (SELECT min(id::text) FROM units)::uuid;
			INSERT INTO sensor_readings (id, unit_id, device_id, temperature, recorded_at)
			SELECT '00000000-0000-4000-8000-000000000001', d.unit_id, d.id, 36.61, '2026-06-01T00:00:00.123Z'
			FROM devices d JOIN lora_sensors s ON s.device_id = d.id WHERE d.unit_id IS NOT NULL ORDER BY d.id LIMIT 1;
			UPDATE devices SET name = 'Named anew' WHERE id = (SELECT min(device_id::text) FROM lora_sensors)::uuid;
			UPDATE devices SET last_seen_at = '2026-06-02Z', battery = 17;
			INSERT INTO stripe_events (event_id, event_type) VALUES ('evt_1', 'invoice.paid');
			DELETE FROM door_events WHERE id = (SELECT min(id::text) FROM door_events)::uuid;
		`);
		const before = await source("SELECT count(*)::int AS n FROM door_events");
		const here = { SOURCE_DATABASE_URL: env.TARGET_DATABASE_URL ?? "" };
		await migrateHere(["freeze"], here);
		const { exitCode, json, lines } = await sync("--reverse", "--drain");
		assert.equal(exitCode, 0);
		assert.deepEqual(json.withoutWayBack, [
			{ table: "stripe_events", rows: 1 },
		]);
		assert.deepEqual(json.rejected, []);
		assert.ok((json.rowsWritten as number) < 200, `${json.rowsWritten}`);
		assert.ok(
			lines.includes(
				"stripe_events: 1 rows have no place in the old system; they are in its schema returned",
			),
		);
		const [unit] = await source(
			"SELECT temp_limit_high::text AS high, temp_hysteresis::text AS hysteresis, created_at::text AS created FROM units WHERE id = (SELECT min(id::text) FROM units)::uuid",
		);
		assert.deepEqual(unit, {
			high: "39.90",
			hysteresis: "1.50",
			created: "2024-02-01 00:00:00.000001+00",
		});
		const [reading] = await source(
			"SELECT temperature::text AS t, lora_sensor_id IS NOT NULL AS sensor FROM sensor_readings WHERE id = '00000000-0000-4000-8000-000000000001'",
		);
		assert.deepEqual(reading, { t: "36.61", sensor: true });
		assert.equal(
			(await source("SELECT FROM lora_sensors WHERE name = 'Named anew'"))
				.length,
			1,
		);
		assert.equal(
			(await source("SELECT count(*)::int AS n FROM door_events"))[0].n,
			before[0].n - 1,
		);
		assert.deepEqual(await countRejects(databases.source, []), []);
	});
});
