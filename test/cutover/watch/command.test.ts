import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunResult, run } from "../../../cutover/run";
import { monitoring } from "../new-address";

const checkout = join(__dirname, "../../..");

/** The command in its own process; the stack is what a stand-in for the CLI tells of it. */
describe("npm run watch as a command", function () {
	this.timeout(60_000);
	let folder: string;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "watch-command-"));
	});
	after(() => rm(folder, { recursive: true, force: true }));

	/** A stack at an address of this machine where nobody answers. */
	async function stack(dnsSwitch: boolean): Promise<void> {
		const domain = "product.test";
		const outputs = {
			domain,
			hostnames: {
				site: domain,
				api: `api.${domain}`,
				monitoring: `monitoring.${domain}`,
				status: `status.${domain}`,
			},
			legacyAddress: "203.0.113.10",
			reservedIp: "127.0.0.231",
			dropletAddresses: [],
			ssh: { user: "root", host: "-", hostKey: "-", privateKey: "PLAIN-key" },
			database: {
				...{ host: "-", port: 1, name: "-", user: "-", ca: "-" },
				url: "postgres://a:PLAIN-database@b/c",
			},
			monitoring,
			flags: { sync: true, freeze: true, dnsSwitch, finalize: false },
			images: {},
			migration: { acceptRejects: [] },
			release: "r",
		};
		await writeFile(join(folder, "output"), JSON.stringify(outputs));
		await writeFile(join(folder, "config"), "{}");
		await writeFile(
			join(folder, "pulumi"),
			`#!/bin/sh\ncase "$1" in stack) cat ${folder}/output;; *) cat ${folder}/config;; esac\n`,
			{ mode: 0o755 },
		);
	}

	const watch = (...args: string[]): Promise<RunResult> =>
		run(
			process.execPath,
			[
				...["--import", join(checkout, "node_modules/tsx/dist/loader.mjs")],
				...[join(checkout, "cutover/watch.ts"), ...args],
			],
			{
				cwd: folder,
				env: { PATH: `${folder}:${process.env.PATH}` },
				timeoutMs: 30_000,
			},
		);

	it("refuses what it does not understand", async () => {
		await stack(false);
		for (const args of [
			[],
			["-s", "production", "--for", "two hours"],
			["-s", "production", "--fast"],
		]) {
			const { exitCode, stderr } = await watch(...args);
			assert.equal(exitCode, 2, args.join(" "));
			assert.match(stderr, /expected .*\n +found .*\n +to do npm run watch/);
		}
	});

	it("wants to know when the switch was", async () => {
		await stack(true);
		const { exitCode, stderr } = await watch("-s", "production", "--once");
		assert.equal(exitCode, 2);
		assert.match(stderr, /evidence\/production\/switch\.json/);
	});

	it("ends with 1 where nobody answers, and says so as JSON or as a line, without secrets", async () => {
		await stack(true);
		await mkdir(join(folder, "evidence/production"), { recursive: true });
		const gate = { passed: true, clockMovedBySeconds: 3600 };
		await writeFile(
			join(folder, "evidence/production/switch.json"),
			// By a clock that a rehearsal has moved by an hour.
			JSON.stringify({
				...gate,
				at: new Date(Date.now() + 3_000_000).toISOString(),
			}),
		);
		const json = await watch("-s", "production", "--once", "--json");
		assert.equal(json.exitCode, 1, json.stderr);
		const said = JSON.parse(json.stdout) as {
			decision: string;
			secondsSinceSwitch: number;
		};
		assert.equal(said.decision, "wait");
		assert.ok(Math.abs(said.secondsSinceSwitch - 600) < 30);
		const plain = await watch("-s", "production", "--once");
		assert.match(plain.stdout, /^\S+ WAIT: Prometheus does not answer: /);
		assert.equal(plain.stdout.trimEnd().split("\n").length, 1);
		for (const { all } of [json, plain])
			for (const none of ["PLAIN", monitoring.password, "\u001b"])
				assert.ok(!all.includes(none), all);
	});
});
