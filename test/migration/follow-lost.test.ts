import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { MigrationError } from "../../migration/errors";
import type { LocalPostgres } from "../postgres";
import { startLocalPostgres } from "../postgres";
import { migrateHere } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";
import { type Followed, startFollower } from "./follow-support";
import { LOAD_SCHEMA, Load, loadRows, random } from "./load";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
/** Times that something is cut; more with LOSSES=30. */
const LOSSES = Number(process.env.LOSSES ?? 4);

describe("a follower that loses a database", () => {
	let servers: { source: LocalPostgres; target: LocalPostgres };
	let source: Database;
	let target: Database;
	let followed: Followed;

	before(async () => {
		const [from, to] = await Promise.all([
			startLocalPostgres({ version: 15 }),
			startLocalPostgres({ version: 17 }),
		]);
		servers = { source: from, target: to };
	});
	beforeEach(async () => {
		source = await emptyDatabase(15, servers.source);
		target = await emptyDatabase(17, servers.target);
		await run(source.url, LOAD_SCHEMA + loadRows(5000));
		await run(target.url, LOAD_SCHEMA);
	});
	afterEach(async () => followed?.pair.close());
	after(async () => {
		await Promise.all([servers.source.stop(), servers.target.stop()]);
	});

	/** Follows under load while `harm` is done, then ends equal. */
	async function endsEqual(
		harm: (chance: () => number) => Promise<unknown>,
	): Promise<void> {
		const chance = random(SEED);
		followed = await startFollower(source, target);
		const load = new Load(source.url, random(SEED + 1)).start();
		const stop = new AbortController();
		const following = followed.follower.follow(stop.signal);
		for (let loss = 0; loss < LOSSES; loss++) {
			await pause(200 + chance() * 800);
			await harm(chance);
		}
		await load.stop();
		stop.abort();
		await following;
		await followed.follower.drain();
		const { json } = await migrateHere(["verify"], {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		});
		assert.deepEqual(
			(json.differences as { kind: string }[]).filter(
				({ kind }) => kind !== "sequence",
			),
			[],
		);
		assert.ok(followed.follower.totals.reconnects > 0);
	}

	const cut = (database: Database) =>
		run(
			database.superuserUrl,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'cutover%'`,
		);

	it(`goes on after connections were cut on either side (SEED=${SEED})`, async () => {
		await endsEqual((chance) => cut(chance() < 0.5 ? source : target));
	});

	it(`goes on after a crash of the source, and has nothing that it lost (SEED=${SEED})`, async () => {
		await endsEqual(() => servers.source.crash(100));
	});

	it(`goes on after a crash of the target, and misses nothing (SEED=${SEED})`, async () => {
		await endsEqual(() => servers.target.crash(100));
	});

	for (const side of ["source", "target"] as const)
		it(`goes on with a copy after a crash of the ${side}`, async () => {
			await run(
				source.url,
				"INSERT INTO readings SELECT n, 1, now(), n, jsonb_build_object('pad', repeat('x', 150)) FROM generate_series(100001, 300000) n",
			);
			target = await emptyDatabase(17, servers.target);
			const env = {
				SOURCE_DATABASE_URL: source.url,
				TARGET_DATABASE_URL: target.url,
			};
			const load = new Load(source.url, random(SEED), 50).start();
			const syncing = migrateHere(["sync", "--patience", "30"], env);
			try {
				await chunksDone(target);
				await servers[side].crash(100);
				await syncing;
				await migrateHere(["freeze"], env);
			} finally {
				await load.stop();
			}
			await migrateHere(["sync", "--drain"], env);
			const { json } = await migrateHere(["verify"], env);
			assert.deepEqual(json.differences, []);
		});

	it("gives up after its patience, and says what to do", async () => {
		followed = await startFollower(source, target, { patience: 500 });
		await followed.follower.cycle();
		const back = servers.target.crash(3000);
		await run(source.url, "INSERT INTO small VALUES (1)");
		await assert.rejects(followed.follower.cycle(), (error) => {
			assert.ok(error instanceof MigrationError);
			assert.equal(error.exitCode, 1);
			assert.match(error.fix, /goes on where it stood/);
			return true;
		});
		await back;
		await followed.follower.cycle();
		assert.deepEqual((await followed.both("small")).target, ["(1,)"]);
	});
});

/** Returns once a part of the copy is done. */
async function chunksDone({ url }: Database): Promise<void> {
	for (;;) {
		const [row] = await run(
			url,
			`SELECT to_regclass('cutover.copy_chunk') IS NOT NULL AS "begun"`,
		);
		if (row.begun) {
			const [chunks] = await run(
				url,
				'SELECT count(*) FILTER (WHERE rows IS NOT NULL)::int AS "done" FROM cutover.copy_chunk',
			);
			if (chunks.done > 0) return;
		}
	}
}
