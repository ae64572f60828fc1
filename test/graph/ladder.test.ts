import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { sign, writeEvidence } from "../../cutover/evidence";
import { releaseOf } from "../../cutover/release";
import type { CheckpointName } from "../../cutover/signatures";
import type { StateEntry } from "../../infra/last-state";
import { defaultImages } from "../../infra/settings";
import { mocks } from "./mocks";
import { runProgram } from "./monitor";
import { stackConfig } from "./stacks";

const checkout = join(__dirname, "../..");
const variable = "CUTOVER_CLOCK_OFFSET_SECONDS";
const flags = ["sync", "freeze", "dnsSwitch", "finalize"];

/** The program's gates, in a folder with stacks' files and evidence of its own. */
describe("the ladder's gates", () => {
	const home = process.cwd();
	let folder: string;
	let release: string;

	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "ladder-"));
		for (const name of [
			"index.ts",
			"package-lock.json",
			"caddy",
			"cutover",
			"infra",
			"migration",
			"observability",
		])
			await symlink(join(checkout, name), join(folder, name));
		process.chdir(folder);
		release = releaseOf({ images: defaultImages, mapping: "freshtrack" });
		await writeFile("Pulumi.staging.yaml", "config: {}\n");
	});
	afterEach(async () => {
		delete process.env[variable];
		process.chdir(home);
		await rm(folder, { recursive: true });
	});

	/** Signs now; gives the signature as it would stand in the configuration. */
	const signed = (
		checkpoint: CheckpointName,
		stack = "production",
		of = release,
	) =>
		sign({
			checkpoint,
			stack,
			person: "Ada",
			release: of,
			about: {},
			checks: [],
			manual: [],
		});

	async function signStaging(of = release): Promise<void> {
		const signature = await signed("staging-verified", "staging", of);
		const signatures = { "staging-verified": signature };
		await writeFile(
			"Pulumi.staging.yaml",
			stringify({ config: { "cutover:signatures": signatures } }),
		);
	}

	/** Production's program with flags up to a rung. */
	async function up(
		rung: string,
		changes: Record<string, unknown> = {},
		state: Record<string, StateEntry> = {},
	) {
		const registered: string[] = [];
		const given = mocks({ state });
		const on = flags.slice(0, flags.indexOf(rung) + 1);
		const config = stackConfig("production", {
			"cutover:verifiedOn": "staging",
			...Object.fromEntries(on.map((flag) => [`cutover:${flag}`, true])),
			...changes,
		});
		const run = runProgram({
			stack: "production",
			...config,
			mocks: {
				...given,
				newResource(args) {
					registered.push(args.type);
					return given.newResource(args);
				},
			},
		});
		return { run, registered };
	}

	/** What it is refused with; nothing may have been registered. */
	async function refusedWith(...args: Parameters<typeof up>): Promise<string> {
		const { run, registered } = await up(...args);
		const message = await run.then(
			() => assert.fail("it was not refused"),
			(error: Error) => error.message,
		);
		assert.deepEqual(registered, ["pulumi:pulumi:Stack"]);
		return message;
	}

	/** The state that an `up` with these flags leaves. */
	function standing(
		rung: string,
		rest: object = {},
	): Record<string, StateEntry> {
		const height = flags.indexOf(rung);
		const on = flags.map((flag, index) => [flag, index <= height]);
		return {
			"urn:pulumi:production::cutover::pulumi:pulumi:Stack::cutover-production":
				{
					type: "pulumi:pulumi:Stack",
					outputs: { flags: Object.fromEntries(on), ...rest },
				},
			"urn:pulumi:production::cutover::command:local:Command::rollback": {
				type: "command:local:Command",
				outputs: {},
			},
		};
	}

	const outputs = async (...args: Parameters<typeof up>) =>
		(await (await up(...args)).run).outputs as Record<string, unknown>;

	it("open sync only where staging-verified is signed on the other stack", async () => {
		assert.match(
			await refusedWith("sync"),
			/staging-verified signed on stack staging.*never signed.*npm run checkpoint -- staging-verified -s staging/s,
		);
		await signStaging();
		assert.equal((await outputs("sync")).release, release);
	});

	it("do not take staging-verified from the stack's own signatures", async () => {
		const own = await signed("staging-verified");
		assert.match(
			await refusedWith("sync", {
				"cutover:signatures": { "staging-verified": own },
			}),
			/never signed/,
		);
	});

	it("name a signature that no checkpoint wrote", async () => {
		const signatures = { "staging-verified": { person: "Ada" } };
		const config = { "cutover:signatures": signatures };
		await writeFile("Pulumi.staging.yaml", stringify({ config }));
		assert.match(
			await refusedWith("sync"),
			/Pulumi\.staging\.yaml .*staging-verified\.signedAt.*pulumi config rm cutover:signatures -s staging/s,
		);
	});

	it("ask for nothing on a stack that names none in verifiedOn", async () => {
		const { run } = await up("finalize", { "cutover:verifiedOn": undefined });
		await run;
	});

	for (const rung of ["freeze", "dnsSwitch"]) {
		describe(`to ${rung}`, () => {
			const below = flags[flags.indexOf(rung) - 1] ?? "";
			const with_ = (signature: object) => ({
				"cutover:signatures": { "production-ready": signature },
			});
			const refused = async (signature: object) =>
				refusedWith(rung, with_(signature), standing(below));

			it("stay shut unsigned", async () => {
				assert.match(
					await refusedWith(rung, {}, standing(below)),
					/production-ready signed on stack production.*never signed.*npm run checkpoint -- production-ready -s production.*nothing was created or changed/s,
				);
			});

			it("open with a signature", async () => {
				const { run } = await up(
					rung,
					with_(await signed("production-ready")),
					standing(below),
				);
				await run;
			});

			it("stay shut with a stale one", async () => {
				const signature = await signed("production-ready");
				process.env[variable] = String(24 * 3600 + 60);
				assert.match(await refused(signature), /void since/);
			});

			it("stay shut with one for another release", async () => {
				const signature = await signed(
					"production-ready",
					"production",
					"ffffffffffff",
				);
				assert.match(
					await refused(signature),
					new RegExp(
						`for release ffffffffffff, and this is release ${release}`,
					),
				);
			});

			it("stay shut with edited evidence", async () => {
				const signature = await signed("production-ready");
				const text = await readFile(
					"evidence/production/production-ready.json",
					"utf8",
				);
				await writeEvidence(
					"production",
					"production-ready.json",
					text.replace("Ada", "Ida"),
				);
				assert.match(await refused(signature), /was changed since/);
			});

			it("stay shut with another stack's signature and evidence", async () => {
				const signature = await signed("production-ready", "staging");
				const text = await readFile(
					"evidence/staging/production-ready.json",
					"utf8",
				);
				await writeEvidence("production", "production-ready.json", text);
				assert.match(await refused(signature), /on stack staging/);
			});
		});
	}

	it("open finalize with stabilized alone", async () => {
		const ready = await signed("production-ready");
		assert.match(
			await refusedWith(
				"finalize",
				{ "cutover:signatures": { "production-ready": ready } },
				standing("dnsSwitch"),
			),
			/checkpoint stabilized signed/,
		);
		const stabilized = await signed("stabilized");
		const { run } = await up(
			"finalize",
			{ "cutover:signatures": { stabilized } },
			standing("dnsSwitch"),
		);
		await run;
	});

	it("name all that is missing at once, each checkpoint once", async () => {
		const message = await refusedWith("finalize");
		for (const checkpoint of [
			"staging-verified",
			"production-ready",
			"stabilized",
		])
			assert.equal(
				message.split(`expected checkpoint ${checkpoint}`).length,
				2,
			);
	});

	it("do not shut behind a stack: a signature grown old blocks no deploy and no way back", async () => {
		for (const rung of ["finalize", "dnsSwitch", "freeze", "sync", ""]) {
			const { run } = await up(rung, {}, standing("finalize"));
			await run;
		}
	});

	it("shut again where a destroy has begun", async () => {
		const [[root, entry] = []] = Object.entries(standing("dnsSwitch"));
		assert.ok(root && entry);
		assert.match(
			await refusedWith("dnsSwitch", {}, { [root]: entry }),
			/never signed/,
		);
	});

	it("are told by the resource that a destroy deletes first", async () => {
		const { run } = await up("", {});
		const { resources } = await run;
		const [rollback] = resources.filter(({ name }) => name === "rollback");
		assert.equal(rollback?.type, "command:local:Command");
	});

	it("note when finalize was reached, once, and until when the source is kept", async () => {
		const finalizedAt = "2026-05-01T12:00:00.000Z";
		const again = await outputs(
			"finalize",
			{ "cutover:keepSourceDays": 10 },
			standing("finalize", { finalizedAt }),
		);
		assert.equal(again.finalizedAt, finalizedAt);
		assert.equal(again.sourceKeptUntil, "2026-05-11T12:00:00.000Z");
		const first = await outputs(
			"finalize",
			{ "cutover:verifiedOn": undefined },
			standing("dnsSwitch"),
		);
		assert.ok(Date.now() - Date.parse(String(first.finalizedAt)) < 60_000);
		assert.equal((await outputs("", {})).sourceKeptUntil, undefined);
	});
});
