import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecks } from "../../cutover/check";
import { readEvidence, sign } from "../../cutover/evidence";
import { sha256 } from "../../cutover/signatures";

describe("evidence", () => {
	const home = process.cwd();
	let folder: string;
	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "evidence-"));
		process.chdir(folder);
	});
	afterEach(async () => {
		process.chdir(home);
		await rm(folder, { recursive: true });
	});

	const passing = { name: "rows", lookAt: "the tables", run: async () => "7" };
	const failing = {
		name: "health",
		lookAt: "the backend's log",
		run: async () => {
			throw new Error("503");
		},
	};

	it("is signed with the digest of the file as written", async () => {
		const checks = await runChecks([passing]);
		const signature = await sign({
			checkpoint: "staging-verified",
			stack: "staging",
			person: "Ada",
			release: "0123456789ab",
			about: { commit: "abc" },
			checks,
			manual: [{ question: "Told?", yes: true, note: "by phone" }],
		});
		const file = await readFile("evidence/staging/staging-verified.json");
		assert.equal(signature.sha256, sha256(file.toString()));
		const written = JSON.parse(file.toString());
		assert.equal(written.person, "Ada");
		assert.equal(written.checks[0].detail, "7");
		assert.equal(written.manual[0].note, "by phone");
		const { person, signedAt, release } = written;
		assert.deepEqual(
			{ ...signature, sha256: "" },
			{ person, signedAt, release, sha256: "" },
		);
	});

	it("is not signed, nor written, over a failed check", async () => {
		const checks = await runChecks([passing, failing]);
		assert.deepEqual(
			checks.map(({ status, detail }) => [status, detail]),
			[
				["passed", "7"],
				["failed", "503"],
			],
		);
		assert.equal(checks[1]?.lookAt, "the backend's log");
		await assert.rejects(
			sign({
				checkpoint: "staging-verified",
				stack: "staging",
				person: "Ada",
				release: "0123456789ab",
				about: {},
				checks,
				manual: [],
			}),
			/health failed/,
		);
		assert.equal(
			await readEvidence("staging", "staging-verified.json"),
			undefined,
		);
	});
});
