import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { migrate, migrateHere } from "./cli";
import { type Database, emptyPair, run } from "./databases";

const CLI = join(__dirname, "../../migration/cli.ts");
const POLL_MS = 3;

const PARTITIONS = (table: string) => `
	PARTITION BY RANGE (at);
	CREATE TABLE ${table}_1 PARTITION OF ${table} FOR VALUES FROM (MINVALUE) TO ('2026-02-01');
	CREATE TABLE ${table}_2 PARTITION OF ${table} FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (id);
	CREATE TABLE ${table}_2a PARTITION OF ${table}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE ${table}_2b PARTITION OF ${table}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE TABLE ${table}_3 PARTITION OF ${table} DEFAULT`;

/** \`turned\` is partitioned on one side, \`parted\` on both, \`whole\` on the other. */
const schema = (partitioned: readonly string[]) =>
	["turned", "parted", "whole"]
		.map(
			(table) => `
			CREATE TABLE ${table} (id integer, at timestamptz, value integer, pad text, PRIMARY KEY (id, at))
			${partitioned.includes(table) ? PARTITIONS(table) : ""};
			CREATE INDEX ${table}_value ON ${table} (value, id);`,
		)
		.join("\n");

/** About 50 MB, which are copied in three parts or more. */
const rows = (table: string) => `
	INSERT INTO ${table}
	SELECT n, '2026-01-01'::timestamptz + n * interval '1 minute', n % 100, repeat(md5(n::text), 12)
	FROM generate_series(1, 110000) n;`;

describe("a copy of partitioned tables that is killed", function () {
	this.timeout(300_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, schema(["parted", "whole"]));
		await run(source.url, ["turned", "parted", "whole"].map(rows).join(" "));
		await run(target.url, schema(["turned", "parted"]));
	});

	it("goes on to the same rows, none twice", async () => {
		let done = 0;
		let kills = 0;
		for (const table of ["turned", "parted", "whole", "turned"]) {
			const now = await killed(done);
			if (now === null) break;
			done = now;
			kills++;
			await run(
				source.url,
				`UPDATE ${table} SET at = at + interval '30 days' WHERE id % 1000 = ${kills};
				DELETE FROM ${table} WHERE id % 1000 = ${10 + kills};
				INSERT INTO ${table} VALUES (${-kills}, '2026-02-02', 0, '')`,
			);
		}
		assert.ok(kills >= 2, `${kills} kills while rows came`);
		const last = await migrate(["sync", "--jobs", "2", "--json"], env);
		assert.equal(last.exitCode, 0, last.stderr);
		assert.ok(last.json.copied.chunksDoneBefore >= done);
		await migrateHere(["freeze"], env);
		assert.equal((await migrateHere(["sync", "--drain"], env)).exitCode, 0);
		const { json } = await migrateHere(["verify"], env);
		assert.deepEqual(json.differences, []);
		assert.equal(json.rows, 3 * 110_000 - 110 * kills + kills);
		assert.deepEqual(
			await run(
				target.url,
				`SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid`,
			),
			[],
		);
	});

	/**
	 * Kills a sync as soon as it has brought a part more, while others are missing;
	 * gives how many there are, or null where it came to its end.
	 */
	async function killed(before: number): Promise<number | null> {
		const child = spawn(
			process.execPath,
			["--import", "tsx", CLI, "sync", "--jobs", "1"],
			{ env: { ...process.env, ...env }, stdio: "ignore" },
		);
		let ended = false;
		const end = new Promise((resolve) => child.once("close", resolve)).then(
			() => {
				ended = true;
			},
		);
		while (!ended) {
			const [chunks] = await run(
				target.url,
				`SELECT count(rows)::int AS "done", count(*)::int AS "all" FROM cutover.copy_chunk`,
			).catch(() => []);
			if (chunks && chunks.done > before && chunks.done < chunks.all) {
				child.kill("SIGKILL");
				await end;
				return chunks.done;
			}
			await pause(POLL_MS);
		}
		return null;
	}
});
