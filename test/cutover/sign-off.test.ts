import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Check } from "../../cutover/check";
import type { Checkpoint } from "../../cutover/checkpoints/checkpoint";
import { releaseDeployed, signedBefore } from "../../cutover/checks/release";
import type { UserError } from "../../cutover/errors";
import { releaseOf } from "../../cutover/release";
import { run, runOrThrow } from "../../cutover/run";
import { signOff } from "../../cutover/sign-off";
import { signaturesOf } from "../../cutover/standing";
import { defaultImages } from "../../infra/settings";
import { type Emulator, startEmulator } from "../emulator/index";
import { InMemoryMachines } from "../emulator/memory-machines";
import { createWorkspace } from "../rehearsal/workspace";

const checkout = join(__dirname, "../..");
const home = process.cwd();

const passing: Check = {
	name: "rows",
	lookAt: "the tables",
	run: async () => "7 rows",
};
const failing: Check = {
	name: "health",
	lookAt: "the backend's log",
	run: async () => {
		throw new Error("answered 503");
	},
};
const questions = () => [{ id: "told", text: "Is support told?" }];

/** With the real CLI and stacks in a folder; the API alone is emulated, no machine is made. */
describe("checkpoint and status with the Pulumi CLI", function () {
	this.timeout(120_000);
	let folder: string;
	let emulator: Emulator;
	let environment: NodeJS.ProcessEnv;
	let release: string;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "sign-off-"));
		emulator = await startEmulator({ machines: new InMemoryMachines() });
		await createWorkspace(checkout, join(folder, "program"));
		await mkdir(join(folder, "state"));
		environment = { ...process.env };
		Object.assign(process.env, {
			DIGITALOCEAN_API_URL: emulator.url,
			DIGITALOCEAN_TOKEN: emulator.token,
			PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
			PULUMI_CONFIG_PASSPHRASE: "only of this test",
			CUTOVER_RESOLVER: "127.0.0.1:1",
		});
		process.chdir(join(folder, "program"));
		release = releaseOf({ images: defaultImages, mapping: "freshtrack" });
		for (const stack of ["staging", "production"]) {
			await pulumi(["stack", "init", stack]);
			await secret(stack, "stackAuthSecretServerKey", "ssk_PLAIN");
			await secret(
				stack,
				"sourceDatabaseUrl",
				"postgresql://postgres:PLAIN-source@127.0.0.1:5432/postgres",
			);
			await secret(stack, "smtpUrl", "smtps://ops:PLAIN-mail@127.0.0.1:465");
		}
		await deployed("staging", { sync: true });
	});
	after(async () => {
		process.chdir(home);
		for (const name of Object.keys(process.env)) delete process.env[name];
		Object.assign(process.env, environment);
		await emulator?.close();
		await rm(folder, { recursive: true, force: true });
	});

	const pulumi = (args: string[], input = "") =>
		runOrThrow("pulumi", [...args, "--non-interactive"], { input });
	const secret = (stack: string, key: string, value: string) =>
		pulumi(["config", "set", "-s", stack, "--secret", `cutover:${key}`], value);

	/** Gives a stack the outputs of an `up`, at addresses where nobody answers. */
	async function deployed(stack: string, flags: Record<string, boolean>) {
		const domain = `${stack}.example.com`;
		const outputs = {
			domain,
			hostnames: {
				site: domain,
				api: `api.${domain}`,
				monitoring: `monitoring.${domain}`,
				status: `status.${domain}`,
			},
			legacyAddress: "203.0.113.10",
			reservedIp: "203.0.113.20",
			dropletAddresses: ["203.0.113.21"],
			ssh: {
				...{
					user: "root",
					host: "127.0.0.1",
					port: 1,
					hostKey: "ssh-ed25519 A",
				},
				privateKey: "PLAIN-private-key",
			},
			database: {
				...{ host: "db", port: 25060, name: "app", user: "app", ca: "PEM" },
				url: "postgresql://app:PLAIN-database@db:25060/app",
			},
			monitoring: { user: "admin", password: "PLAIN-monitoring" },
			flags: {
				...{ sync: false, freeze: false, dnsSwitch: false, finalize: false },
				...flags,
			},
			images: defaultImages,
			migration: { mapping: "freshtrack", acceptRejects: [] },
			release,
		};
		const state = {
			version: 3,
			deployment: {
				manifest: { time: new Date().toISOString(), magic: "", version: "" },
				resources: [
					{
						urn: `urn:pulumi:${stack}::cutover::pulumi:pulumi:Stack::cutover-${stack}`,
						custom: false,
						type: "pulumi:pulumi:Stack",
						outputs,
					},
				],
			},
		};
		const file = join(folder, "import.json");
		await writeFile(file, JSON.stringify(state));
		await pulumi(["stack", "import", "-s", stack, "--file", file]);
	}

	async function answers(content: unknown): Promise<string> {
		const file = join(folder, "answers.json");
		await writeFile(file, JSON.stringify(content));
		return file;
	}
	const yes = { told: { yes: true, note: "by phone" } };

	async function signed(
		checks: Checkpoint["checks"],
		person = "Ada Lovelace",
	): Promise<string> {
		const file = await answers({ person, answers: yes });
		return quietly(() =>
			signOff("staging-verified", "staging", { checks, questions }, file),
		);
	}

	/** Keeps what it prints out of the tests' output. */
	let printed = "";
	async function quietly<T>(work: () => Promise<T>): Promise<T> {
		const write = process.stdout.write;
		printed = "";
		process.stdout.write = ((text: string) => {
			printed += text;
			return true;
		}) as typeof write;
		try {
			return await work();
		} finally {
			process.stdout.write = write;
		}
	}

	const refusedWith = async (exitCode: number, work: Promise<unknown>) => {
		const error = (await work.then(
			() => assert.fail("it was not refused"),
			(thrown) => thrown,
		)) as UserError;
		assert.equal(error.exitCode, exitCode, error.message);
		return error.message;
	};
	const evidence = () =>
		readFile("evidence/staging/staging-verified.json", "utf8");
	const preview = () =>
		run("pulumi", [
			...["preview", "-s", "production", "--color", "never"],
			"--non-interactive",
		]);
	const npm = (...args: string[]) =>
		run("npm", ["run", "--silent", ...args], { env: {} });

	describe("checkpoint", () => {
		it("that fails is shown in a table, exits 3 and leaves no signature", async () => {
			const message = await refusedWith(
				3,
				signed(() => [passing, failing]),
			);
			assert.match(message, /1 failed: health/);
			assert.match(
				printed,
				/^✔ {2}rows {4}7 rows\n✖ {2}health {2}answered 503 {2}— look at: the backend's log\n$/,
			);
			assert.deepEqual(await signaturesOf("staging"), {});
			await assert.rejects(evidence(), /ENOENT/);
		});

		it("to which a person says no exits 4 and leaves no signature", async () => {
			const file = await answers({
				person: "Ada",
				answers: { told: { yes: false, note: "nobody reached" } },
			});
			const checkpoint = { checks: () => [passing], questions };
			const message = await refusedWith(
				4,
				signOff("staging-verified", "staging", checkpoint, file),
			);
			assert.match(message, /yes to "Is support told\?"\n.*no: nobody reached/);
			assert.deepEqual(await signaturesOf("staging"), {});
		});

		for (const [what, content] of Object.entries({
			"that misses a question": { person: "Ada", answers: {} },
			"that answers another": {
				person: "Ada",
				answers: { ...yes, other: { yes: true } },
			},
			"without a name": { answers: yes },
			"that is no object": "yes",
		}))
			it(`refuses a file of answers ${what}, with what belongs there`, async () => {
				const file = await answers(content);
				const checkpoint = { checks: () => [passing], questions };
				const message = await refusedWith(
					2,
					signOff("staging-verified", "staging", checkpoint, file),
				);
				assert.match(message, /"told":\{"yes":true,"note":"…"\}/);
				assert.match(message, /told: Is support told\?/);
			});

		it("without a terminal and without answers exits 2 with the file to write", async () => {
			const { exitCode, all } = await npm(
				...["checkpoint", "--", "production-ready", "-s", "staging"],
			);
			assert.equal(exitCode, 2);
			assert.match(all, /--answers FILE/);
			assert.match(all, /"support-told":\{"yes":true/);
			assert.match(all, /rollback-criteria: /);
		});

		it("of a name nobody knows, without a stack, or on none, exits 2", async () => {
			for (const args of [
				["production", "-s", "staging"],
				["stabilized"],
				["stabilized", "-s", "nowhere"],
				["stabilized", "-s", "production"],
				["stabilized", "--yes"],
			]) {
				const { exitCode, all } = await npm("checkpoint", "--", ...args);
				assert.equal(exitCode, 2, `${args}: ${all}`);
				assert.match(all, /expected .*found .*to do /s);
			}
		});
	});

	describe("production's sync", () => {
		before(() =>
			pulumi(["config", "set", "-s", "production", "cutover:sync", "true"]),
		);

		it("is refused by the program while staging is unsigned, with nothing to be made", async () => {
			const { exitCode, all } = await preview();
			assert.notEqual(exitCode, 0);
			assert.match(all, /found it was never signed/);
			assert.match(all, /npm run checkpoint -- staging-verified -s staging/);
			assert.doesNotMatch(all, /Droplet/);
		});

		it("opens when staging is signed, and the preview says what will be done", async () => {
			const leak = {
				...passing,
				name: "leaky",
				run: async () =>
					"PLAIN-source PLAIN-database PLAIN-monitoring ssk_PLAIN PLAIN-private-key",
			};
			const done = await signed((site) => [
				passing,
				releaseDeployed(site),
				leak,
			]);
			assert.match(done, /signed by Ada Lovelace/);
			const text = await evidence();
			assert.doesNotMatch(text + printed, /PLAIN/);
			const written = JSON.parse(text);
			assert.deepEqual(written.manual, [
				{ question: "Is support told?", yes: true, note: "by phone" },
			]);
			assert.equal(written.release, release);
			assert.match(written.about.commit, /^[0-9a-f]{7}|unknown/);
			const { exitCode, all } = await preview();
			assert.equal(exitCode, 0, all);
			assert.match(all, /ladder: from nothing to sync: \(1\) sync: /);
		});

		it("goes by the signature of the last of two", async () => {
			await signed(() => [passing], 'Grace = Hopper, "123"');
			const signature = (await signaturesOf("staging"))["staging-verified"];
			assert.equal(signature?.person, 'Grace = Hopper, "123"');
			const { exitCode, all } = await preview();
			assert.equal(exitCode, 0, all);
		});

		it("is what another checkpoint can look back on", async () => {
			const look = (hours: number) =>
				signed((site) => [
					signedBefore(site, "staging-verified", "staging", hours),
				]);
			await look(0);
			assert.match(await refusedWith(3, look(24)), /signed 24 h ago/);
			assert.match(printed, /signed 0\.0 h ago only/);
		});

		it("shuts again when the evidence is edited", async () => {
			const text = await evidence();
			await writeFile(
				"evidence/staging/staging-verified.json",
				text.replace("by phone", "by mail"),
			);
			try {
				const { exitCode, all } = await preview();
				assert.notEqual(exitCode, 0);
				assert.match(all, /was changed since: its sha256 is another/);
			} finally {
				await writeFile("evidence/staging/staging-verified.json", text);
			}
		});

		it("shuts again with another image, which is another release", async () => {
			const image = ["-s", "production", "--path", "cutover:images.caddy"];
			await pulumi(["config", "set", ...image, "caddy:9.9.9"]);
			try {
				const { all } = await preview();
				assert.match(all, new RegExp(`for release ${release}, and this is`));
			} finally {
				await pulumi(["config", "rm", ...image]);
			}
		});
	});

	describe("status", () => {
		it("says where a stack stands and what comes next, also where nobody answers", async () => {
			const { exitCode, all } = await npm("status", "--", "-s", "staging");
			assert.equal(exitCode, 0, all);
			assert.match(all, /^stack {3}staging$/m);
			assert.match(all, /^rung {4}sync; flags none$/m);
			assert.match(all, new RegExp(`^release ${release}, deployed$`, "m"));
			assert.match(all, /^signed {2}staging-verified: holds until /m);
			assert.match(all, /^ {8}production-ready: it was never signed$/m);
			assert.match(all, /^names {3}could not be asked: /m);
			// Its configuration says less than what was deployed.
			assert.match(all, /^next {4}cutover:sync is false in the configuration/m);
			assert.doesNotMatch(all, /PLAIN/);
		});

		it("says so of a stack that was never deployed", async () => {
			const { exitCode, all } = await npm("status", "--", "-s", "production");
			assert.equal(exitCode, 0, all);
			assert.match(all, /^rung {4}not deployed by this program yet$/m);
			assert.match(all, /^next {4}deploy: pulumi up -s production$/m);
		});

		it("tells of a lock that a killed run left, with the command that clears it", async () => {
			const locks = ".pulumi/locks/organization/cutover/staging";
			await mkdir(join(folder, "state", locks), { recursive: true });
			const file = join(folder, "state", locks, "dead.json");
			const lock = { pid: 2 ** 22 + 1, username: "ada", hostname: hostname() };
			const timestamp = new Date().toISOString();
			await writeFile(file, JSON.stringify({ ...lock, timestamp }));
			const { all } = await npm("status", "--", "-s", "staging");
			await rm(file);
			assert.match(
				all,
				/^lock {4}locked by a run that has ended .*pulumi cancel -s staging/m,
			);
		});

		it("exits 2 where no stack is named or none is of that name", async () => {
			for (const args of [["-s", "nowhere"], ["--stack"]]) {
				const { exitCode } = await npm("status", "--", ...args);
				assert.equal(exitCode, 2);
			}
		});
	});
});
