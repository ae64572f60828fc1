import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { UplinkReport } from "../../cutover/ttn-uplinks";
import { waitFor } from "../../cutover/wait";
import { readBody, serve } from "../emulator/peers/http";
import type { Ttn } from "../emulator/peers/ttn";
import type { KnownSource } from "../freshtrack/generate";
import { type Database, run, using } from "../migration/databases";
import type { CatchUpProcess } from "./catch-up-process";

/** What a catch-up's posts lack and TTN's own have. */
export const TTN_AGENT = /TheThingsStack/;

export interface Forwarder {
	url: string;
	/** Called when the answer is known, before it is given. */
	beforeAnswer?:
		| ((request: { agent: string; cut(): void }) => Promise<void>)
		| undefined;
	close(): Promise<void>;
}

/** Stands before a system, so that a test can come between what it does and what it answers. */
export async function forwarderTo(url: string): Promise<Forwarder> {
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
export class Sensors {
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
export function oneSensorEach({
	organizations,
	sensors,
}: KnownSource): string[] {
	return organizations.flatMap(({ id }) =>
		sensors
			.filter(({ organizationId }) => organizationId === id)
			.slice(0, 1)
			.map(({ devEui }) => devEui),
	);
}

/** Runs the catch-up, and kills it when that many of its posts have been stored and none of their answers arrived yet. */
export async function killedAfterPosts(
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

export function refusals({ deliveries }: Ttn): number {
	return deliveries.filter(({ status }) => status !== null && status >= 500)
		.length;
}

/** All that TTN got was taken, and TTN got all: no counter is left out. */
export function assertWhole({ devices, refused }: UplinkReport): void {
	assert(devices.length > 1);
	assert.equal(refused, 0);
	for (const device of devices) {
		assert.deepEqual(device.gaps, [], device.deviceId);
		assert.equal(device.first, 0);
		assert.equal(device.uplinks, device.last + 1);
	}
}

export const SOURCE_READINGS = `
	SELECT s.dev_eui AS eui, r.recorded_at AS at FROM sensor_readings r
	JOIN lora_sensors s ON s.id = r.lora_sensor_id`;
export const TARGET_READINGS = `
	SELECT s.dev_eui AS eui, r.recorded_at AS at FROM sensor_readings r
	JOIN lora_sensors s ON s.device_id = r.device_id`;

/** From the first uplink of the test on. */
function sinceFirst({ deliveries: [first] }: Ttn): string {
	return `r.recorded_at > timestamptz '${first?.receivedAt}' - interval '10 s'`;
}

/** By frame counter: every uplink that was ever sent is one reading, and there is no other. */
export async function eachOnce(
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
export async function bringBack(
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
