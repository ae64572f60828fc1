import assert from "node:assert/strict";
import { startAuth, type TestAuth } from "../backend/auth-support";
import {
	ask,
	environment,
	startBackend,
	type TestBackend,
} from "../backend/support";
import { completeSource } from "../freshtrack/full";
import { fillSource, type KnownSource } from "../freshtrack/generate";
import { leftBehind } from "../freshtrack/left-behind";
import { migrateHere, withDirectory } from "./cli";
import {
	type Database,
	emptyDatabase,
	emptySource,
	newSystem,
	run,
	using,
} from "./databases";

/**
 * The commands that the ladder's flags run, in their order, from one schema into
 * the other; then the new system at work on what arrived, and the way back.
 */
describe("the ladder's commands, through the mapping", function () {
	this.timeout(120_000);
	let source: Database;
	let target: Database;
	let auth: TestAuth;
	let backend: TestBackend;
	let known: KnownSource;
	let env: Record<string, string>;
	const mapped = [
		"--mapping",
		"freshtrack",
		...leftBehind.flatMap((reject) => ["--accept-rejects", reject]),
	];

	before(async () => {
		source = await emptySource();
		known = await using(source.superuserUrl, async (client) => {
			const filled = await fillSource(client, { hours: 6 });
			await completeSource(client);
			return filled.known;
		});
		target = await newSystem();
		auth = await startAuth();
		env = {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
			STACK_AUTH_API_URL: auth.service.url,
			STACK_AUTH_PROJECT_ID: auth.service.projectId,
			STACK_AUTH_SECRET_SERVER_KEY: auth.service.secretServerKey,
		};
	});
	after(async () => {
		await backend?.stop();
		await auth?.service.close();
	});

	/** Runs a command that has to end well. */
	async function passes(...args: string[]) {
		const { exitCode, json, lines } = await migrateHere(args, env);
		assert.equal(exitCode, 0, `${args[0]}: ${lines.join("\n")}`);
		// biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are what the test asserts
		return json as any;
	}

	it("sync: probe, users, copy with proof", async () => {
		await passes("probe", ...mapped);
		const users = await passes("users");
		assert(users.moved > 200);
		const sync = await passes("sync", "--proof", ...mapped);
		assert(sync.copied.rows > 20_000);
	});

	it("sync off and on again: no user is made twice, and all rows come again", async () => {
		await passes("sync", "--remove");
		await run(
			source.url,
			"UPDATE organizations SET name = name || ' & Co' WHERE slug = 'org-3'",
		);
		await passes("probe", ...mapped);
		const users = await passes("users");
		assert.equal(users.moved, 0);
		assert(users.alreadyMoved > 200);
		await passes("sync", "--proof", ...mapped);
		const proof = await passes("verify", ...mapped);
		assert.equal(proof.equal, true);
	});

	it("freeze: what was written since comes as well, and both sides are proven equal", async () => {
		const { unitId } = known.sensors[0] ?? assert.fail();
		await run(
			source.url,
			`
			UPDATE organizations SET name = name || ' Ltd' WHERE slug = 'org-1';
			INSERT INTO sensor_readings (unit_id, temperature, recorded_at) VALUES ('${unitId}', 36.61, now());
			DELETE FROM door_events WHERE id IN (SELECT id FROM door_events ORDER BY id LIMIT 3);
			`,
		);
		await passes("freeze");
		await passes("users");
		const drained = await passes("sync", "--drain", ...mapped);
		assert.equal(drained.drained, true);
		const proof = await passes("verify", "--since-baseline", ...mapped);
		assert.equal(proof.equal, true);
		const full = await passes("verify", ...mapped);
		assert.equal(full.equal, true);
	});

	it("freeze off and on again: the source serves in between, and what it took comes as well", async () => {
		await passes("unfreeze");
		await run(
			source.url,
			`
			UPDATE organizations SET name = name || ' Inc' WHERE slug = 'org-2';
			UPDATE alerts SET escalation_level = 3 WHERE status = 'resolved';
			`,
		);
		// As the flag runs it: all in one.
		const all = ["freeze", "--max-freeze", "60", "--cancel-writers", "--drain"];
		await assert.rejects(
			migrateHere([...all, ...mapped], {
				...env,
				STACK_AUTH_SECRET_SERVER_KEY: "another",
			}),
		);
		assert.equal((await passes("freeze", "--state")).frozenAt, null);
		const frozen = await passes(...all, ...mapped);
		assert(frozen.users.alreadyMoved > 200);
		assert.equal(frozen.drain.drained, true);
		assert.equal(frozen.proof.equal, true);
		assert.deepEqual(Object.keys(frozen.phases), [
			...["barrier", "users", "drain", "proof"],
		]);
		await passes("freeze", "--keep");
		const full = await passes("verify", ...mapped);
		assert.equal(full.equal, true);
	});

	it("switch: a user logs in with the old password and sees history and new readings", async () => {
		const [owner] = known.logIns;
		assert(owner?.password);
		backend = await startBackend(environment(target.url, auth.environment));
		const { body } = await ask(`${backend.url}/api/auth/login`, {
			body: { email: owner.email, password: owner.password },
		});
		const headers = { authorization: `Bearer ${body.accessToken}` };
		const sensor =
			known.sensors.find(
				({ organizationId }) => organizationId === owner.organizationId,
			) ?? assert.fail();
		const sent = await ask(`${backend.url}/api/webhooks/ttn`, {
			headers: { "x-webhook-secret": sensor.webhookSecret },
			body: {
				end_device_ids: { dev_eui: sensor.devEui },
				uplink_message: { decoded_payload: { temperature: 48 } },
			},
		});
		assert.equal(sent.status, 200);
		assert.equal(sent.body.alertsTriggered, 1);
		const { readings } = (
			await ask(`${backend.url}/api/units/${sensor.unitId}/readings`, {
				headers,
			})
		).body;
		assert.equal(readings[0].id, sent.body.readingId);
		assert(readings.length > 6);
	});

	it("return: the new database's export restores, equal; the source is as open as before", async () => {
		await withDirectory(async (directory) => {
			const here = { SOURCE_DATABASE_URL: target.url };
			const exported = await migrateHere(["export", "--dir", directory], here);
			assert.equal(exported.exitCode, 0);
			const empty = await emptyDatabase(17);
			const there = { TARGET_DATABASE_URL: empty.url };
			await migrateHere(
				["import", "--create-schema", "--dir", directory],
				there,
			);
			const { json } = await migrateHere(["verify", "--dir", directory], there);
			assert.equal(json.equal, true);
		});
		await passes("unfreeze");
		await passes("sync", "--remove");
		await run(source.url, "UPDATE organizations SET name = name");
		assert.deepEqual(
			await run(
				source.superuserUrl,
				"SELECT tgname FROM pg_trigger WHERE tgname LIKE '%cutover%'",
			),
			[],
		);
	});
});
