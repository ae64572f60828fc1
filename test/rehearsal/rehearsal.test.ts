import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkpointNames } from "../../cutover/signatures";
import { waitFor } from "../../cutover/wait";
import { rehearsalFolder } from "./state";

/**
 * The whole rehearsal, as a person starts it. The first run is killed in the
 * middle of a deployment; the second has to find its way through what it left.
 */
describe("the rehearsal", function () {
	this.timeout(20 * 60_000);
	const checkout = join(__dirname, "..", "..");
	let running: ChildProcess | undefined;

	before(async () => {
		// Logs of an earlier rehearsal would be taken for those of this one.
		await rm(join(rehearsalFolder, "logs"), { recursive: true, force: true });
	});
	after(() => running?.kill("SIGTERM"));

	function start(): { child: ChildProcess; ended: Promise<number | null> } {
		const child = spawn(
			process.execPath,
			["--import", "tsx", "test/rehearsal/main.ts"],
			{ cwd: checkout, stdio: ["ignore", "inherit", "inherit"] },
		);
		running = child;
		const ended = new Promise<number | null>((done) =>
			child.once("exit", (code) => done(code)),
		);
		return { child, ended };
	}

	it("killed with -9 in the middle of a deployment, leaves a machine on which the next one works", async () => {
		const killed = start();
		await waitFor(
			"the first deployment under way",
			async () => {
				const logs = await readdir(join(rehearsalFolder, "logs"));
				return (
					logs.some((name) => /^staging-\d+-preview/.test(name)) || undefined
				);
			},
			{ timeoutMs: 300_000 },
		);
		killed.child.kill("SIGKILL");
		await killed.ended;

		assert.equal(await start().ended, 0);

		const summary = JSON.parse(
			await readFile(
				join(checkout, "evidence", "rehearsal", "summary.json"),
				"utf8",
			),
		);
		assert.deepEqual(
			summary.checkpoints.map(
				({ name, status }: { name: string; status: string }) => [name, status],
			),
			checkpointNames.map((name) => [name, "signed"]),
		);
		assert.match(JSON.stringify(summary.issues), /killed/);
		assert.equal(summary.final.length, 5);
		assert.deepEqual(
			summary.ladder.map(({ rung }: { rung: string }) => rung),
			["sync", "dnsSwitch", "sync", "dnsSwitch", "finalize"],
		);
		assert.ok(summary.freezeSeconds > 0);
		assert.equal(summary.lostReadings, 0);
		assert.equal(summary.failedRequests, 0);
		assert.ok(summary.replayedRows >= 1_200);
		assert.equal(summary.provenance["DigitalOcean API"], "stand-in");
		const text = await readFile(join(checkout, "SUMMARY.md"), "utf8");
		for (const name of checkpointNames) {
			assert.match(text, new RegExp(`## ${name}: signed`));
		}
		assert.doesNotMatch(
			text + JSON.stringify(summary),
			/dop_v1_|PRIVATE KEY|\$2[aby]\$\d\d\$|postgres(ql)?:\/\/[^\s:]+:[^\s@]+@/,
			"a secret stands in the summary",
		);
	});
});
