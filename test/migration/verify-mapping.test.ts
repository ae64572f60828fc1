import assert from "node:assert/strict";
import type { Difference } from "../../migration/digest/difference";
import { freshtrack } from "../../migration/mapping/freshtrack";
import { completeSource, createNewSchema } from "../freshtrack/full";
import { fillSource } from "../freshtrack/generate";
import { migrateHere } from "./cli";
import { emptyDatabase, emptySource, run, using } from "./databases";
import { compiled, copyAll, type Pair, sessions } from "./mapping-support";

const REJECTED = 5;

describe("verify by a mapping", function () {
	this.timeout(60_000);
	let pair: Pair;
	let env: Record<string, string>;
	const accepted: string[] = [];

	before(async () => {
		const source = await emptySource();
		await using(source.superuserUrl, async (client) => {
			await fillSource(client, { hours: 6 });
			await completeSource(client);
			await client.query(
				`UPDATE public.sensor_readings SET temperature = NULL
				WHERE id IN (SELECT id FROM public.sensor_readings ORDER BY id LIMIT ${REJECTED})`,
			);
		});
		const target = await emptyDatabase(17);
		await using(target.url, createNewSchema);
		pair = await sessions({ source, target });
		await copyAll(pair, await compiled(freshtrack, pair));
		env = { SOURCE_DATABASE_URL: source.url, TARGET_DATABASE_URL: target.url };
	});
	after(() => pair.close());

	const verify = async (...args: string[]) => {
		const { exitCode, json, lines } = await migrateHere(
			["verify", "--mapping", "freshtrack", ...accepted, ...args],
			env,
		);
		return {
			exitCode,
			json,
			lines,
			differences: json.differences as Difference[],
		};
	};

	it("fails while rows are rejected that nobody has accepted", async () => {
		const { exitCode, differences } = await verify();
		assert.equal(exitCode, 3);
		assert.deepEqual(
			[...new Set(differences.map(({ kind }) => kind))],
			["rejects"],
		);
		for (const { table, detail } of differences) {
			const reason = detail?.replace(
				/^\d+ rows rejected and not accepted: /,
				"",
			);
			accepted.push("--accept-rejects", `${table}:${reason}`);
		}
		assert.match(
			differences.find(({ table }) => table === "sensor_readings")?.detail ??
				"",
			new RegExp(`^${REJECTED} rows rejected`),
		);
	});

	it("finds what the mapping makes of the source on the target, the archive included", async () => {
		const { exitCode, json, lines } = await verify();
		assert.equal(exitCode, 0, lines.join("\n"));
		const counts = json.counts as Record<string, { target: number }>;
		assert.ok(Object.keys(counts).some((table) => table.startsWith("legacy.")));
		assert.ok((json.rows as number) > 1000);
	});

	it("names a value that is not what the mapping makes of it, and repairs it", async () => {
		const [row] = await run(
			env.TARGET_DATABASE_URL ?? "",
			"UPDATE sensor_readings SET temperature = temperature + 0.01 WHERE id = (SELECT id FROM sensor_readings ORDER BY id LIMIT 1) RETURNING id",
		);
		const { exitCode, differences } = await verify();
		assert.equal(exitCode, 3);
		assert.deepEqual(
			differences.map(({ table, kind, key, columns }) => ({
				table,
				kind,
				id: key?.id,
				columns,
			})),
			[
				{
					table: "sensor_readings",
					kind: "changed",
					id: row.id,
					columns: ["temperature"],
				},
			],
		);
		await migrateHere(["freeze"], env);
		const repaired = await verify("--repair");
		assert.equal(repaired.exitCode, 0, repaired.lines.join("\n"));
		assert.deepEqual(repaired.json.repaired, [
			{ table: "sensor_readings", deleted: 1, inserted: 1 },
		]);
	});
});

describe("a sync through a mapping, with proof", function () {
	this.timeout(60_000);

	it("is proven while it runs, and at the freeze only by what came since", async () => {
		const source = await emptySource();
		await using(source.superuserUrl, async (client) => {
			await fillSource(client, { hours: 3 });
			await completeSource(client);
		});
		const target = await emptyDatabase(17);
		await using(target.url, createNewSchema);
		const env = {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		};
		const mapping = ["--mapping", "freshtrack"];
		const synced = await migrateHere(["sync", ...mapping, "--proof"], env);
		assert.equal(synced.exitCode, 0, synced.lines.join("\n"));
		await run(
			source.url,
			`UPDATE units SET temp_limit_high = 40.55 WHERE id = (SELECT min(id::text) FROM units)::uuid;
			UPDATE sensor_readings SET temperature = 1.25 WHERE id IN (SELECT id FROM sensor_readings WHERE temperature IS NOT NULL ORDER BY id LIMIT 7);
			DELETE FROM alerts WHERE id = (SELECT max(id::text) FROM alerts)::uuid`,
		);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", ...mapping, "--drain"], env);
		const verify = ["verify", ...mapping, "--since-baseline"];
		const refusal = await migrateHere(verify, env);
		const rejects = (refusal.json.differences as Difference[]).flatMap(
			({ table, kind, detail }) => {
				assert.equal(kind, "rejects");
				return [
					"--accept-rejects",
					`${table}:${detail?.replace(/^\d+ rows rejected and not accepted: /, "")}`,
				];
			},
		);
		const proof = await migrateHere([...verify, ...rejects], env);
		assert.equal(proof.exitCode, 0, proof.lines.join("\n"));
		const read = proof.json.read as Record<string, string>;
		assert.equal(read.sensor_readings, "7 keys written since the baseline");
		for (const table of ["alerts", "units"])
			assert.match(read[table] ?? "", /^[1-9]\d* keys written/);
		assert.match(read.sites ?? "", /^0 keys written/);
	});
});
