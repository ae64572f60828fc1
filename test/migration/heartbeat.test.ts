import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Running } from "./cli";
import { type Database, emptyPair } from "./databases";

/** What the monitor was told, as query parameters. */
type Told = Record<string, string>;

describe("heartbeat", () => {
	let target: Database;
	let monitor: Server;
	let url: string;
	let running: Running | undefined;
	let told: (beat: Told) => void;
	let next: Promise<Told>;

	beforeEach(async () => {
		({ target } = await emptyPair());
		next = new Promise((resolve) => {
			told = resolve;
		});
		monitor = createServer((request, response) => {
			const { pathname, searchParams } = new URL(`http://x${request.url}`);
			assert.equal(pathname, "/api/push/token");
			response.end('{"ok":true}');
			told(Object.fromEntries(searchParams));
		}).listen(0, "127.0.0.1");
		await new Promise((done) => monitor.once("listening", done));
		url = `http://127.0.0.1:${(monitor.address() as AddressInfo).port}/api/push/token`;
	});
	afterEach(async () => {
		await running?.stop("SIGKILL");
		monitor.closeAllConnections();
		monitor.close();
	});

	const beat = (database: string) => {
		running = new Running(["heartbeat"], {
			TARGET_DATABASE_URL: database,
			HEARTBEAT_URL: url,
		});
		return next;
	};

	it("tells that the target answers, and in what time", async () => {
		const { status, msg, ping } = await beat(target.url);
		assert.deepEqual([status, msg], ["up", "OK"]);
		assert.match(ping ?? "", /^\d+$/);
	});

	it("tells that it does not and why, without a password, and goes on", async () => {
		const { status, msg } = await beat(
			"postgres://user:hidden@127.0.0.1:9/postgres",
		);
		assert.equal(status, "down");
		assert.match(msg ?? "", /ECONNREFUSED/);
		assert.doesNotMatch(msg ?? "", /hidden/);
		assert.equal(
			await Promise.race([
				running?.ended,
				new Promise((resolve) => setTimeout(resolve, 300, "goes on")),
			]),
			"goes on",
		);
	});

	it("goes on where the monitor is gone, and names no token", async () => {
		monitor.close();
		running = new Running(["heartbeat"], {
			TARGET_DATABASE_URL: target.url,
			HEARTBEAT_URL: url.replace("token", "secret-token"),
		});
		while (!running.stderr.includes("does not answer"))
			await Promise.race([
				running.ended.then(() => assert.fail(running?.stderr)),
				new Promise((resolve) => setTimeout(resolve, 50)),
			]);
		assert.match(running.stderr, /^heartbeat: OK; .*ECONNREFUSED$/m);
		assert.doesNotMatch(running.stderr, /secret-token/);
	});

	it("needs to know whom to tell", async () => {
		running = new Running(["heartbeat"], { TARGET_DATABASE_URL: target.url });
		await running.ended;
		assert.match(running.stderr, /expected HEARTBEAT_URL in the environment/);
	});
});
