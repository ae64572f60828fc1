import assert from "node:assert/strict";
import { decide, type Limits, type OpenAlert } from "./src/excursion";

const NOON = new Date("2026-05-01T12:00:00Z");
const limits: Limits = { high: 41, low: 30, hysteresis: 1, confirmMinutes: 10 };
const openSince = (
	minutes: number,
	severity: OpenAlert["severity"] = "warning",
): OpenAlert => ({
	id: "alert",
	severity,
	triggeredAt: new Date(NOON.getTime() - minutes * 60_000),
});

describe("decision about a reading", () => {
	it("does nothing inside the limits, edges included", () => {
		for (const temperature of [30, 35, 41]) {
			assert.deepEqual(decide(temperature, NOON, limits, undefined), {
				action: "none",
			});
		}
	});

	it("raises an alert on either side", () => {
		assert.deepEqual(decide(41.01, NOON, limits, undefined), {
			action: "raise",
			limit: 41,
			violated: "max",
		});
		assert.deepEqual(decide(29.9, NOON, limits, undefined), {
			action: "raise",
			limit: 30,
			violated: "min",
		});
	});

	it("escalates once, after the time to confirm", () => {
		assert.equal(decide(50, NOON, limits, openSince(9.9)).action, "none");
		assert.equal(decide(50, NOON, limits, openSince(10)).action, "escalate");
		assert.equal(
			decide(50, NOON, limits, openSince(60, "critical")).action,
			"none",
		);
	});

	it("ends only inside by the hysteresis", () => {
		const open = openSince(5);
		assert.equal(decide(40.5, NOON, limits, open).action, "none");
		assert.equal(decide(30.5, NOON, limits, open).action, "none");
		assert.equal(decide(40, NOON, limits, open).action, "resolve");
	});

	it("ends in a band narrower than the hysteresis", () => {
		const narrow = { ...limits, high: 31 };
		assert.equal(decide(30.5, NOON, narrow, openSince(5)).action, "resolve");
	});
});
