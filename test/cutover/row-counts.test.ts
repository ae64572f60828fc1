import assert from "node:assert/strict";
import { rowCounts } from "../../cutover/checks/stabilization";

describe("row counts after the switch", () => {
	const seen = (source: number, target: number) =>
		rowCounts({
			migrate: async () => ({
				exitCode: 3,
				result: { counts: { readings: { source, target } } },
			}),
		}).run();

	it("may grow, and shrink by what users delete in a day", async () => {
		assert.match(await seen(1000, 1200), /1 tables, none shorter/);
		assert.match(await seen(1000, 990), /fewer .*: readings 990 of 1000/);
	});

	it("may not shrink by more, nor to nothing", async () => {
		await assert.rejects(seen(1000, 989), /too few rows: readings 989 of 1000/);
		await assert.rejects(seen(3, 0), /too few rows/);
	});
});
