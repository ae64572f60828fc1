import assert from "node:assert/strict";
import { migrateHere } from "./cli";
import { type Database, emptyPair, run } from "./databases";
import { LOAD_SCHEMA, Load, loadRows, random } from "./load";

/** Seconds of writing while the target is followed. */
const SECONDS = Number(process.env.LOAD_SECONDS ?? 5);
const READINGS = Number(process.env.LOAD_READINGS ?? 20_000);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

describe("a sync under load", () => {
	let source: Database;
	let env: Record<string, string>;

	before(async () => {
		({ source, env } = await emptyPair());
		await run(source.url, LOAD_SCHEMA + loadRows(READINGS));
	});

	it(`ends equal, after 200 writes a second during all of it (SEED=${SEED})`, async () => {
		const load = new Load(source.url, random(SEED)).start();
		const begun = performance.now();
		try {
			await migrateHere(["sync"], env);
			while (performance.now() - begun < SECONDS * 1000)
				await migrateHere(["sync"], env);
			await migrateHere(["freeze"], env);
		} finally {
			await load.stop();
		}
		const seconds = (performance.now() - begun) / 1000;
		const { json } = await migrateHere(["sync", "--drain"], env);
		assert.equal(json.lagRows, 0);
		const verified = await migrateHere(["verify"], env);
		assert.deepEqual(verified.json.differences, []);
		console.log(
			`\t${load.writes} writes in ${seconds.toFixed(1)} s (${Math.round(load.writes / seconds)}/s)`,
		);
		assert.ok(load.writes / seconds > 100, "too few writes to tell anything");
	});
});
