import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { COMMANDS } from "../../migration/options";
import { migrate, withDirectory } from "./cli";
import { type Database, emptySource, emptyTarget, run } from "./databases";

const execute = promisify(execFile);

/** All that a write leaves a trace in: tuple counters, rows of the catalogs, contents. */
const TRACES = `
	SELECT
		(SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables WHERE schemaname IN ('public', 'auth')) AS tuples,
		(SELECT md5(string_agg(c.oid::text || c.relfilenode || c.relname, ',' ORDER BY c.oid)) FROM pg_class c) AS relations,
		(SELECT md5(string_agg(t.oid::text || t.tgenabled::text, ',' ORDER BY t.oid)) FROM pg_trigger t) AS triggers,
		(SELECT count(*) FROM pg_constraint) AS constraints,
		(SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM public.alarm_definitions a) AS contents
`;

describe("the migration's command line", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		source = await emptySource();
		target = await emptyTarget();
		env = { SOURCE_DATABASE_URL: source.url, TARGET_DATABASE_URL: target.url };
	});

	it("touches nothing in a dry run, and says what would happen", async () => {
		const before = [
			await run(source.superuserUrl, TRACES),
			await run(target.superuserUrl, TRACES),
		];
		await withDirectory(async (directory) => {
			for (const command of ["export", "import", "freeze", "unfreeze"]) {
				const { exitCode, json, stderr } = await migrate(
					[command, "--dry-run", "--dir", directory, "--json"],
					env,
				);
				assert.equal(exitCode, 0, stderr);
				assert.equal(json.dryRun, true);
				if (command === "export" || command === "import") {
					assert.equal(json.tables, 28);
					assert.equal(json.rows, 109);
					assert.ok(json.bytes > 0);
				}
			}
			assert.deepEqual(await readdir(directory), []);
		});
		assert.deepEqual(
			[
				await run(source.superuserUrl, TRACES),
				await run(target.superuserUrl, TRACES),
			],
			before,
		);
	}).timeout(120_000);

	it("takes its environment from standard input, and shows no password anywhere", async () => {
		const { exitCode, json, stdout, stderr } = await migrate(
			["probe", "--environment-stdin", "--json"],
			{},
			JSON.stringify(env),
		);
		assert.equal(exitCode, 0, stderr);
		assert.deepEqual(json.obstacles, []);
		assert.equal(json.source.role, "postgres");
		assert.match(json.source.version, /^15/);
		assert.match(json.target.version, /^17/);
		for (const url of Object.values(env))
			assert.ok(!(stdout + stderr).includes(new URL(url).password));
	});

	it("ends with 2 and a message for people on bad input", async () => {
		for (const [args, message] of [
			[["move"], /expected one command.*found move/s],
			[["verify", "--lmit", "3"], /Unknown option '--lmit'/],
			[["verify", "--limit", "many"], /--limit to be a whole number/],
			[["export"], /expected --dir/],
			[
				[
					"probe",
					"--source",
					"postgres://u:hidden@db.example.com:6543/postgres",
				],
				/transaction pooler/,
			],
		] as const) {
			const { exitCode, stderr } = await migrate(args, env);
			assert.equal(exitCode, 2, stderr);
			assert.match(stderr, message);
			assert.doesNotMatch(stderr, /hidden|\n\s+at /);
		}
	}).timeout(120_000);

	it("ends with 1 where a database does not answer, without its password", async () => {
		const { exitCode, stderr } = await migrate(
			["freeze", "--source", "postgres://u:hidden@127.0.0.1:1/postgres"],
			{},
		);
		assert.equal(exitCode, 1);
		assert.match(stderr, /u:\*\*\*@127\.0\.0\.1:1.*ECONNREFUSED/s);
		assert.doesNotMatch(stderr, /hidden/);
	});

	it("ends with 3 and the differences where the sides differ", async () => {
		const { exitCode, json, stderr } = await migrate(["verify", "--json"], env);
		assert.equal(exitCode, 3, stderr);
		assert.equal(json.command, "verify");
		assert.equal(json.equal, false);
		assert.ok(json.seconds > 0);
		// Both sides seeded the same tables, each with ids of its own.
		assert.deepEqual(
			[
				...new Set(json.differences.map((d: { table: string }) => d.table)),
			].sort(),
			["alarm_definitions", "sensor_catalog"],
		);
	});

	it("ends with 4 where a guard refuses", async () => {
		await run(
			target.url,
			"INSERT INTO organizations (name, slug, deleted_by) VALUES ('in use', 'in-use', gen_random_uuid())",
		);
		const { exitCode, stderr } = await migrate(
			["import", "--dry-run", "--dir", "/nonexistent"],
			env,
		);
		assert.equal(exitCode, 4);
		assert.match(stderr, /organizations \(1 rows\)/);
	});

	it("runs every command from the one file that the image holds", async () => {
		const folder = join(__dirname, "../../migration");
		const dockerfile = await readFile(join(folder, "Dockerfile"), "utf8");
		const [, flags = ""] =
			/npx esbuild migration\/cli\.ts ([\s\S]*) --outfile/.exec(dockerfile) ??
			[];
		await withDirectory(async (directory) => {
			const file = join(directory, "migrate.js");
			await execute("npx", [
				...["esbuild", join(folder, "cli.ts"), `--outfile=${file}`],
				...flags.split(/[\s\\]+/),
			]);
			const fromSource = { SOURCE_DATABASE_URL: source.url };
			for (const args of [
				...COMMANDS.map((command) => [command]),
				["verify", "--mapping", "freshtrack"],
			]) {
				// Loaded, and refused for the address or the directory that it lacks.
				const { code, stderr } = await execute(
					process.execPath,
					[file, ...args],
					{ cwd: directory, env: args[0] === "verify" ? fromSource : {} },
				).catch((error) => error);
				assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
			}
		});
	}).timeout(120_000);
});
