import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { Users, withLock } = require("../setup/lock.mjs");

/** The id of a process that has just ended. */
function deadPid(): number {
	return spawnSync("true").pid;
}

describe("lock of set-up", () => {
	let folder: string;
	let file: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "setup-lock-"));
		file = join(folder, "lock");
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it("lets one in at a time and is gone afterwards", async () => {
		const order: string[] = [];
		let open = () => {};
		const opened = new Promise<void>((resolve) => {
			open = resolve;
		});
		const first = withLock(file, async () => {
			await opened;
			order.push("first");
		});
		const second = withLock(
			file,
			async () => order.push("second"),
			(pid: number) => {
				order.push(`waits for ${pid}`);
				open();
			},
		);
		await Promise.all([first, second]);
		assert.deepEqual(order, [`waits for ${process.pid}`, "first", "second"]);
		assert.equal(existsSync(file), false);
	});

	it("is released when the work fails", async () => {
		await assert.rejects(
			withLock(file, async () => {
				throw new Error("broken");
			}),
			/broken/,
		);
		assert.equal(existsSync(file), false);
	});

	it("takes over what a killed process left", async () => {
		writeFileSync(file, JSON.stringify({ pid: deadPid(), started: "1" }));
		assert.equal(await withLock(file, async () => "done"), "done");
	});

	it("takes over when the number belongs to another process by now", async () => {
		writeFileSync(file, JSON.stringify({ pid: process.pid, started: "1" }));
		const holder = await withLock(file, async () =>
			JSON.parse(readFileSync(file, "utf8")),
		);
		assert.equal(holder.pid, process.pid);
		assert.notEqual(holder.started, "1");
	});

	it("counts the others that are alive, and forgets the dead", () => {
		const users = new Users(folder);
		users.enter();
		writeFileSync(join(folder, "1"), JSON.stringify({ pid: 1 }));
		const dead = deadPid();
		writeFileSync(join(folder, `${dead}`), JSON.stringify({ pid: dead }));
		assert.deepEqual(users.others(), [1]);
		assert.equal(existsSync(join(folder, `${dead}`)), false);
	});
});
