import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { migrate, migrateHere } from "./cli";
import { type Database, emptyPair, run } from "./databases";
import { LOAD_SCHEMA, Load, loadRows, random } from "./load";

/** KILLS=50 takes about three minutes. */
const KILLS = Number(process.env.KILLS ?? 10);
const READINGS = Number(process.env.KILLS_READINGS ?? 250_000);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/**
 * From the start of the process: it is up after about half of the shortest. While
 * there is something to copy the kills come sooner, so that several hit the copy.
 */
const SHORTEST_MS = 600;
const LONGEST_MS = { copying: 1300, following: 4000 };

const CLI = join(__dirname, "../../migration/cli.ts");

describe("a sync that is killed", function () {
	this.timeout(KILLS * 12_000 + 60_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;

	before(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, LOAD_SCHEMA + loadRows(READINGS));
	});

	it(`ends equal after ${KILLS} kills at any moment, under load (SEED=${SEED})`, async () => {
		const chance = random(SEED);
		const load = new Load(source.url, random(SEED + 1), 100).start();
		const moments: Record<string, number> = {};
		let moment = "";
		try {
			for (let kill = 0; kill < KILLS; kill++) {
				const longest =
					LONGEST_MS[moment === "while following" ? "following" : "copying"];
				await killed(SHORTEST_MS + chance() * (longest - SHORTEST_MS));
				moment = await momentOf();
				moments[moment] = (moments[moment] ?? 0) + 1;
			}
			const last = await migrate(["sync", "--json"], env);
			assert.equal(last.exitCode, 0, last.stderr);
			await migrateHere(["freeze"], env);
		} finally {
			await load.stop();
		}
		for (let kill = 0; kill < 3; kill++)
			await killed(SHORTEST_MS * (0.8 + chance()), "--drain");
		const drained = await migrate(["sync", "--drain", "--json"], env);
		assert.equal(drained.exitCode, 0, drained.stderr);
		const { json } = await migrateHere(["verify"], env);
		assert.deepEqual(json.differences, []);
		assert.deepEqual(await definitions(target), await definitions(source));
		console.log(
			`\t${load.writes} writes; killed ${Object.entries(moments)
				.map(([moment, times]) => `${times} times ${moment}`)
				.join(", ")}`,
		);
	});

	/** Starts a sync and kills it after so many milliseconds, unless it failed before. */
	async function killed(ms: number, mode = "--follow"): Promise<void> {
		const child = spawn(
			process.execPath,
			["--import", "tsx", CLI, "sync", mode],
			{ env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] },
		);
		const ended = exit(child);
		let stderr = "";
		child.stderr.on("data", (chunk: Buffer) => {
			stderr += chunk.toString();
		});
		const timer = setTimeout(() => child.kill("SIGKILL"), ms);
		const code = await ended;
		clearTimeout(timer);
		if (mode === "--follow" || code !== 0)
			assert.equal(code, null, `ended by itself: ${stderr}`);
	}

	/** What the sync was at when it was killed, by what it left on the target. */
	async function momentOf(): Promise<string> {
		const [state] = await run(
			target.url,
			`SELECT to_regclass('cutover.copy_chunk') IS NULL AS "before",
				to_regclass('cutover.followed_route') IS NULL AS "early"`,
		);
		if (state.before || state.early) return "before the copy";
		const [copy] = await run(
			target.url,
			`SELECT (SELECT count(*) FROM cutover.copy_chunk WHERE rows IS NULL)::int AS "chunks",
				(SELECT count(*) FROM cutover.copy_chunk)::int AS "all",
				(SELECT count(*) FROM cutover.copy_statement WHERE done_at IS NULL)::int AS "statements"`,
		);
		if (copy.all === 0 || copy.chunks > 0) return "while rows came";
		return copy.statements > 0 ? "while indexes were made" : "while following";
	}
});

async function definitions({ url }: Database): Promise<string[]> {
	const rows = await run(
		url,
		`SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS "what"
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
		UNION ALL
		SELECT pg_get_indexdef(indexrelid) FROM pg_index
		WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
		ORDER BY 1`,
	);
	return rows.map(({ what }) => what);
}

/** The exit code; null after a signal. */
function exit(child: ChildProcess): Promise<number | null> {
	return new Promise((resolve) => child.once("close", resolve));
}
