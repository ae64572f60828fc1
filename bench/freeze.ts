import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { LOAD_SCHEMA, Load, loadRows, random } from "../test/migration/load";
import { table } from "./report";
import type { Servers } from "./servers";

const SIZES = [400_000, 4_000_000];
const WRITES_PER_SECOND = 200;
/** Of writing after the baseline's proof, so that there is something to prove. */
const SECONDS_OF_LOAD = 20;
const STEPS = ["freeze", "sync --drain", "verify --since-baseline"] as const;

interface Frozen {
	readonly rows: number;
	readonly writes: number;
	/** Of each step, in seconds, with the start of its process. */
	readonly steps: readonly number[];
	readonly seconds: number;
}

/**
 * How long the product stands still at the freeze: from the barrier's first lock
 * to the proof that both sides are equal, under writes until then, for a small and
 * a ten times larger table.
 */
export async function measureFreeze(
	servers: Servers,
	print: (line: string) => void,
): Promise<string> {
	const results: Frozen[] = [];
	for (const rows of SIZES) {
		print(`freeze: filling ${rows.toLocaleString("en-US")} readings`);
		await servers.fill(LOAD_SCHEMA + loadRows(rows));
		await servers.reset();
		const frozen = await freeze(servers, rows);
		results.push(frozen);
		print(
			`freeze: ${rows.toLocaleString("en-US")} readings, barrier to proof ${frozen.seconds.toFixed(2)} s`,
		);
	}
	const [small, large] = results;
	const ratio = (large?.seconds ?? 0) / (small?.seconds ?? 1);
	return `## Barrier to proof

A sync follows ${WRITES_PER_SECOND} writes a second (inserts, updates, deletes, changed keys, TRUNCATE); ${SECONDS_OF_LOAD} s after its proof the
source is frozen, the journal drained, and what was written since is proven. Each step is a process of its own.

${table(
	[
		"readings",
		"writes",
		...STEPS.map((step) => `${step} s`),
		"barrier to proof s",
	],
	results.map((result) => [
		result.rows.toLocaleString("en-US"),
		String(result.writes),
		...result.steps.map((seconds) => seconds.toFixed(2)),
		result.seconds.toFixed(2),
	]),
)}

Ten times the rows take ${ratio.toFixed(2)} × the time.
`;
}

async function freeze(servers: Servers, rows: number): Promise<Frozen> {
	const load = new Load(
		servers.sourceUrl,
		random(rows),
		WRITES_PER_SECOND,
	).start();
	const follower = migrate(servers, ["sync", "--follow", "--proof"]);
	try {
		await proven(servers.targetUrl, follower);
		await new Promise((resolve) => setTimeout(resolve, SECONDS_OF_LOAD * 1000));
		const startedAt = performance.now();
		const steps: number[] = [];
		for (const step of STEPS) {
			const stepAt = performance.now();
			if (step === "sync --drain") {
				follower.process.kill("SIGTERM");
				await follower.done;
			}
			await migrate(servers, step.split(" ")).done;
			steps.push((performance.now() - stepAt) / 1000);
		}
		const seconds = (performance.now() - startedAt) / 1000;
		await load.stop();
		return { rows, writes: load.writes, steps, seconds };
	} finally {
		follower.process.kill("SIGKILL");
	}
}

interface Running {
	readonly process: ChildProcess;
	/** Rejects unless it ends with exit code 0. */
	readonly done: Promise<void>;
}

function migrate(servers: Servers, args: readonly string[]): Running {
	const child = spawn(
		process.execPath,
		["--require", "tsx/cjs", "migration/cli.ts", ...args],
		{
			env: {
				...process.env,
				SOURCE_DATABASE_URL: servers.sourceUrl,
				TARGET_DATABASE_URL: servers.targetUrl,
			},
			stdio: ["ignore", "ignore", "pipe"],
		},
	);
	const words = text(child.stderr);
	const done = new Promise<void>((resolve, reject) =>
		child.once("close", async (code) =>
			code === 0
				? resolve()
				: reject(
						new Error(`${args.join(" ")} ended with ${code}: ${await words}`),
					),
		),
	);
	done.catch(() => {});
	return { process: child, done };
}

/** Resolves once the sync's proof stands on the target. */
async function proven(url: string, { done }: Running): Promise<void> {
	const client = new Client({ connectionString: url });
	await client.connect();
	try {
		for (;;) {
			const { rows } = await client.query(
				"SELECT to_regclass('cutover.proof') IS NOT NULL AS there",
			);
			if (rows[0].there) {
				const { rows: found } = await client.query(
					"SELECT count(*)::int AS tables FROM cutover.proof",
				);
				if (found[0].tables > 0) return;
			}
			await Promise.race([
				done.then(() => {
					throw new Error("the follower ended before its proof");
				}),
				new Promise((resolve) => setTimeout(resolve, 200)),
			]);
		}
	} finally {
		await client.end();
	}
}
