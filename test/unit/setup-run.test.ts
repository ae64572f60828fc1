import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { Cache, cacheFolder } = require("../setup/cache.mjs");
const { checkDisk } = require("../setup/disk.mjs");
const { CommandError } = require("../setup/errors.mjs");
const { attempt, run } = require("../setup/exec.mjs");
const { Report } = require("../setup/report.mjs");
const { countsOf } = require("../setup/tests.mjs");

const main = join(__dirname, "../setup/main.mjs");

describe("commands of set-up", () => {
	it("gives standard output and hands input on", async () => {
		assert.equal(await run("cat", [], { input: "text" }), "text");
	});

	it("says what a failed command printed", async () => {
		await assert.rejects(
			run("sh", ["-c", "echo reason >&2; exit 3"]),
			(error: Error) => /ended with 3\nreason/.test(error.message),
		);
		assert.equal(await attempt("no-such-program", []), undefined);
	});

	it("ends a command with all that it started, once it prints nothing", async () => {
		const started = run("sh", ["-c", "sleep 600 & wait"], { firstSignMs: 50 });
		await assert.rejects(started, /no answer within 0.05 s/);
	});

	it("ends a command that stops moving", async () => {
		const started = run("sh", ["-c", "echo begun; sleep 600"], { stallMs: 50 });
		await assert.rejects(started, /no progress for 0.05 s\nbegun/);
	});
});

describe("cache of set-up", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "setup-cache-"));
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it("lies where the environment says", () => {
		assert.equal(cacheFolder({ CUTOVER_CACHE: "/a" }), "/a");
		assert.equal(cacheFolder({ XDG_CACHE_HOME: "/b" }), "/b/cutover");
		assert.match(cacheFolder({}), /\/\.cache\/cutover$/);
	});

	it("does not try an official source again right after it failed", async () => {
		const cache = new Cache(folder);
		let tries = 0;
		const source = async () => {
			tries += 1;
			throw new CommandError("no route", "");
		};
		assert.equal(await cache.tryOfficial("a source", source), undefined);
		assert.equal(
			await new Cache(folder).tryOfficial("a source", source),
			undefined,
		);
		assert.equal(tries, 1);
		assert.equal(await cache.tryOfficial("another", async () => "got"), "got");
	});

	it("refuses a disk that is too small, and says what is missing", () => {
		assert.throws(
			() => checkDisk("the cache folder", join(folder, "not/yet"), 2 ** 60),
			/1073741824\.0 GiB free for the cache folder[\s\S]+Found: [\d.]+ GiB free/,
		);
	});
});

describe("report of set-up", () => {
	it("prints a step with its source and keeps the provenance", async () => {
		const lines: string[] = [];
		const report = new Report((line: string) => lines.push(line));
		const parts = { tool: { source: "built", version: "v1" } };
		await report.step("a tool", async () => ({
			source: "built",
			version: "v1",
			parts,
		}));
		assert.match(lines[0] ?? "", /✓ a tool +\d+\.\d s {2}built +v1$/);
		assert.deepEqual(report.provenance, parts);
	});

	it("sums up mocha's last words, not numbers in a test's name", () => {
		const output =
			"  ✔ counts 12 passing things\n\n  40 passing (2s)\n  2 failing\n";
		assert.deepEqual(countsOf(output), { passed: 40, failed: 2 });
		const coloured =
			"\u001b[92m \u001b[0m\u001b[32m 40 passing\u001b[0m (7m)\n";
		assert.deepEqual(countsOf(coloured), { passed: 40, failed: 0 });
		assert.deepEqual(countsOf("crashed"), { passed: 0, failed: 0 });
	});
});

describe("main of set-up", () => {
	const start = (args: string[], env: NodeJS.ProcessEnv) =>
		spawnSync(process.execPath, [main, ...args], {
			encoding: "utf8",
			env: { ...process.env, ...env },
		});

	it("says which commands there are", () => {
		const { status, stderr } = start(["fly"], {});
		assert.equal(status, 1);
		assert.match(stderr, /one of the commands setup, [\s\S]+Found: fly/);
		assert.doesNotMatch(stderr, /\.mjs:\d+/);
	});

	it("refuses an engine that does not answer, and leaves standard output alone", () => {
		const folder = mkdtempSync(join(tmpdir(), "setup-main-"));
		const { status, stdout, stderr } = start(["emulator", "--json"], {
			CUTOVER_CACHE: folder,
			DOCKER_HOST: `unix://${folder}/nobody.sock`,
		});
		rmSync(folder, { recursive: true });
		assert.equal(status, 1);
		assert.equal(stdout, "");
		assert.match(stderr, /Docker Engine at DOCKER_HOST[\s\S]+To do: start/);
	});
});
