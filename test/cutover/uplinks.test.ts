import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { type Noted, note, placesOf } from "../../cutover/ttn";
import { Ttn as Api, type Place } from "../../cutover/ttn-api";
import type { UplinkReport } from "../../cutover/ttn-uplinks";
import { waitFor } from "../../cutover/wait";
import { startAuth, type TestAuth } from "../backend/auth-support";
import {
	environment,
	startBackend,
	type TestBackend,
} from "../backend/support";
import { readBody, serve } from "../emulator/peers/http";
import { legacyAnswer, UPLINK_PATH } from "../emulator/peers/legacy-function";
import { startTtn, type Ttn } from "../emulator/peers/ttn";
import { completeSource } from "../freshtrack/full";
import { fillSource, type KnownSource } from "../freshtrack/generate";
import { leftBehind } from "../freshtrack/left-behind";
import { stackConfig } from "../graph/stacks";
import { migrateHere } from "../migration/cli";
import {
	type Database,
	emptySource,
	newSystem,
	run,
	using,
} from "../migration/databases";
import { type CatchUpProcess, catchUpHere } from "./catch-up-process";
import { ttnCommands } from "./ttn-commands";

/** What a catch-up's posts lack and TTN's own have. */
const TTN_AGENT = /TheThingsStack/;

/** Short: all that is under way here is so for milliseconds. */
const patience = { propagation: 200, inFlight: 400 };

/**
 * Sensors that never pause, TTN's stand-in, the old system on its database, the new one
 * on its own: each uplink ends in the system in charge, once, whatever the ladder does and
 * whatever is killed.
 */
