import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../cutover/run";
import { type Emulator, startEmulator } from "../emulator/index";
import { InMemoryMachines } from "../emulator/memory-machines";
import { createWorkspace } from "./workspace";

/**
 * Mistakes of an operator, with the real CLI: one message each, and nothing
 * made. The API alone is emulated here: no machine is ever asked for.
 */
describe("a mistake is refused before anything is made", function () {
	this.timeout(120_000);
	const checkout = join(__dirname, "..", "..");
	let folder: string;
	let emulator: Emulator;
	let environment: Record<string, string>;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "refusals-"));
		emulator = await startEmulator({ machines: new InMemoryMachines() });
		await createWorkspace(checkout, join(folder, "program"));
		await run("mkdir", [join(folder, "state")]);
		environment = {
			DIGITALOCEAN_API_URL: emulator.url,
			DIGITALOCEAN_TOKEN: emulator.token,
			PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
			PULUMI_CONFIG_PASSPHRASE: "only of this test",
		};
		await pulumi(["stack", "init", "staging"]);
		await pulumi(
			["config", "set", "--secret", "cutover:stackAuthSecretServerKey"],
			"a key",
		);
		await pulumi(
			["config", "set", "--secret", "cutover:sourceDatabaseUrl"],
			"postgresql://postgres:secret@127.0.0.1:5432/postgres",
		);
		await pulumi(
			["config", "set", "--secret", "cutover:smtpUrl"],
			"smtps://ops:secret@127.0.0.1:465",
		);
	});
	after(async () => {
		await emulator?.close();
		await rm(folder, { recursive: true, force: true });
	});

	const pulumi = (args: string[], input = "", env = {}) =>
		run(
			"pulumi",
			[
				...args,
				...(args[0] === "stack" ? [] : ["-s", "staging"]),
				"--non-interactive",
			],
			{
				cwd: join(folder, "program"),
				env: { ...environment, ...env },
				input,
			},
		);

	const up = (env = {}) =>
		pulumi(["up", "--yes", "--skip-preview", "--color", "never"], "", env);

	/** Runs with a changed stack file, and puts it back. */
	async function upWith(change: (text: string) => string) {
		const file = join(folder, "program", "Pulumi.staging.yaml");
		const text = await readFile(file, "utf8");
		await writeFile(file, change(text));
		try {
			return await up();
		} finally {
			await writeFile(file, text);
		}
	}

	async function nothingWasMade() {
		const answer = await fetch(`${emulator.url}/_emulator/inventory`);
		const kinds = (await answer.json()) as Record<string, { count: number }>;
		assert.deepEqual(
			Object.entries(kinds).filter(([, { count }]) => count > 0),
			[],
		);
	}

	it("an unknown key: named, with what is known", async () => {
		const result = await upWith((text) =>
			text.replace("cutover:legacyAddress:", "cutover:legacyAdress:"),
		);
		assert.notEqual(result.exitCode, 0);
		assert.match(result.all, /cutover:legacyAdress/);
		assert.match(result.all, /cutover:legacyAddress/);
		await nothingWasMade();
	});

	it("dnsSwitch without freeze: with the command that would help", async () => {
		const result = await upWith((text) =>
			text.replace("config:\n", "config:\n  cutover:dnsSwitch: true\n"),
		);
		assert.notEqual(result.exitCode, 0);
		assert.match(result.all, /pulumi config set cutover:freeze true/);
		await nothingWasMade();
	});

	it("a token that DigitalOcean refuses", async () => {
		const result = await up({ DIGITALOCEAN_TOKEN: "dop_v1_nobody" });
		assert.notEqual(result.exitCode, 0);
		assert.match(result.all, /401|[Uu]nable to authenticate/);
		await nothingWasMade();
	});
});
