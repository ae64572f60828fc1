import assert from "node:assert/strict";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type ReturnSettings,
	returnSettings,
	returnToSource,
} from "../../cutover/return";
import { startAuth, type TestAuth } from "../backend/auth-support";
import { completeSource } from "../freshtrack/full";
import { fillSource } from "../freshtrack/generate";
import { leftBehind } from "../freshtrack/left-behind";
import { migrateHere } from "../migration/cli";
import {
	type Database,
	emptyDatabase,
	emptySource,
	newSystem,
	run,
	using,
} from "../migration/databases";
import { machineHere } from "./machine-here";

const FROZEN = { code: "25006" };
const NEW_USERS = 5;

const shapes = [
	{
		shape: "the same schema",
		mapping: undefined,
		acceptRejects: [],
		target: () => emptyDatabase(17),
		complete: async () => {},
	},
	{
		shape: "FreshTrack's mapping",
		mapping: "freshtrack",
		acceptRejects: leftBehind,
		target: newSystem,
		complete: completeSource,
	},
];

/** What the new system notes of sensors that send. */
const UPLINKS = `
	UPDATE devices SET status = 'active', last_seen_at = now(), updated_at = now()
	WHERE id IN (SELECT device_id FROM lora_sensors ORDER BY id LIMIT 20);`;

