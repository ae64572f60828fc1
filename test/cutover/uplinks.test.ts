import assert from "node:assert/strict";
import { Pool } from "pg";
import { type Noted, note, placesOf } from "../../cutover/ttn";
import { Ttn as Api, type Place } from "../../cutover/ttn-api";
import { waitFor } from "../../cutover/wait";
import { startAuth, type TestAuth } from "../backend/auth-support";
import {
	environment,
	startBackend,
	type TestBackend,
} from "../backend/support";
import { serve } from "../emulator/peers/http";
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
	using,
} from "../migration/databases";
import { type CatchUpProcess, catchUpHere } from "./catch-up-process";
import { ttnCommands } from "./ttn-commands";
import {
	assertWhole,
	bringBack,
	eachOnce,
	type Forwarder,
	forwarderTo,
	killedAfterPosts,
	oneSensorEach,
	refusals,
	Sensors,
	SOURCE_READINGS,
	TARGET_READINGS,
	TTN_AGENT,
} from "./uplinks-support";

/** Shorter than TTN needs, and longer than anything takes here on a busy machine. */
const patience = { propagation: 200, inFlight: 3_000 };

/**
 * Sensors that never pause, TTN's stand-in, the old system on its database, the new one
 * on its own: each uplink ends in the system in charge, once, whatever the ladder does and
 * whatever is killed.
 */
describe("uplinks across the ladder", function () {
	this.timeout(400_000);
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
