import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the emulator as a command", () => {
	let state: string;
	const started: ChildProcess[] = [];
	beforeEach(async () => {
		state = await mkdtemp(join(tmpdir(), "emulator-test-"));
	});
	afterEach(async () => {
		for (const child of started.splice(0))
			if (child.exitCode === null && child.signalCode === null) {
				child.kill("SIGKILL");
				await once(child, "exit");
			}
		await rm(state, { recursive: true, force: true });
	});

	const run = (...options: string[]) => {
		const child = spawn(
			process.execPath,
			["--import", "tsx", join(__dirname, "main.ts"), ...options],
			{ stdio: ["ignore", "pipe", "pipe"] },
		);
		started.push(child);
		return child;
	};
	const startInMemory = async (...options: string[]) => {
		const child = run("--machines", "memory", "--state", state, ...options);
		const [output] = await once(child.stdout, "data");
		return { child, output: String(output) };
	};
	const finish = async (child: ChildProcess) => {
		let errors = "";
		child.stderr?.on("data", (text) => {
			errors += text;
		});
		const [code] = await once(child, "close");
		return { code, errors };
	};

	it("prints one line of JSON that clients can work with, and ends on SIGTERM", async () => {
		const { child, output } = await startInMemory("--json");
		assert.equal(output.indexOf("\n"), output.length - 1);
		const environment = JSON.parse(output);
		const response = await fetch(
			`${environment.DIGITALOCEAN_API_URL}/v2/account`,
			{
				headers: {
					authorization: `Bearer ${environment.DIGITALOCEAN_TOKEN}`,
				},
			},
		);
		assert.equal(response.status, 200);
		const control = await fetch(
			`${environment.EMULATOR_CONTROL_URL}/inventory`,
		);
		assert.equal(control.status, 200);
		assert.ok(existsSync(new URL(environment.PULUMI_BACKEND_URL)));
		child.kill("SIGTERM");
		assert.deepEqual(await finish(child), { code: 0, errors: "" });
		assert.deepEqual(await readdir(state), []);
	});

	it("prints export lines for a shell", async () => {
		const { output } = await startInMemory();
		assert.match(output, /^export DIGITALOCEAN_API_URL='http:.*'$/m);
		assert.match(output, /^export EMULATOR_RESOLVER='127\.0\.0\.1:\d+'$/m);
	});

	it("removes the files of a run that was killed, and leaves those of one that lives", async () => {
		const killed = await startInMemory();
		const alive = await startInMemory();
		killed.child.kill("SIGKILL");
		await once(killed.child, "exit");
		const { child } = await startInMemory();
		assert.deepEqual(
			(await readdir(state)).sort(),
			[`run-${alive.child.pid}`, `run-${child.pid}`].sort(),
		);
	});

	it("says what is wrong with its options, and with a Docker Engine that is not there", async () => {
		const unknown = await finish(run("--no-such-option"));
		assert.equal(unknown.code, 2);
		assert.match(unknown.errors, /found .*--no-such-option/);
		const child = spawn(
			process.execPath,
			["--import", "tsx", join(__dirname, "main.ts"), "--state", state],
			{
				env: { ...process.env, DOCKER_HOST: `unix://${state}/none.sock` },
				stdio: ["ignore", "ignore", "pipe"],
			},
		);
		started.push(child);
		const { code, errors } = await finish(child);
		assert.equal(code, 1);
		assert.match(errors, /expected a running Docker Engine/);
		assert.doesNotMatch(errors, /^\s+at /m);
	});
});
