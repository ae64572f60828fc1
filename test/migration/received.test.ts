import assert from "node:assert/strict";
import { migrateHere, refused } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";

describe("received", () => {
	let source: Database;
	before(async () => {
		source = await emptyDatabase(15);
		await run(
			source.url,
			`CREATE TABLE public.readings (dev_eui text, at timestamptz);
			INSERT INTO public.readings VALUES
				('0011223344556677', '2026-11-30 10:00:00.123456+00'),
				('0011223344556677', '2026-11-30 09:00:00+00')`,
		);
	});
	const ask = (query: string) => [
		...["received", "--query", query, "--since", "2026-11-30T09:30:00Z"],
	];
	const here = () => ({ SOURCE_DATABASE_URL: source.url });

	it("gives what the query finds from the time on", async () => {
		const { json } = await migrateHere(
			ask(
				"SELECT dev_eui, at AS received_at FROM public.readings WHERE at >= $1",
			),
			here(),
		);
		assert.deepEqual(json.received, [
			["0011223344556677", "2026-11-30T10:00:00.123Z"],
		]);
	});

	it("lets no query write", async () => {
		await assert.rejects(
			migrateHere(
				ask(
					"DELETE FROM public.readings WHERE at >= $1 RETURNING dev_eui, at AS received_at",
				),
				here(),
			),
			/read-only transaction/,
		);
	});

	it("says what a query has to give", async () => {
		const { message } = await refused(
			ask(
				"SELECT dev_eui, at::text AS received_at FROM public.readings WHERE at >= $1",
			),
			here(),
		);
		assert.match(message, /received_at: string/);
		assert.match(message, /cutover:ttn.received/);
	});
});
