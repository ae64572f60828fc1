import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
	combine,
	digestTable,
	readSide,
	writtenSide,
} from "../../migration/digest/table";
import { checkMapping } from "../../migration/mapping/check";
import { labelOf } from "../../migration/mapping/compile";
import { freshtrack } from "../../migration/mapping/freshtrack";
import type { CompiledMapping } from "../../migration/mapping/mapping";
import { countRejects } from "../../migration/mapping/rejects";
import { completeSource, createNewSchema } from "../freshtrack/full";
import { fillSource } from "../freshtrack/generate";
import { emptyDatabase, emptySource, using } from "./databases";
import {
	compiled,
	copyAll,
	mergeAll,
	type Pair,
	sessions,
} from "./mapping-support";

/** Facts of the product, where this checkout has them at hand. */
const FACTS =
	process.env.CUTOVER_FRESHTRACK ??
	join(__dirname, "..", "..", "..", "shared", "freshtrack");

describe("FreshTrack's mapping", function () {
	this.timeout(120_000);
	let databases: Pair;
	let made: CompiledMapping;
	let counts: Awaited<ReturnType<typeof copyAll>>;

	before(async () => {
		const source = await emptySource();
		await using(source.superuserUrl, async (client) => {
			await fillSource(client, { hours: 30 });
			await completeSource(client);
			// The sensor sent no temperature.
			await client.query(
				"UPDATE public.sensor_readings SET temperature = NULL WHERE id IN (SELECT id FROM public.sensor_readings ORDER BY id LIMIT 5)",
			);
		});
		const target = await emptyDatabase(17);
		await using(target.url, createNewSchema);
		databases = await sessions({ source, target });
	});
	after(() => databases.close());

	it("decides on all tables and columns of both sides, and every statement of it can run", async () => {
		const check = await checkMapping(freshtrack, databases);
		assert.deepEqual(check.problems, []);
		assert.equal(check.undecided, "");
		assert.deepEqual(
			check.exported.map(({ table }) => table),
			[
				"pairing_sessions",
				"partition_retention_overrides",
				"reading_metrics",
				"sensor_readings_old",
				"sms_configs",
				"stripe_events",
			],
		);
	});

	it("decides on every column that the product's own list names, where that is at hand", () => {
		const path = join(FACTS, "source-columns.tsv");
		if (!existsSync(path)) return;
		const [, ...lines] = readFileSync(path, "utf8").trim().split("\n");
		// The live check above has decided on all columns of the test's source.
		const tables = new Set(lines.map((line) => line.split("\t")[0]));
		assert.deepEqual(Object.keys(freshtrack.tables).sort(), [...tables].sort());
	});

	it("brings all rows into the new schema, but those that do not fit", async () => {
		made = await compiled(freshtrack, databases);
		for (const client of [databases.source, databases.target])
			await client.query("TRUNCATE cutover.user_map");
		await mapUsers(databases);
		counts = await copyAll(databases, made);
		const rejected = await countRejects(databases.target, []);
		console.log(
			rejected.map(({ route, reason, rows }) => `${route}: ${reason}: ${rows}`),
		);
		await assertEqual();
	});

	it("takes nothing from the old system when rows come back that nobody has changed", async () => {
		const back = await mergeAll(databases, made);
		for (const [route, { updated, inserted }] of Object.entries(back))
			assert.deepEqual(
				{ route, updated, inserted },
				{ route, updated: 0, inserted: 0 },
			);
		const rejected = await countRejects(databases.source, []);
		console.log(
			rejected.map(({ route, reason, rows }) => `${route}: ${reason}: ${rows}`),
		);
	});

	/** Several routes may go into one table: their digests add up to its own. */
	async function assertEqual(): Promise<void> {
		for (const route of made.forward.routes) {
			const same = made.forward.routes.filter(
				({ to }) =>
					labelOf({ from: to, to }) ===
					labelOf({ from: route.to, to: route.to }),
			);
			const read = await Promise.all(
				same.map((one) => digestTable(databases.source, readSide(one))),
			);
			assert.deepEqual(
				await digestTable(databases.target, writtenSide(route)),
				combine(read),
				labelOf(route),
			);
		}
	}
});

/** Gives every user of the source a new id, the same on both sides. */
async function mapUsers({ source, target }: Pair): Promise<void> {
	const { rows } = await source.query<{ old: string; new: string }>(
		"SELECT id AS old, gen_random_uuid() AS new FROM auth.users",
	);
	for (const client of [source, target])
		await client.query(
			`INSERT INTO cutover.user_map (old_id, new_id, state)
			SELECT o, n, 'moved' FROM unnest($1::uuid[], $2::uuid[]) AS u (o, n)`,
			[rows.map((row) => row.old), rows.map((row) => row.new)],
		);
}
