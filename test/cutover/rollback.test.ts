import assert from "node:assert/strict";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressRecords, allPointTo } from "../../cutover/dns";
import { readEvidence } from "../../cutover/evidence";
import {
	type RollbackSettings,
	rollback,
	rollbackSettings,
} from "../../cutover/rollback";
import { Zone } from "../../cutover/zone";
import { startAuth, type TestAuth } from "../backend/auth-support";
import { type Emulator, startEmulator } from "../emulator/index";
import { InMemoryMachines } from "../emulator/memory-machines";
import { migrateHere } from "../migration/cli";
import { type Database, emptyPair, run } from "../migration/databases";
import { machineHere } from "./machine-here";

const domain = "example.test";
const legacy = "203.0.113.10";
const fresh = "203.0.113.99";

/** Real databases, the emulated API and its real name server. */
describe("the rollback of a destroy", function () {
	this.timeout(120_000);
	const stack = `test-rollback-${process.pid}`;
	const variables = [
		"DIGITALOCEAN_API_URL",
		"DIGITALOCEAN_TOKEN",
		"CUTOVER_RESOLVER",
	];
	const former = variables.map((name) => [name, process.env[name]] as const);
	let emulator: Emulator;
	let auth: TestAuth;
	let source: Database;
	let target: Database;
	let env: Record<string, string>;
	let directory: string;
	let settings: RollbackSettings;

	before(async () => {
		directory = await mkdtemp(join(tmpdir(), "rollback-"));
		emulator = await startEmulator({ machines: new InMemoryMachines() });
		const [{ address, port } = { address: "", port: 0 }] = emulator.resolvers;
		process.env.DIGITALOCEAN_API_URL = emulator.url;
		process.env.DIGITALOCEAN_TOKEN = emulator.token;
		process.env.CUTOVER_RESOLVER = `${address}:${port}`;
		await fetch(`${emulator.url}/v2/domains`, {
			method: "POST",
			headers: {
				authorization: `Bearer ${emulator.token}`,
				"content-type": "application/json",
			},
			body: JSON.stringify({ name: domain }),
		});
		await new Zone(domain).add({ type: "A", name: "@", data: fresh, ttl: 30 });
		auth = await startAuth();
	});
	after(async () => {
		await emulator.close();
		await auth.service.close();
		for (const [name, value] of former)
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		for (const folder of [
			directory,
			join("exports", stack),
			join("evidence", stack),
		])
			await rm(folder, { recursive: true, force: true });
	});

	beforeEach(async () => {
		const zone = new Zone(domain);
		const [record] = await zone.records("A");
		await zone.setValue(record?.id ?? 0, fresh);
		({ source, target, env } = await emptyPair());
		await run(
			source.superuserUrl,
			`CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, created_at timestamptz);
			CREATE TABLE auth.identities (id uuid, user_id uuid, provider text, provider_id text);
			GRANT USAGE ON SCHEMA auth TO postgres; GRANT ALL ON ALL TABLES IN SCHEMA auth TO postgres;
			GRANT SET ON PARAMETER session_replication_role TO postgres`,
		);
		await run(
			source.url,
			"CREATE TABLE things (id integer PRIMARY KEY, note text); INSERT INTO things SELECT n FROM generate_series(1, 50) n",
		);
		await migrateHere(["sync"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		const database = { url: target.url, ca: "", adminUrl: target.url };
		const ssh = { user: "", host: "", hostKey: "", privateKey: "" };
		settings = rollbackSettings.parse({
			...{ stack, release: "0123456789ab", ssh, image: "", database },
			data: {
				...{ stack, ssh, image: "", acceptRejects: [], database },
				sourceDatabaseUrl: source.url,
				stackAuth: {
					apiUrl: auth.service.url,
					projectId: auth.service.projectId,
					secretServerKey: auth.service.secretServerKey,
				},
			},
			kept: { cluster: { id: "c1", name: "cutover-test" }, vpcId: "v1" },
			...{ zone: domain, records: ["@"], legacyAddress: legacy, frozen: true },
		});
	});

	const atOldAddress = async () =>
		allPointTo(await addressRecords(domain, [domain]), legacy);
	const notes = (database: Database) =>
		run(
			database.url,
			"SELECT id, note FROM things WHERE note IS NOT NULL ORDER BY id",
		);

	it("brings data back before names, and opens the source last", async () => {
		await migrateHere(["sync", "--reverse"], env);
		await run(
			target.url,
			"UPDATE things SET note = 'new' WHERE id = 1; INSERT INTO things VALUES (51, 'newer'); DELETE FROM things WHERE id = 2",
		);
		const machine = machineHere(directory);
		await rollback(settings, machine);
		assert.equal(machine.ran.at(-1), "unfreeze");
		assert.ok(await atOldAddress());
		assert.deepEqual(await notes(source), await notes(target));
		await run(source.url, "INSERT INTO things VALUES (100, 'open')");
		await assert.rejects(run(target.url, "DELETE FROM things"), {
			code: "25006",
		});
		const evidence = JSON.parse(
			(await readEvidence(stack, "rollback.json")) ?? "{}",
		);
		assert.equal(evidence.release, "0123456789ab");
		assert.equal(evidence.returned, true);
		assert.equal(evidence.rowsWritten, 2);
		assert.ok(Date.parse(evidence.at) > 0);
		await access(join(evidence.export, "manifest.json"));
	});

	it("exports, points back and opens the source where nothing was switched", async () => {
		await rollback(settings, machineHere(directory));
		assert.ok(await atOldAddress());
		await run(source.url, "INSERT INTO things VALUES (100, 'open')");
		const evidence = JSON.parse(
			(await readEvidence(stack, "rollback.json")) ?? "{}",
		);
		assert.equal(evidence.returned, false);
		await access(join(evidence.export, "manifest.json"));
	});

	it("leaves names and barrier where the export does not restore", async () => {
		await migrateHere(["sync", "--reverse"], env);
		await run(
			target.url,
			`CREATE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
			CREATE TABLE checked (id integer CHECK (public.fits(id))); INSERT INTO checked VALUES (7);
			CREATE OR REPLACE FUNCTION fits(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n < 5';
			UPDATE things SET note = 'new' WHERE id = 1`,
		);
		await rm(join("evidence", stack), { recursive: true, force: true });
		await assert.rejects(
			rollback(settings, machineHere(directory)),
			/the new system takes writes again/,
		);
		assert.equal(await atOldAddress(), false);
		await assert.rejects(run(source.url, "DELETE FROM things"), {
			code: "25006",
		});
		await run(target.url, "UPDATE things SET note = 'still' WHERE id = 1");
		assert.equal(await readEvidence(stack, "rollback.json"), undefined);
		// Once that is mended, the same command goes through.
		await run(target.url, "DROP TABLE checked");
		await rollback(settings, machineHere(directory));
		assert.deepEqual(await notes(source), [{ id: 1, note: "still" }]);
	});

	it("goes on wherever it was cut off, by a machine that died after any of its steps", async () => {
		await migrateHere(["sync", "--reverse"], env);
		await run(target.url, "UPDATE things SET note = 'new' WHERE id <= 3");
		const expected = await notes(target);
		for (let steps = 1; ; steps++) {
			const machine = machineHere(directory);
			const alive = machine.migrate;
			let done = 0;
			machine.migrate = async (step) => {
				if (done === steps) throw new Error("dead");
				const result = await alive(step);
				done++;
				return result;
			};
			const error = await rollback(settings, machine).then(
				() => null,
				(error: Error) => error,
			);
			if (error === null) break;
			assert.match(error.message, /dead/);
			// Until the data are back, nobody is led to the old system, and it stays closed.
			const [{ noted }] = await run(
				target.url,
				"SELECT to_regclass('cutover.journal') IS NOT NULL AS noted",
			);
			if (noted) assert.equal(await atOldAddress(), false);
			await assert.rejects(run(source.url, "DELETE FROM things"), {
				code: "25006",
			});
		}
		assert.deepEqual(await notes(source), expected);
		assert.ok(await atOldAddress());
		await run(source.url, "INSERT INTO things VALUES (100, 'open')");
	});
});
