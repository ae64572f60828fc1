import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "../ssh-key";
import { Project } from "./support/project";
import { type SshServer, startSshServer } from "./support/ssh-server";

describe("remote commands with the real CLI", function () {
	this.timeout(300_000);
	const folder = mkdtempSync(join(tmpdir(), "remote-test-"));
	const key = generateKey();
	let server: SshServer;
	let project: Project;

	const program = (hostKey: string, rest: string) => `
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
const connection = {
	host: "127.0.0.1", port: ${server.port}, user: "tester",
	privateKey: process.env.TEST_KEY, hostKey: ${JSON.stringify(hostKey)},
	dialErrorLimit: 1,
};
${rest}`;

	before(async () => {
		server = await startSshServer(key.public, { accepts: ["ACCEPTED"] });
		project = await Project.create("export {};", { TEST_KEY: key.private });
	});
	after(async () => {
		await project.close();
		await server.close();
		rmSync(folder, { recursive: true, force: true });
	});

	it("runs, copies, and keeps the key out of the state", async () => {
		const file = join(folder, "deep/er/file.txt");
		project.program(
			program(
				server.hostKey,
				`const copy = new command.remote.CopyToRemote("copy", {
					connection, remotePath: ${JSON.stringify(file)},
					source: new pulumi.asset.StringAsset("content"),
				});
				export const out = new command.remote.Command("run", {
					connection, create: "cat; echo $ACCEPTED; cat ${file}",
					stdin: "from stdin\\n", environment: { ACCEPTED: "yes" },
				}, { dependsOn: copy }).stdout;`,
			),
		);
		await project.mustRun("preview");
		await project.up();
		assert.equal((await project.outputs()).out, "from stdin\nyes\ncontent");
		assert.equal(readFileSync(file, "utf8"), "content");
		await project.up("--expect-no-changes");
		const { text } = await project.exported();
		const body = key.private.split("\n")[2] ?? "";
		assert.ok(body.length > 20);
		assert.equal(text.includes(body), false);
	});

	it("fails where the server does not take a variable", async () => {
		project.program(
			program(
				server.hostKey,
				`new command.remote.Command("refused", {
					connection, create: "true", environment: { REFUSED: "x" },
				});`,
			),
		);
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /could not set environment variable "REFUSED"/);
	});

	it("reports a failing command with its status and output", async () => {
		project.program(
			program(
				server.hostKey,
				`new command.remote.Command("broken", {
					connection, create: "echo so it goes >&2; exit 3",
				});`,
			),
		);
		const { output } = await project.run("up", "--yes", "--skip-preview");
		assert.match(output, /Process exited with status 3: running/);
		assert.match(output, /so it goes/);
	});

	it("does not log in to a host with another key", async () => {
		const { publicKey } = generateKeyPairSync("ed25519");
		const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
		const field = (bytes: Buffer) => {
			const length = Buffer.alloc(4);
			length.writeUInt32BE(bytes.length);
			return Buffer.concat([length, bytes]);
		};
		const other = Buffer.concat([
			field(Buffer.from("ssh-ed25519")),
			field(raw),
		]).toString("base64");
		project.program(
			program(
				`ssh-ed25519 ${other}`,
				`new command.remote.Command("elsewhere", { connection, create: "true" });`,
			),
		);
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /after 1 failed attempts:.*[Hh]ost/);
	});
});