for (const { shape, mapping, acceptRejects, ...make } of shapes)
	describe(`the return to the source, by ${shape}`, function () {
		this.timeout(300_000);
		let source: Database;
		let target: Database;
		let auth: TestAuth;
		let env: Record<string, string>;
		let settings: ReturnSettings;
		let directory: string;
		let logIns: string;
		const stack = `test-return-${process.pid}`;
		const mapped = [
			...(mapping ? ["--mapping", mapping] : []),
			...acceptRejects.flatMap((reject) => ["--accept-rejects", reject]),
		];
		const inOld = (sql: string) => run(source.superuserUrl, sql);
		const inNew = (sql: string) => run(target.url, sql);

		before(async () => {
			directory = await mkdtemp(join(tmpdir(), "return-"));
			source = await emptySource();
			await using(source.superuserUrl, async (client) => {
				await fillSource(client, { hours: 6 });
				await make.complete(client);
			});
			target = await make.target();
			auth = await startAuth();
			env = {
				SOURCE_DATABASE_URL: source.url,
				TARGET_DATABASE_URL: target.url,
				...auth.environment,
			};
			settings = returnSettings.parse({
				stack,
				ssh: { user: "", host: "", hostKey: "", privateKey: "" },
				image: "",
				...(mapping ? { mapping } : {}),
				acceptRejects,
				database: { url: target.url, ca: "", adminUrl: target.url },
				sourceDatabaseUrl: source.url,
				stackAuth: {
					apiUrl: auth.service.url,
					projectId: auth.service.projectId,
					secretServerKey: auth.service.secretServerKey,
				},
				maxFreeze: 300,
			});
			await passes("users");
			await passes("sync", "--proof", ...mapped);
			logIns = await passwords();
			await freezeAndSwitch();
		});
		after(async () => {
			for (const folder of [directory, join("exports", stack)])
				await rm(folder, { recursive: true, force: true });
			await auth?.service.close();
		});

		/** Runs a command that has to end well. */
		async function passes(...args: string[]) {
			const { exitCode, lines, json } = await migrateHere(args, env);
			assert.equal(exitCode, 0, `${args.join(" ")}: ${lines.join("\n")}`);
			return json;
		}

		/** What the ladder does up to the names. */
		async function freezeAndSwitch(): Promise<void> {
			await passes("freeze", "--max-freeze", "300");
			await passes("users");
			await passes("sync", "--drain", ...mapped);
			await passes("verify", ...mapped);
			await passes("freeze", "--keep");
			await passes("sync", "--reverse", ...mapped);
		}

		/** Digest of all log-ins but those of new users. */
		async function passwords(): Promise<string> {
			const [{ digest }] = await inOld(
				`SELECT md5(string_agg(id || encrypted_password || email, ',' ORDER BY id)) AS digest
				FROM auth.users WHERE email NOT LIKE 'new-%'`,
			);
			return digest;
		}

		/** People at work in the new system; gives the ids of those who signed up. */
		async function work(round: string): Promise<string[]> {
			const ids: string[] = [];
			for (let n = 1; n <= NEW_USERS; n++)
				ids.push(
					await auth.createUser(`new-${round}-${n}@example.com`, "a password"),
				);
			await inNew(`
				INSERT INTO sensor_readings (unit_id, temperature, recorded_at)
				SELECT (SELECT id FROM units ORDER BY id LIMIT 1 OFFSET n % 20), 36.61, '2026-06-01Z'::timestamptz + n * interval '1 s'
				FROM generate_series(1, 1000) n;
				UPDATE sensor_readings SET temperature = temperature + 1 WHERE id IN (SELECT id FROM sensor_readings WHERE recorded_at < '2026-06-01Z' ORDER BY id LIMIT 200);
				DELETE FROM door_events WHERE id IN (SELECT id FROM door_events ORDER BY id LIMIT 50);
				${mapping ? UPLINKS : ""}
				${ids
					.map(
						(id, n) => `
				INSERT INTO profiles (organization_id, user_id, email, full_name)
				SELECT id, '${id}', 'new-${round}-${n + 1}@example.com', 'New' FROM organizations ORDER BY id LIMIT 1;
				INSERT INTO user_roles (organization_id, user_id, role)
				SELECT id, '${id}', 'viewer' FROM organizations ORDER BY id LIMIT 1;`,
					)
					.join("")}
			`);
			return ids;
		}

		it("does nothing where nothing could have been written since a switch", async () => {
			const other = await emptyDatabase(17);
			const machine = machineHere(directory);
			const report = await returnToSource(
				{ ...settings, database: { ...settings.database, url: other.url } },
				machine,
			);
			assert.equal(report.returned, false);
			assert.deepEqual(machine.ran, ["sync --reverse --state"]);
		});

		it("changes nothing where the export does not restore: the new system serves again", async () => {
			await inNew(`
				CREATE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
				CREATE TABLE checked (id integer CHECK (public.fits(id)));
				INSERT INTO checked VALUES (7);
				CREATE OR REPLACE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n < 5'`);
			const [counted] = await inOld("SELECT count(*) FROM sensor_readings");
			await assert.rejects(
				returnToSource(settings, machineHere(directory)),
				/checked.*nothing was destroyed or pointed back, the source is still frozen, and the new system takes writes again/s,
			);
			await inNew("DROP TABLE checked; DROP FUNCTION fits");
			await inNew("UPDATE units SET name = name");
			await assert.rejects(
				inOld("UPDATE public.units SET name = name"),
				FROZEN,
			);
			assert.deepEqual(await inOld("SELECT count(*) FROM sensor_readings"), [
				counted,
			]);
			assert.equal(
				(await passes("sync", "--reverse", "--state")).journal,
				true,
			);
		});

		for (const round of ["first", "second"])
			it(`brings back what was written since the ${round} switch, to the row`, async () => {
				const triggers = () =>
					inOld(
						`SELECT tgrelid::regclass::text AS t, tgname, tgenabled FROM pg_trigger
						WHERE NOT tgisinternal AND tgrelid::regclass::text NOT LIKE 'returned.%' ORDER BY 1, 2`,
					);
				const keys = () =>
					inOld(
						`SELECT conrelid::regclass::text AS t, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE contype = 'f' ORDER BY 1, 2`,
					);
				const wereSet = [await triggers(), await keys()];
				const ids = await work(round);
				const [{ jobs }] = await inOld(
					"SELECT count(*)::int AS jobs FROM net.http_request_queue",
				);
				const report = await returnToSource(settings, machineHere(directory));
				assert.equal(report.newUsers, NEW_USERS);
				// Of a sensor's device the old system works out the status itself.
				assert.deepEqual(
					[...new Set(report.withoutWayBack.map(({ table }) => table))].sort(),
					mapping ? ["devices"] : [],
				);
				assert.ok(report.rowsWritten >= 1200, `${report.rowsWritten}`);
				assert.ok(report.rowsEqual > 10_000);
				await access(join(report.export ?? "", "manifest.json"));
				// The source is what the new system is, by a proof of all rows.
				await passes("verify", ...mapped);
				assert.deepEqual(
					await inOld(
						`SELECT count(*)::int AS n FROM public.sensor_readings WHERE temperature = 36.61 AND recorded_at > '2026-06-01Z'`,
					),
					[{ n: round === "first" ? 1000 : 2000 }],
				);
				// Log-ins: the old ones to the letter, the new ones under their ids.
				assert.equal(await passwords(), logIns);
				assert.deepEqual(
					await inOld(
						`SELECT count(*)::int AS users, count(p.user_id)::int AS profiles FROM auth.users u
						LEFT JOIN public.profiles p ON p.user_id = u.id WHERE u.id IN (${ids.map((id) => `'${id}'`).join()})`,
					),
					[{ users: NEW_USERS, profiles: NEW_USERS }],
				);
				// Nothing of it set off what the old system does at a write of its own.
				assert.deepEqual(
					await inOld(
						"SELECT count(*)::int AS jobs FROM net.http_request_queue",
					),
					[{ jobs }],
				);
				assert.deepEqual([await triggers(), await keys()], wereSet);
				// The rung of a freeze: both closed, the source only for a time.
				await assert.rejects(
					inOld("UPDATE public.units SET name = name"),
					FROZEN,
				);
				await assert.rejects(inNew("DELETE FROM sensor_readings"), FROZEN);
				const { kept, until, writes } = await passes("freeze", "--state");
				assert.equal(kept, false);
				assert.ok(Date.parse(String(until)) > Date.now());
				assert.deepEqual(
					(writes as { owned: boolean }[]).filter(({ owned }) => owned),
					[],
				);
				if (round === "second") return;
				// Switched again, from there at once.
				await passes("verify", "--since-baseline", ...mapped);
				await passes("freeze", "--keep");
				await passes("sync", "--reverse", ...mapped);
				await inNew("UPDATE units SET name = name");
			});

		it("lets the source be followed again, frozen, and switched from", async () => {
			await passes("unfreeze");
			await inOld(
				"UPDATE public.units SET name = name || '!' WHERE id = (SELECT min(id::text) FROM public.units)::uuid",
			);
			await passes("sync", ...mapped);
			await freezeAndSwitch();
			await inNew("UPDATE units SET name = name");
			if (mapping)
				await inNew(
					"INSERT INTO sensor_readings (unit_id, temperature, recorded_at) SELECT id, 99999.99, now() FROM units LIMIT 1",
				);
			const { withoutWayBack } = await returnToSource(
				settings,
				machineHere(directory),
			);
			assert.deepEqual(
				withoutWayBack,
				mapping
					? [
							{
								table: "sensor_readings",
								reason: "temperature is out of range",
								rows: 1,
							},
						]
					: [],
			);
			// It is in the export, and no longer in the way of a second switch.
			await passes("verify", ...mapped);
			await passes("unfreeze");
			await passes("sync", "--remove");
			assert.deepEqual(
				await inOld(
					"SELECT nspname FROM pg_namespace WHERE nspname = 'cutover'",
				),
				[],
			);
			if (mapping) return;
			// What the target holds is the source's, for a sync that begins anew as well.
			await passes("sync", "--proof");
		});
	});