describe("uplinks across the ladder", function () {
	this.timeout(180_000);
	const closers: (() => Promise<unknown>)[] = [];
	let source: Database;
	let target: Database;
	let known: KnownSource;
	let auth: TestAuth;
	let backend: TestBackend;
	let ttn: Ttn;
	let oldSystem: Forwarder;
	let newOne: Forwarder;
	let sensors: Sensors;
	let api: Api;
	let access: CatchUpProcess["access"];
	let noted: Noted;
	const mapped = [
		"--mapping",
		"freshtrack",
		...leftBehind.flatMap((reject) => ["--accept-rejects", reject]),
	];
	/** The questions that the committed configuration asks. */
	const { received } = JSON.parse(
		stackConfig("production").config["cutover:ttn"] ?? "",
	) as { received: { source: string; target: string } };

	before(async () => {
		source = await emptySource();
		known = await using(source.superuserUrl, async (client) => {
			const filled = await fillSource(client, { hours: 2 });
			await completeSource(client);
			return filled.known;
		});
		target = await newSystem();
		auth = await startAuth();
		closers.push(() => auth.service.close());
		await passes("users");
		await passes("sync", ...mapped);

		backend = await startBackend(environment(target.url, auth.environment));
		closers.push(() => backend.stop());
		const pool = new Pool({ connectionString: source.url, max: 4 });
		pool.on("error", () => {});
		closers.push(() => pool.end());
		const legacy = await serve("127.0.0.1", legacyAnswer(pool));
		closers.push(() => legacy.close());
		oldSystem = await forwarderTo(legacy.url);
		newOne = await forwarderTo(backend.url);
		closers.push(oldSystem.close, newOne.close);
		ttn = await startTtn({
			address: "127.0.0.1",
			applicationPrefix: "app",
			legacy: { baseUrl: oldSystem.url, path: UPLINK_PATH },
			known,
			outgoing: { resolver: "127.0.0.1:53", roots: () => [] },
		});
		closers.push(() => ttn.close());
		access = {
			apiUrl: ttn.url,
			apiKey: ttn.apiKey,
			applicationIds: ttn.applicationIds,
		};
		api = new Api(access);
		sensors = new Sensors(ttn, oneSensorEach(known));
		closers.push(() => sensors.stop());
		await sensors.sent(3);
	});
	after(async () => {
		for (const closer of closers.reverse()) await closer();
	});

	async function passes(...args: string[]) {
		const { exitCode, lines } = await migrateHere(args, {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
			STACK_AUTH_API_URL: auth.service.url,
			STACK_AUTH_PROJECT_ID: auth.service.projectId,
			STACK_AUTH_SECRET_SERVER_KEY: auth.service.secretServerKey,
		});
		assert.equal(exitCode, 0, `${args[0]}: ${lines.join("\n")}`);
	}

	/** With writers about, PostgreSQL may see a deadlock: the freeze is refused then, and tried again. */
	const freezes = ({ url }: Database) =>
		waitFor(
			"the barrier",
			() => migrateHere(["freeze"], { SOURCE_DATABASE_URL: url }),
			{ timeoutMs: 60_000 },
		);
	const places = (): Place[] =>
		placesOf({
			noted,
			baseUrl: newOne.url,
			uplinkPath: "/api/webhooks/ttn",
		});
	const forward = (): CatchUpProcess => ({
		...{ access, noted, patience, places: places() },
		held: { url: target.url, query: received.target },
	});
	const back = (): CatchUpProcess => ({
		...{ access, noted, patience, places: noted.webhooks },
		held: { url: source.url, query: received.source },
	});
	/** Takes the sensors to rest, counts, and lets them go on. */
	async function eachOnceIn(database: Database, eui: string) {
		await sensors.pause();
		try {
			await eachOnce(ttn, database, eui);
		} finally {
			sensors.resume();
		}
	}

	it("a freeze taken back: the old system gets what it refused, and nothing twice", async () => {
		noted = await note(api);
		await freezes(source);
		await sensors.sent(5);
		const refused = refusals(ttn);
		assert(refused > 0);
		await passes("unfreeze");
		await sensors.sent(3);
		const report = await catchUpHere(back());
		assert(report.posted >= refused, `${report.posted} of ${refused}`);
		assertWhole(report);
		await eachOnceIn(source, SOURCE_READINGS);
	});

	it("the switch, its catch-up killed: the new system has every one, by frame counter", async () => {
		noted = await note(api);
		await sensors.sent(2);
		await freezes(source);
		await passes("users");
		await passes("sync", "--drain", ...mapped);
		await passes("verify", ...mapped);
		await sensors.sent(5);
		await killedAfterPosts(forward(), newOne, 4);
		await sensors.sent(2);
		const report = await catchUpHere(forward());
		assertWhole(report);
		assert.deepEqual(report.withoutStorage, []);
		await eachOnceIn(target, TARGET_READINGS);
	});

	it("the return, its catch-up killed: the old system, which drops no doubles, has every one once", async () => {
		await sensors.sent(5);
		await freezes(target);
		await sensors.sent(5);
		await passes("unfreeze");
		await bringBack(ttn, target, source);
		await killedAfterPosts(back(), oldSystem, 4);
		await sensors.sent(2);
		const report = await catchUpHere(back());
		assertWhole(report);
		await eachOnceIn(source, SOURCE_READINGS);
		const again = await catchUpHere(back());
		assert.equal(again.posted, 0);
		await eachOnceIn(source, SOURCE_READINGS);
	});

	it("an old system that answers late or not at all gets each once", async () => {
		noted = await note(api);
		await freezes(source);
		await sensors.sent(4);
		await passes("unfreeze");
		// Stored, and the answer is lost: to be asked for, not to be sent again.
		let lost = 0;
		oldSystem.beforeAnswer = async (request) => {
			if (TTN_AGENT.test(request.agent) || lost >= 3) return;
			lost += 1;
			request.cut();
		};
		const report = await catchUpHere(back());
		oldSystem.beforeAnswer = undefined;
		assert.equal(lost, 3);
		assertWhole(report);
		await eachOnceIn(source, SOURCE_READINGS);
	});

	it("so do the commands that Pulumi runs, which ask from the Droplet and leave a report", async () => {
		const commands = await ttnCommands();
		try {
			const side = (database: Database, query: string) => ({
				...commands.tool,
				...{ query, database: { url: database.url } },
			});
			const settings = { ...access, stack: "test" };
			const ownNote = {
				...settings,
				source: side(source, received.source),
			};
			const before = await commands.run("note", ownNote);
			const where = {
				...{ ...access, noted: before },
				...{ baseUrl: newOne.url, uplinkPath: "/api/webhooks/ttn" },
			};
			await freezes(source);
			await migrateHere(["unfreeze"], { SOURCE_DATABASE_URL: target.url });
			await sensors.sent(2);
			await sensors.pause();
			await commands.run("point", where);
			await commands.run("catch-up", {
				...{ ...where, stack: "test", address: "127.0.0.1" },
				target: side(target, received.target),
			});
			const switched = await commands.evidence("test", "uplinks-switch.json");
			assert(switched.posted > 0);
			assert.equal(switched.refused, 0);

			await freezes(target);
			sensors.resume();
			await sensors.sent(2);
			await sensors.pause();
			await passes("unfreeze");
			await bringBack(ttn, target, source);
			await commands.run("restore", where);
			assert.deepEqual(
				(await note(api)).webhooks,
				(JSON.parse(before) as Noted).webhooks,
			);
			await commands.run("give-back", ownNote, before);
			const returned = await commands.evidence("test", "uplinks-return.json");
			assert(returned.posted > 0);
			assert.equal(returned.refused, 0);
			await eachOnceIn(source, SOURCE_READINGS);
		} finally {
			sensors.resume();
			await commands.close();
		}
	});

	it("an application without storage is named", async () => {
		const [off = ""] = ttn.applicationIds;
		ttn.setStorage(off, false);
		try {
			const report = await catchUpHere(back());
			assert.deepEqual(report.withoutStorage, [off]);
		} finally {
			ttn.setStorage(off, true);
		}
	});
});

