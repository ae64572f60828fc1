import assert from "node:assert/strict";
import { readCatalog } from "../../migration/catalog/read";
import { copyRoutes } from "../../migration/copy/live";
import { sameShape } from "../../migration/route";
import { emptyDatabase, run, using } from "./databases";

const SCHEMA = `
	CREATE TABLE events (id bigint, day date) PARTITION BY RANGE (day);
	CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
	CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');
	CREATE TABLE plain (id bigint);
`;
const DATA = `
	INSERT INTO events SELECT n, date '2025-12-01' + n % 60 FROM generate_series(1, 2000) n;
	INSERT INTO plain SELECT generate_series(1, 2000);
`;

describe("a copy that is under way", () => {
	it("holds no lock on a table or a partition that it does not read at the moment", async () => {
		const [source, target] = [await emptyDatabase(15), await emptyDatabase(17)];
		await run(source.url, SCHEMA + DATA);
		await run(target.url, SCHEMA);
		const routes = await using(source.url, async (client) =>
			(await readCatalog(client)).tables.map(sameShape),
		);
		const addresses = {
			source: { label: "source", url: source.url },
			target: { label: "target", url: target.url },
		};
		const alter = {
			name: "the application's ALTER TABLE",
			rank: Number.MAX_VALUE,
			after: [],
			run: async () => {
				await run(
					source.url,
					"BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE events_new, plain; COMMIT",
				);
			},
		};
		// One lane: nothing is read while the application is at work.
		await copyRoutes(
			addresses,
			{ routes, definitions: [] },
			{ jobs: 1, beside: () => [alter] },
		);
		const { events, plain } = (
			await run(
				target.url,
				"SELECT (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM plain) AS plain",
			)
		)[0];
		assert.deepEqual([events, plain], [2000, 2000]);
	});
});
