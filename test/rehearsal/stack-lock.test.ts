import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../cutover/run";
import { describeLock, readLocks } from "../../cutover/stack-lock";
import { waitFor } from "../../cutover/wait";

/** With the real CLI: `pulumi up` of a program that waits, ended by kill -9. */
describe("the lock of a run that was killed", function () {
	this.timeout(120_000);
	let folder: string;
	let formerEnvironment: NodeJS.ProcessEnv;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "stack-lock-"));
		formerEnvironment = { ...process.env };
		Object.assign(process.env, {
			PULUMI_BACKEND_URL: `file://${folder}`,
			PULUMI_CONFIG_PASSPHRASE: "only of this test",
		});
		await mkdir(join(folder, "program"));
		await write("Pulumi.yaml", "name: waits\nruntime: nodejs\nmain: .\n");
		await write("package.json", '{"name": "waits", "main": "index.js"}');
		await write(
			"index.js",
			'const { existsSync } = require("node:fs");\nconst timer = setInterval(() => existsSync("go") && clearInterval(timer), 20);\n',
		);
		await symlink(
			join(__dirname, "..", "..", "node_modules"),
			join(folder, "program", "node_modules"),
		);
		await pulumi("stack", "init", "one");
	});
	after(async () => {
		process.env = formerEnvironment;
		await rm(folder, { recursive: true, force: true });
	});

	const write = (name: string, text: string) =>
		writeFile(join(folder, "program", name), text);
	const pulumi = (...args: string[]) =>
		run("pulumi", [...args, "--non-interactive"], {
			cwd: join(folder, "program"),
		});
	const up = ["up", "-s", "one", "--yes", "--skip-preview"];
	const locks = () => readLocks("waits", "one");

	it("none before the first run", async () => {
		assert.deepEqual(await locks(), []);
	});

	it("is told apart from that of a run under way, and cleared by the command that is named", async () => {
		const child = spawn("pulumi", [...up, "--non-interactive"], {
			cwd: join(folder, "program"),
			detached: true,
			stdio: "ignore",
		});
		const [held] = await waitFor(
			"the lock",
			async () => {
				const found = await locks();
				return found.length > 0 ? found : undefined;
			},
			{ timeoutMs: 60_000, intervalMs: 20 },
		);
		assert.equal(held?.pid, child.pid);
		assert.equal(held?.alive, true);
		assert.match(describeLock(held, "one"), /under way .*wait for it/);

		const ended = new Promise((done) => child.once("exit", done));
		process.kill(-(child.pid ?? 0), "SIGKILL");
		await ended;
		const [left] = await locks();
		assert.equal(left?.alive, false);
		const words = describeLock(left, "one");
		assert.match(words, /has ended without unlocking/);

		await write("go", "");
		assert.notEqual((await pulumi(...up)).exitCode, 0);
		const [, command = ""] = /: (pulumi cancel -s one)/.exec(words) ?? [];
		await pulumi(...command.split(" ").slice(1), "--yes");
		assert.deepEqual(await locks(), []);
		const again = await pulumi(...up);
		assert.equal(again.exitCode, 0, again.all);
	});
});