interface Forwarder {
	url: string;
	/** Called when the answer is known, before it is given. */
	beforeAnswer?:
		| ((request: { agent: string; cut(): void }) => Promise<void>)
		| undefined;
	close(): Promise<void>;
}

/** Stands before a system, so that a test can come between what it does and what it answers. */
async function forwarderTo(url: string): Promise<Forwarder> {
	const peer = await serve("127.0.0.1", async (request, response) => {
		const secret = request.headers["x-webhook-secret"];
		const answer = await fetch(`${url}${request.url}`, {
			method: request.method ?? "GET",
			headers: {
				"content-type": "application/json",
				"x-webhook-secret": String(secret),
			},
			body: await readBody(request),
		});
		const body = await answer.text();
		const agent = request.headers["user-agent"] ?? "";
		await forwarder.beforeAnswer?.({ agent, cut: () => request.destroy() });
		if (response.destroyed) return;
		response.writeHead(answer.status, { "content-type": "application/json" });
		response.end(body);
	});
	const forwarder: Forwarder = { url: peer.url, close: () => peer.close() };
	return forwarder;
}

/** Sensors that send in turn, without a pause, whatever becomes of what they sent. */
class Sensors {
	#count = 0;
	#running = true;
	#paused = false;
	#resting = false;
	readonly #done: Promise<void>;

	constructor(
		ttn: Ttn,
		private readonly euis: string[],
	) {
		this.#done = this.#send(ttn);
	}

	async #send(ttn: Ttn): Promise<void> {
		while (this.#running) {
			this.#resting = this.#paused;
			if (!this.#resting) {
				await Promise.all(
					this.euis.map((devEui) =>
						ttn.uplink({ devEui, temperature: 3.5 }).catch(() => undefined),
					),
				);
				this.#count += 1;
			}
			// No two uplinks of a sensor in the same milliseconds, as no sensor could.
			await delay(50);
		}
	}

	/** Waits until every sensor has sent so many more. */
	async sent(more: number): Promise<void> {
		const wanted = this.#count + more;
		await waitFor(
			`${more} uplinks of each sensor`,
			async () => this.#count >= wanted || undefined,
			{ timeoutMs: 60_000, intervalMs: 20 },
		);
	}

	async pause(): Promise<void> {
		this.#paused = true;
		await waitFor("sensors at rest", async () => this.#resting || undefined, {
			timeoutMs: 60_000,
			intervalMs: 20,
		});
	}

	resume(): void {
		this.#paused = false;
	}

	async stop(): Promise<void> {
		this.#running = false;
		await this.#done;
	}
}

/** A sensor of each organization, so of each application. */
function oneSensorEach({ organizations, sensors }: KnownSource): string[] {
	return organizations.flatMap(({ id }) =>
		sensors
			.filter(({ organizationId }) => organizationId === id)
			.slice(0, 1)
			.map(({ devEui }) => devEui),
	);
}

