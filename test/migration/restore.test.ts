import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateHere, refused } from "./cli";
import { type Database, emptyDatabase, run } from "./databases";
import {
	DATA,
	dataFolder,
	FILES,
	LARGE_ROWS,
	SMALL_TABLES,
	start,
	until,
} from "./export-fixture";
import { LossyTcp } from "./lossy-tcp";

describe("a restore", () => {
	let source: Database;
	let directory: string;
	let target: Database;

	before(async () => {
		source = await emptyDatabase(15);
		await run(source.url, DATA);
		await run(source.url, "ANALYZE");
		directory = await mkdtemp(join(tmpdir(), "restore-"));
		await migrateHere(["export", "--dir", directory, "--source", source.url]);
	});
	after(() => rm(directory, { recursive: true, force: true }));
	beforeEach(async () => {
		target = await emptyDatabase(17);
	});

	const restore = (url = target.url) =>
		migrateHere([
			"import",
			"--create-schema",
			"--dir",
			directory,
			"--target",
			url,
		]);
	const equal = async () => {
		const { exitCode, json } = await migrateHere([
			...["verify", "--dir", directory],
			...["--source", source.url, "--target", target.url],
		]);
		assert.equal(exitCode, 0, JSON.stringify(json.differences));
	};

	it("goes on after a kill with what is missing", async () => {
		const { proxy, url } = await LossyTcp.before(target.url);
		proxy.act = ({ fromClient }) => (fromClient > 8_000_000 ? "hang" : "pass");
		const child = start(
			"import",
			"--create-schema",
			"--dir",
			directory,
			"--target",
			url,
		);
		const ended = once(child, "exit");
		await until(async () => {
			const [row] = await run(
				target.url,
				"SELECT to_regclass('cutover.copy_chunk') IS NOT NULL AS begun",
			);
			if (!row.begun) return false;
			const [done] = await run(
				target.url,
				"SELECT count(*)::int AS n FROM cutover.copy_chunk WHERE done_at IS NOT NULL",
			);
			return done.n === FILES - 2;
		});
		child.kill("SIGKILL");
		await ended;
		await proxy.stop();
		await until(async () => {
			const [row] = await run(
				target.url,
				"SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cutover-migration'",
			);
			return row.n === 0;
		});
		const { json } = await restore();
		assert.equal(json.filesDoneBefore, FILES - 2);
		assert.equal(json.rows, LARGE_ROWS + 1000 + 10 + SMALL_TABLES * 100);
		await equal();
	});

	it("goes on with a new session where one is lost", async () => {
		const { proxy, url } = await LossyTcp.before(target.url);
		try {
			let cuts = 0;
			proxy.act = ({ fromClient }) =>
				fromClient > 8_000_000 && cuts++ === 0 ? "cut" : "pass";
			await restore(url);
			assert.ok(cuts > 0, "nothing was cut");
		} finally {
			await proxy.stop();
		}
		await equal();
	});

	it("makes nothing of a damaged export", async () => {
		const folder = await dataFolder(directory);
		const file = join(folder, "small_1.copy.br");
		await appendFile(file, "x");
		const error = await refused([
			...["import", "--create-schema", "--dir", directory],
			...["--target", target.url],
		]);
		assert.match(error.found, /sha256/);
		await truncate(file, (await readFile(file)).length - 1);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace",
			),
			[],
		);
		await restore();
	});

	it("refuses a database that is not empty, or that another export fills", async () => {
		await run(target.url, "CREATE TABLE there (id integer)");
		const filled = await refused([
			...["import", "--create-schema", "--dir", directory],
			...["--target", target.url],
		]);
		assert.equal(filled.exitCode, 2);
		await run(
			target.url,
			`
			DROP TABLE there;
			CREATE SCHEMA cutover;
			CREATE TABLE cutover.copy_chunk (
				route text, number integer, part text, from_block bigint, to_block bigint,
				filenode bigint, rows bigint, bytes bigint, snapshot_at text, done_at timestamptz
			);
			INSERT INTO cutover.copy_chunk (route, number) VALUES ('data-1/other.copy.br', 0);
			`,
		);
		const other = await refused([
			...["import", "--create-schema", "--dir", directory],
			...["--target", target.url],
		]);
		assert.equal(other.exitCode, 4);
		assert.match(other.found, /another export/);
	});
});
