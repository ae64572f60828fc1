import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { trustedRoot } from "../../cutover/http";
import { runOrThrow } from "../../cutover/run";
import { Load } from "./load";
import { prepare } from "./prepare";
import { Recorder } from "./recorder";
import type { Rehearsal } from "./rehearsal";
import { Lifetime, takeDown } from "./state";

const repository = "freshtrackpro/backend";
const complaint = "cannot start: the release is not whole";

/** Steps of a Dockerfile that make releases of the backend: a good one, and one that starts and never listens. */
const releases = {
	"1.0.1": ["LABEL release=1.0.1"],
	"1.0.2": [
		"USER root",
		`RUN mv server.js whole.js && printf '%s' "if (process.argv[2] === 'migrate') require('./whole.js'); else { console.error('${complaint}'); setInterval(() => {}, 1000); }" >server.js`,
		"USER node",
	],
};

/**
 * Deploys of the backend by `pulumi up` while people use the product: all of
 * them by name, through Caddy, at the reserved IP.
 */
describe("a deploy under load", function () {
	this.timeout(10 * 60_000);
	const checkout = join(__dirname, "..", "..");
	const environment = { ...process.env };
	const lifetime = new Lifetime();
	let rehearsal: Rehearsal;
	let load: Load | undefined;
	let serving = "1.0.0";

	before(async () => {
		for (const [tag, steps] of Object.entries(releases)) {
			await makeImage(`${repository}:${tag}`, steps);
		}
		await takeDown();
		await lifetime.begin();
		({ rehearsal } = await prepare(checkout, new Recorder([]), lifetime));
		const { staging } = rehearsal;
		await staging.set("sync", "true");
		await staging.up();
		await rehearsal.readSite("staging");
	});
	afterEach(() => load?.stop());
	after(async () => {
		await lifetime.end();
		// The rehearsal works in a folder and with an environment of its own.
		process.chdir(checkout);
		for (const name of Object.keys(process.env)) delete process.env[name];
		Object.assign(process.env, environment);
	});

	function startLoad(): Load {
		const { hostnames, reservedIp } = rehearsal.site("staging").outputs;
		load = new Load({
			people: 16,
			pauseMs: 100,
			hostnames,
			resolve: async () => reservedIp,
			ca: trustedRoot() ?? "",
			logIn: rehearsal.logins.carried,
		});
		return load;
	}

	async function deploy(tag: string): Promise<void> {
		const { staging } = rehearsal;
		await staging.set("images.backend", `${repository}:${tag}`);
		await staging.up();
	}

	async function version(): Promise<string> {
		const { body } = await rehearsal.site("staging").ask("api", "/health");
		return (JSON.parse(body) as { version: string }).version;
	}

	it("of a new release fails no request", async () => {
		const load = startLoad();
		await load.reach(500);
		let during = 0;
		// A slow machine needs more than one for a quarter of all requests.
		while (during < 1_250) {
			const before = load.counts.sent;
			serving = serving === "1.0.1" ? "1.0.0" : "1.0.1";
			await deploy(serving);
			during += load.counts.sent - before;
			assert.equal(await version(), serving);
		}
		await load.reach(5_000);
		await nothingFailed(load);
	});

	it("of a release that never gets healthy fails with its log, is rolled back, and fails no request", async () => {
		const load = startLoad();
		const told = await deploy("1.0.2").then(
			() => assert.fail("the deploy succeeded"),
			({ message }: Error) => readFile(logOf(message), "utf8"),
		);
		assert.match(told, /backend\n +expected 2 healthy tasks of .*:1\.0\.2/);
		assert.match(told, /found +the update was rolled back, 2\/2 run/);
		assert.match(told, /task backend\.\d of .*:1\.0\.2.*: failed: .*unhealthy/);
		assert.match(told, new RegExp(`log:\n +${complaint}\n +to do`));
		await nothingFailed(load);
		assert.equal(await version(), serving);
	});

	it("of the release before it, then, has nothing left to mend", async () => {
		await deploy(serving);
		assert.equal(await version(), serving);
		const { changes } = await rehearsal.staging.up();
		assert.deepEqual(Object.keys(changes), ["unchanged"]);
	});
});

/** The file that the error of a failed update names. */
function logOf(message: string): string {
	return /all in (\S+)\)/.exec(message)?.[1] ?? assert.fail(message);
}

async function nothingFailed(load: Load): Promise<void> {
	const counts = await load.stop();
	process.stdout.write(`      ${JSON.stringify(counts)}\n`);
	const { failed, repeated, examples } = counts;
	assert.deepEqual(failed, {}, examples.join("\n"));
	assert.equal(repeated, 0);
	for (const kind of ["page", "log-in", "history", "health"] as const) {
		assert.ok(counts.ok[kind], `no ${kind}`);
	}
}

/** Builds an image on the reference backend and lays it where the Droplets pull from. */
async function makeImage(name: string, steps: string[]): Promise<void> {
	const dockerfile = [`FROM ${repository}:1.0.0`, ...steps, ""].join("\n");
	// By this label set-up's clean finds it.
	const build = ["build", "--label", "cutover.setup=1"];
	const pushed = `${process.env.CUTOVER_REGISTRY}/${name}`;
	await runOrThrow("docker", [...build, "--tag", pushed, "-"], {
		input: dockerfile,
	});
	await runOrThrow("docker", ["push", "--quiet", pushed]);
}