/** Runs the catch-up, and kills it when that many of its posts have been stored and none of their answers arrived yet. */
async function killedAfterPosts(
	settings: CatchUpProcess,
	receiver: Forwarder,
	posts: number,
): Promise<void> {
	const child: ChildProcess = spawn(
		process.execPath,
		[
			...["--import", "tsx", require.resolve("./catch-up-process")],
			JSON.stringify(settings),
		],
		{ stdio: ["ignore", "ignore", "pipe"] },
	);
	const ended = new Promise((resolve) => child.once("close", resolve));
	const messages = child.stderr ? text(child.stderr) : "";
	let count = 0;
	receiver.beforeAnswer = async ({ agent }) => {
		if (TTN_AGENT.test(agent)) return;
		count += 1;
		if (count < posts) return;
		child.kill("SIGKILL");
		await ended;
	};
	await ended;
	receiver.beforeAnswer = undefined;
	assert.equal(child.signalCode, "SIGKILL", await messages);
	assert(count >= posts);
}

function refusals({ deliveries }: Ttn): number {
	return deliveries.filter(({ status }) => status !== null && status >= 500)
		.length;
}

/** All that TTN got was taken, and TTN got all: no counter is left out. */
function assertWhole({ devices, refused }: UplinkReport): void {
	assert(devices.length > 1);
	assert.equal(refused, 0);
	for (const device of devices) {
		assert.deepEqual(device.gaps, [], device.deviceId);
		assert.equal(device.first, 0);
		assert.equal(device.uplinks, device.last + 1);
	}
}

const SOURCE_READINGS = `
	SELECT s.dev_eui AS eui, r.recorded_at AS at FROM sensor_readings r
	JOIN lora_sensors s ON s.id = r.lora_sensor_id`;
const TARGET_READINGS = `
	SELECT s.dev_eui AS eui, r.recorded_at AS at FROM sensor_readings r
	JOIN lora_sensors s ON s.device_id = r.device_id`;

/** From the first uplink of the test on. */
function sinceFirst({ deliveries: [first] }: Ttn): string {
	return `r.recorded_at > timestamptz '${first?.receivedAt}' - interval '10 s'`;
}

/** By frame counter: every uplink that was ever sent is one reading, and there is no other. */
async function eachOnce(
	ttn: Ttn,
	database: Database,
	readings: string,
): Promise<void> {
	const { deliveries } = ttn;
	const rows: { eui: string; at: Date }[] = await run(
		database.superuserUrl,
		`${readings} WHERE ${sinceFirst(ttn)}`,
	);
	const stored = new Map<string, number[]>();
	for (const { eui, at } of rows)
		stored.set(eui, [...(stored.get(eui) ?? []), at.getTime()]);
	const counters = new Map<string, number[]>();
	for (const { devEui, fCnt, receivedAt } of deliveries) {
		// The network server had it 150 ms earlier; the database rounds to the millisecond.
		const at = Date.parse(receivedAt) - 150;
		const found = (stored.get(devEui) ?? []).filter(
			(each) => Math.abs(each - at) <= 1,
		);
		assert.equal(
			found.length,
			1,
			`f_cnt ${fCnt} of ${devEui} at ${receivedAt}: ${found.length} readings`,
		);
		counters.set(devEui, [...(counters.get(devEui) ?? []), fCnt]);
	}
	assert.equal(rows.length, deliveries.length);
	for (const counts of counters.values())
		assert.deepEqual(
			counts,
			counts.map((_count, index) => index),
		);
}

/** In the place of the return's replay, which has tests of its own: readings that only the new system took. */
async function bringBack(
	ttn: Ttn,
	from: Database,
	to: Database,
): Promise<void> {
	const rows: { eui: string; at: Date }[] = await run(
		from.superuserUrl,
		`${TARGET_READINGS} WHERE ${sinceFirst(ttn)}`,
	);
	await using(to.superuserUrl, async (client) => {
		for (const { eui, at } of rows)
			await client.query(
				`INSERT INTO sensor_readings (unit_id, lora_sensor_id, temperature, recorded_at)
				SELECT s.unit_id, s.id, 3.5, $2 FROM lora_sensors s WHERE s.dev_eui = $1 AND NOT EXISTS (
					SELECT FROM sensor_readings r WHERE r.lora_sensor_id = s.id
						AND r.recorded_at BETWEEN $2::timestamptz - interval '1 ms' AND $2::timestamptz + interval '1 ms')`,
				[eui, at],
			);
	});
}
