import assert from "node:assert/strict";
import { readLogs } from "../../cutover/checks/logs";

const time = 1_700_000_000;

/** What the Droplet prints: its time, services, and tasks as docker inspect shows them. */
function printed(
	tasks: [state: string, secondsAgo: number, slot?: number][],
	lines = 20,
): string {
	const json = tasks.map(([State, ago, Slot = 1]) => ({
		ServiceID: "a1",
		Slot,
		Status: {
			State,
			Timestamp: new Date((time - ago) * 1000).toISOString(),
			Err: "task: non-zero exit (1)",
		},
	}));
	return `${time}\na1 backend ${lines}\nb2 caddy 3\n${JSON.stringify(json, null, 4)}\n`;
}

describe("logs of services", () => {
	it("are counted where all can be read and none crashes", () => {
		const text = printed([
			...([
				["running", 5],
				["failed", 20],
			] as [string, number][]),
			["failed", 30],
			["failed", 601],
			["failed", 15, 2],
			["shutdown", 10],
		]);
		assert.equal(readLogs(text), "2 services, 23 last lines read");
	});

	it("of a service that keeps failing are named with the reason", () => {
		const text = printed([
			["failed", 10],
			["failed", 20],
			["rejected", 30],
		]);
		assert.throws(
			() => readLogs(text),
			/within 10 minutes backend failed 3 times \(task: non-zero exit \(1\)\)/,
		);
	});

	it("that cannot be read are named", () => {
		assert.throws(() => readLogs(printed([], -1)), /no log of backend/);
		assert.throws(() => readLogs(`${time}\n[]\n`), /no service exists/);
	});
});
