import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import {
	combine,
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import {
	checkMapping,
	checkMappingAndUsers,
} from "../../migration/mapping/check";
import { labelOf } from "../../migration/mapping/compile";
import { freshtrack } from "../../migration/mapping/freshtrack";
import type { CompiledMapping } from "../../migration/mapping/mapping";
import { countRejects } from "../../migration/mapping/rejects";
import { completeSource, createNewSchema } from "../freshtrack/full";
import { fillSource } from "../freshtrack/generate";
import { migrateHere, withDirectory } from "./cli";
import { emptyDatabase, emptySource, using } from "./databases";
import {
	compiled,
	copyAll,
	mergeAll,
	type Pair,
	sessions,
} from "./mapping-support";

/** Facts of the product, where this checkout has them at hand. */
const FACTS =
	process.env.CUTOVER_FRESHTRACK ??
	join(__dirname, "..", "..", "..", "shared", "freshtrack");

describe("FreshTrack's mapping", function () {
	this.timeout(120_000);
	let databases: Pair;
	let made: CompiledMapping;

	before(async () => {
		const source = await emptySource();
		await using(source.superuserUrl, async (client) => {
			await fillSource(client, { hours: 30 });
			await completeSource(client);
			// The sensor sent no temperature.
			await client.query(
				"UPDATE public.sensor_readings SET temperature = NULL WHERE id IN (SELECT id FROM public.sensor_readings ORDER BY id LIMIT 5)",
			);
		});
		const target = await emptyDatabase(17);
		await using(target.url, createNewSchema);
		databases = await sessions({ source, target });
	});
	after(() => databases.close());

	it("decides on all tables and columns of both sides, and every statement of it can run", async () => {
		const check = await checkMapping(freshtrack, databases);
		assert.deepEqual(check.problems, []);
		assert.equal(check.undecided, "");
		assert.deepEqual(
			check.exported.map(({ table }) => table),
			[
				"pairing_sessions",
				"partition_retention_overrides",
				"reading_metrics",
				"sensor_readings_old",
				"sms_configs",
				"stripe_events",
			],
		);
	});

	it("names all columns that hold user ids: one that it forgot would be found", async () => {
		const forgetful = {
			...freshtrack,
			userColumns: freshtrack.userColumns?.filter(
				(name) => name !== "sms_alert_log.user_id",
			),
		};
		const { undecided } = await checkMappingAndUsers(forgetful, databases);
		assert.equal(undecided, '// userColumns\n"sms_alert_log.user_id",');
	});

	it("is found by its name on the command line, and in the bundle that the image runs", async () => {
		const env = {
			SOURCE_DATABASE_URL: databases.databases.source.url,
			TARGET_DATABASE_URL: databases.databases.target.url,
		};
		const { exitCode, json } = await migrateHere(
			["probe", "--mapping", "freshtrack"],
			env,
		);
		assert.equal(exitCode, 0);
		assert.deepEqual(json.problems, []);
		assert.deepEqual(json.undecided, []);
		await withDirectory(async (directory) => {
			const bundle = join(directory, "migrate.js");
			await build({
				entryPoints: [join(__dirname, "../../migration/cli.ts")],
				bundle: true,
				platform: "node",
				target: "node20",
				external: ["pg-native"],
				logLevel: "silent",
				outfile: bundle,
			});
			const run = async (name: string) =>
				promisify(execFile)(
					process.execPath,
					[bundle, "probe", "--mapping", name, "--json"],
					{ env: { ...process.env, ...env } },
				).catch((error: { code: number; stderr: string }) => error);
			const good = await run("freshtrack");
			assert.ok("stdout" in good);
			assert.equal(JSON.parse(good.stdout).mapping, "freshtrack");
			const wrong = await run("stalefish");
			assert.ok("code" in wrong);
			assert.equal(wrong.code, 2);
			assert.match(wrong.stderr, /expected a mapping: freshtrack/);
		});
		await assert.rejects(
			migrateHere(["probe", "--accept-rejects", "a:b"], env),
			/--accept-rejects together with --mapping/,
		);
	});

	it("decides on every column that the product's own list names, where that is at hand", () => {
		const path = join(FACTS, "source-columns.tsv");
		if (!existsSync(path)) return;
		const [, ...lines] = readFileSync(path, "utf8").trim().split("\n");
		// The live check above has decided on all columns of the test's source.
		const tables = new Set(lines.map((line) => line.split("\t")[0]));
		assert.deepEqual(Object.keys(freshtrack.tables).sort(), [...tables].sort());
	});

	it("brings all rows into the new schema, but those that do not fit", async () => {
		made = await compiled(freshtrack, databases);
		for (const client of [databases.source, databases.target])
			await client.query("TRUNCATE cutover.user_map");
		await mapUsers(databases);
		await copyAll(databases, made);
		const rejected = await countRejects(databases.target, []);
		assert.deepEqual(
			rejected.map(({ route, reason }) => `${route}: ${reason}`),
			[
				"alert_rules_history: alert_rule_id is null",
				"corrective_actions: alert_id is null",
				"profiles: organization_id is null",
				"sensor_readings: temperature is null",
				"user_roles: role inspector has no counterpart",
				"user_roles: user_id, organization_id is a duplicate",
			],
		);
		for (const { route, reason, rows } of rejected)
			assert.ok(rows > 0, `${route}: ${reason}`);
		await assertEqual();
	});

	it("takes nothing from the old system when rows come back that nobody has changed", async () => {
		const back = await mergeAll(databases, made);
		for (const [route, { updated, inserted }] of Object.entries(back))
			assert.deepEqual(
				{ route, updated, inserted },
				{ route, updated: 0, inserted: 0 },
			);
		assert.deepEqual(await countRejects(databases.source, []), []);
	});

	it("brings what the new system has written back into the old one, in its own terms", async () => {
		const { source, target } = databases;
		await target.query(`
			SET search_path = public;
			UPDATE units SET temp_max = 395, temp_min = -4600, is_active = false WHERE id = (SELECT min(id::text) FROM units)::uuid;
			UPDATE sites SET latitude = '47.5', name = 'Renamed' WHERE id = (SELECT min(id::text) FROM sites)::uuid;
			UPDATE sites SET longitude = 'west' WHERE id = (SELECT max(id::text) FROM sites)::uuid;
			UPDATE alerts SET status = 'resolved', resolved_at = '2026-06-01T00:00:00.5Z', resolved_by = (SELECT id FROM profiles ORDER BY id LIMIT 1)
			WHERE id = (SELECT min(id::text) FROM alerts WHERE resolved_by IS NULL)::uuid;
			INSERT INTO sensor_readings (id, unit_id, device_id, temperature, recorded_at)
			SELECT '00000000-0000-4000-8000-000000000001', d.unit_id, d.id, 36.61, '2026-06-01T00:00:00.123Z'
			FROM devices d JOIN lora_sensors s ON s.device_id = d.id WHERE d.unit_id IS NOT NULL ORDER BY d.id LIMIT 1;
			INSERT INTO sensor_readings (id, unit_id, temperature, recorded_at)
			SELECT '00000000-0000-4000-8000-000000000002', id, 99999.99, '2026-06-01Z' FROM units LIMIT 1;
			INSERT INTO alerts (id, unit_id, alert_type, severity, message)
			SELECT '00000000-0000-4000-8000-000000000003', id, 'alarm_active', 'critical', 'Too warm' FROM units ORDER BY id LIMIT 1;
			INSERT INTO profiles (id, organization_id, user_id, email)
			SELECT '00000000-0000-4000-8000-000000000004', id, '00000000-0000-4000-8000-00000000aaaa', 'new@example.com' FROM organizations LIMIT 1;
			INSERT INTO devices (id, unit_id, device_eui, name, device_type)
			SELECT '00000000-0000-4000-8000-000000000005', id, '70B3D5FFFFFFFFFF', 'New sensor', 'lora' FROM units ORDER BY id LIMIT 1;
			INSERT INTO lora_sensors (id, device_id, dev_eui, app_eui)
			VALUES ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000005', '70B3D5FFFFFFFFFF', '0000000000000000');
			INSERT INTO manual_temperature_logs (id, unit_id, profile_id, temperature, recorded_at)
			SELECT '00000000-0000-4000-8000-000000000006', u.id, p.id, 38.2, '2026-06-01Z' FROM units u, profiles p WHERE p.email <> 'new@example.com' ORDER BY u.id, p.id LIMIT 1;
			UPDATE user_roles r SET role = d.role::app_role FROM (
				SELECT o.row ->> 'user_id' AS u, o.row ->> 'organization_id' AS o, o.row ->> 'role' AS role FROM cutover.reject o
				WHERE reason = 'user_id, organization_id is a duplicate' ORDER BY key LIMIT 1
			) d WHERE r.organization_id::text = d.o AND r.user_id = (SELECT new_id FROM cutover.user_map WHERE old_id::text = d.u);
			RESET search_path;
			SET search_path = pg_catalog;
		`);
		const back = await mergeAll(databases, made);
		const changed = Object.fromEntries(
			Object.entries(back).filter(
				([, { updated, inserted }]) => updated + inserted > 0,
			),
		);
		assert.deepEqual(changed, {
			units: { updated: 1, inserted: 0 },
			sites: { updated: 1, inserted: 0 },
			alerts: { updated: 1, inserted: 1 },
			sensor_readings: { updated: 0, inserted: 1 },
			lora_sensors: { updated: 0, inserted: 1 },
			manual_temperature_logs: { updated: 0, inserted: 1 },
		});
		const one = async (sql: string) =>
			(await source.query(`SELECT to_jsonb(x) AS x FROM (${sql}) x`)).rows[0].x;
		assert.deepEqual(
			await one(
				"SELECT temp_limit_high, temp_limit_low, is_active, temp_hysteresis, model FROM public.units ORDER BY id LIMIT 1",
			),
			{
				...(await one(
					"SELECT temp_hysteresis, model FROM public.units ORDER BY id LIMIT 1",
				)),
				temp_limit_high: 39.5,
				temp_limit_low: null,
				is_active: false,
			},
		);
		assert.deepEqual(
			await one(
				"SELECT name, latitude, created_at FROM public.sites ORDER BY id LIMIT 1",
			),
			{
				name: "Renamed",
				latitude: 47.5,
				created_at: "2024-02-01T00:00:00.000001+00:00",
			},
		);
		assert.deepEqual(
			await one(
				"SELECT lora_sensor_id IS NOT NULL AS sensor, device_id, temperature, door_open FROM public.sensor_readings WHERE id = '00000000-0000-4000-8000-000000000001'",
			),
			{ sensor: true, device_id: null, temperature: 36.61, door_open: false },
		);
		assert.deepEqual(
			await one(
				"SELECT title, alert_type, organization_id IS NOT NULL AND site_id IS NOT NULL AND area_id IS NOT NULL AS placed FROM public.alerts WHERE id = '00000000-0000-4000-8000-000000000003'",
			),
			{ title: "Too warm", alert_type: "alarm_active", placed: true },
		);
		assert.deepEqual(
			await one(
				"SELECT name, status, organization_id IS NOT NULL AS placed FROM public.lora_sensors WHERE dev_eui = '70B3D5FFFFFFFFFF'",
			),
			{ name: "New sensor", status: "pending", placed: true },
		);
		const { rows } = await source.query(`
			SELECT FROM public.manual_temperature_logs l JOIN auth.users u ON u.id = l.logged_by
			WHERE l.id = '00000000-0000-4000-8000-000000000006'`);
		assert.equal(rows.length, 1);
		assert.deepEqual(
			(await countRejects(source, [])).map(
				({ route, reason, rows: count }) => `${route}: ${reason}: ${count}`,
			),
			[
				"profiles: user_id is unknown in the old system: 1",
				"sensor_readings: temperature is out of range: 1",
				"sites: longitude is not a valid number: 1",
				"user_roles: row collides with one that never came along: 1",
			],
		);
	});

	/** Several routes may go into one table: their digests add up to its own. */
	async function assertEqual(): Promise<void> {
		for (const route of made.forward.routes) {
			const same = made.forward.routes.filter(
				({ to }) =>
					labelOf({ from: to, to }) ===
					labelOf({ from: route.to, to: route.to }),
			);
			const read = await Promise.all(
				same.map((one) => digestTable(databases.source, readSide(one))),
			);
			assert.deepEqual(
				await digestTable(databases.target, writtenSide(route)),
				combine(read),
				labelOf(route),
			);
		}
	}
});

/** Gives every user of the source a new id, the same on both sides. */
async function mapUsers({ source, target }: Pair): Promise<void> {
	const { rows } = await source.query<{ old: string; new: string }>(
		"SELECT id AS old, gen_random_uuid() AS new FROM auth.users",
	);
	for (const client of [source, target])
		await client.query(
			`INSERT INTO cutover.user_map (old_id, new_id, state)
			SELECT o, n, 'moved' FROM unnest($1::uuid[], $2::uuid[]) AS u (o, n)`,
			[rows.map((row) => row.old), rows.map((row) => row.new)],
		);
}
