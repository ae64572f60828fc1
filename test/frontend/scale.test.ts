import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

/** Modules of the page that need no browser, loaded as the browser would. */
const load = (name: string) =>
	import(pathToFileURL(`${__dirname}/site/${name}`).href);

describe("front page", () => {
	describe("scale.mjs", () => {
		// biome-ignore lint/suspicious/noExplicitAny: plain JavaScript of the page
		let scale: any;
		before(async () => {
			scale = await load("scale.mjs");
		});

		it("divides a range by round values", () => {
			assert.deepEqual(scale.ticks(35.2, 40.9), [36, 38, 40]);
			assert.deepEqual(scale.ticks(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
			assert.deepEqual(scale.ticks(0, 1000), [0, 200, 400, 600, 800, 1000]);
		});

		it("maps linearly, and a single value to the middle", () => {
			const map = scale.linear(0, 10, 100, 200);
			assert.deepEqual([0, 5, 10].map(map), [100, 150, 200]);
			assert.equal(scale.linear(3, 3, 100, 200)(3), 150);
		});

		it("breaks the line where a value is missing", () => {
			const points = [1, 2, null, 3, 4].map((y, x) => ({ x, y }));
			assert.equal(scale.linePath(points), "M0.0 1.0L1.0 2.0M3.0 3.0L4.0 4.0");
		});

		it("finds the nearest point", () => {
			const points = [0, 10, 20, 40].map((x) => ({ x }));
			const at = (x: number) => scale.nearest(points, x);
			assert.deepEqual([-5, 4, 6, 29, 31, 99].map(at), [0, 0, 1, 2, 3, 3]);
			assert.equal(scale.nearest([{ x: 7 }], 0), 0);
		});
	});

	it("shows temperatures in their own unit", async () => {
		const { temperature } = await load("temperature.mjs");
		assert.equal(temperature(3.5, "C"), "3.5 °C");
		assert.equal(temperature(38.25, "F"), "38.3 °F");
		assert.equal(temperature(null, "F"), "–");
	});
});
