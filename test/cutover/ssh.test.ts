import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RemoteError, remote, type SshTarget } from "../../cutover/ssh";
import { generateKey } from "../ssh-key";
import { startSshTarget } from "./ssh-target";

describe("a command on a Droplet", () => {
	let target: SshTarget;
	let close: () => Promise<void>;
	before(async () => {
		({ ssh: target, close } = await startSshTarget());
	});
	after(() => close());

	it("gets its secrets by standard input and gives its output", async () => {
		const output = await remote(target, "tr a-z A-Z", { input: "secret" });
		assert.equal(output, "SECRET");
	});

	it("writes large output to a file that only its owner reads", async () => {
		const folder = await mkdtemp(join(tmpdir(), "remote-"));
		const outputFile = join(folder, "archive");
		await remote(target, "head -c 1000000 /dev/zero", { outputFile });
		assert.equal((await readFile(outputFile)).length, 1_000_000);
		assert.equal((await stat(outputFile)).mode & 0o777, 0o600);
		await rm(folder, { recursive: true });
	});

	it("that fails tells its exit code, and keeps its output readable", async () => {
		await assert.rejects(
			remote(target, "echo half; echo broken >&2; exit 3"),
			(error: unknown) =>
				error instanceof RemoteError &&
				error.exitCode === 3 &&
				error.stdout === "half\n" &&
				error.message.includes("broken"),
		);
	});

	it("is not sent to a machine with another host key", async () => {
		const other = generateKey().public;
		await assert.rejects(
			remote({ ...target, hostKey: other }, "true"),
			/Host key verification failed/,
		);
	});
});
