import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { migrateHere, Running, refused, withDirectory } from "./cli";
import { type Database, emptyPair, run } from "./databases";
import { LossyTcp } from "./lossy-tcp";

const SCHEMA = `
	CREATE TABLE things (id integer PRIMARY KEY, note text);
	INSERT INTO things SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n;
	CREATE TABLE parts (id integer PRIMARY KEY);
	INSERT INTO parts SELECT n FROM generate_series(1, 10) n;
`;

/** The values of a step's file, by the metric's name and its labels but `step`. */
async function read(
	directory: string,
	step: string,
): Promise<Record<string, number>> {
	const text = await readFile(join(directory, `${step}.prom`), "utf8");
	return Object.fromEntries(
		text
			.split("\n")
			.filter((line) => line && !line.startsWith("#"))
			.map((line) => {
				const [, name, labels = "", value] =
					/^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
				const others = labels
					.split(",")
					.filter((label) => label !== `step="${step}"`);
				assert.equal(others.length + 1, labels.split(",").length, line);
				return [`${name}${others.join()}`, Number(value)];
			}),
	);
}

describe("metrics of steps that end", function () {
	this.timeout(120_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
	});

	it("tell of a sync and of a freeze, stay, and hold no secret", () =>
		withDirectory(async (directory) => {
			const to = ["--metrics-dir", directory];
			const since = Date.now() / 1000;
			await migrateHere(["sync", "--proof", ...to], env);
			const sync = await read(directory, "sync");
			assert.equal(sync.cutover_copy_rows, 20_010);
			assert.equal(sync.cutover_copy_tables, 2);
			assert.equal(sync.cutover_copy_tables_done, 2);
			assert.ok((sync.cutover_copy_bytes ?? 0) > 2_000_000);
			assert.equal(sync.cutover_copy_expected_bytes, sync.cutover_copy_bytes);
			assert.equal(sync.cutover_journal_entries, 0);
			assert.equal(sync.cutover_proof_rows, 20_010);
			assert.equal(sync.cutover_proof_tables, 2);
			assert.equal(sync.cutover_proof_differences, 0);
			assert.ok((sync.cutover_proof_timestamp_seconds ?? 0) > since);
			assert.equal(sync.cutover_step_exit_code, 0);
			for (const phase of ["copy", "catch-up", "proof"])
				assert.equal(sync[`cutover_phasephase="${phase}"`], 0, phase);

			await run(source.url, "UPDATE parts SET id = 11 WHERE id = 10");
			const freeze = ["freeze", "--max-freeze", "60", "--drain", ...to];
			const { json } = await migrateHere(freeze, env);
			const frozen = await read(directory, "freeze");
			assert.equal(
				frozen.cutover_freeze_started_timestamp_seconds,
				Date.parse(String(json.frozenAt)) / 1000,
			);
			const phases = json.phases as Record<string, number>;
			for (const [phase, seconds] of Object.entries(phases))
				assert.equal(frozen[`cutover_freeze_secondsphase="${phase}"`], seconds);
			assert.equal(frozen.cutover_freeze_lifted, 0);
			assert.equal(frozen.cutover_journal_entries, 0);
			assert.equal(frozen.cutover_proof_rows, 20_010);
			assert.equal(frozen.cutover_proof_differences, 0);
			assert.equal(frozen.cutover_step_exit_code, 0);

			const files = (await readdir(directory)).sort();
			assert.deepEqual(files, ["freeze.prom", "sync.prom"]);
			for (const file of files) {
				const path = join(directory, file);
				assert.equal((await stat(path)).mode & 0o777, 0o644);
				const text = await readFile(path, "utf8");
				for (const url of [source.url, target.url])
					assert.ok(!text.includes(new URL(url).password));
			}
		}));

	it("tell of differences, and of a step that was refused", () =>
		withDirectory(async (directory) => {
			const to = ["--metrics-dir", directory];
			await migrateHere(["sync"], env);
			await run(target.url, "DELETE FROM parts WHERE id = 1");
			await migrateHere(["verify", ...to], env);
			const verify = await read(directory, "verify");
			assert.equal(verify.cutover_proof_differences, 1);
			assert.equal(verify.cutover_step_exit_code, 3);
			await refused(["copy", ...to], env);
			const copy = await read(directory, "copy");
			assert.equal(copy.cutover_step_exit_code, 4);
		}));

	it("show how far a copy has come while it runs", () =>
		withDirectory(async (directory) => {
			const { proxy, url } = await LossyTcp.before(source.url);
			const running = new Running(
				["sync", "--jobs", "1", "--metrics-dir", directory],
				{ ...env, SOURCE_DATABASE_URL: url },
			);
			try {
				// The first table goes by, the connection that copies it hangs in it.
				proxy.act = ({ fromServer }) =>
					fromServer > 1_000_000 ? "hang" : "pass";
				for (;;) {
					const sync = await read(directory, "sync").catch(() => undefined);
					if (sync && (sync.cutover_copy_bytes ?? 0) > 500_000) {
						assert.equal(sync['cutover_phasephase="copy"'], 1);
						assert.equal(sync.cutover_step_exit_code, undefined);
						assert.equal(sync.cutover_copy_tables, 2);
						assert.ok((sync.cutover_copy_tables_done ?? 2) < 2);
						assert.ok(
							(sync.cutover_copy_expected_bytes ?? 0) > 1_000_000,
							String(sync.cutover_copy_expected_bytes),
						);
						break;
					}
					const ended = await Promise.race([
						running.ended,
						new Promise((resolve) => setTimeout(resolve, 100, "not yet")),
					]);
					assert.equal(ended, "not yet", running.stderr);
				}
			} finally {
				await running.stop("SIGKILL");
				await proxy.stop();
			}
		}));

	it("are not written by what only looks, nor where they would have to be made a place", () =>
		withDirectory(async (directory) => {
			const to = ["--metrics-dir", directory];
			await migrateHere(["sync", "--state", ...to], env);
			await migrateHere(["freeze", "--dry-run", ...to], env);
			assert.deepEqual(await readdir(directory), []);
			const there = await refused(
				["verify", "--metrics-dir", join(directory, "none")],
				env,
			);
			assert.equal(there.exitCode, 2);
		}));
});
