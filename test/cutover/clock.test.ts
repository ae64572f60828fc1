import assert from "node:assert/strict";
import { clockOffsetSeconds, moveClock, now } from "../../cutover/clock";

describe("the ladder's clock", () => {
	const variable = "CUTOVER_CLOCK_OFFSET_SECONDS";
	let before: string | undefined;
	beforeEach(() => {
		before = process.env[variable];
		delete process.env[variable];
	});
	afterEach(() => {
		if (before === undefined) delete process.env[variable];
		else process.env[variable] = before;
	});

	it("is the wall clock unless moved", () => {
		assert.equal(clockOffsetSeconds(), 0);
		assert.ok(Math.abs(now().getTime() - Date.now()) < 1_000);
	});

	it("adds up moves, and says by how much", () => {
		moveClock(3_600);
		moveClock(1_800);
		assert.equal(clockOffsetSeconds(), 5_400);
		const ahead = now().getTime() - Date.now();
		assert.ok(Math.abs(ahead - 5_400_000) < 1_000, `${ahead} ms`);
	});

	it("refuses what is no number instead of standing still", () => {
		process.env[variable] = "a day";
		assert.throws(() => now(), /number of seconds/);
	});
});
