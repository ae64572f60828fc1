import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { attempt, run, which } from "./exec.mjs";
import { buildGo } from "./go.mjs";

/** The CLI that is built where no release can be downloaded; known to work with the SDK. */
const BUILT_VERSION = "v3.274.1";
const MODULE = "github.com/pulumi/pulumi/pkg/v3";
const VERSION_VARIABLE =
	"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
/** Without a byte for this long a download counts as out of reach. */
const STALL_MS = 10_000;
const DOWNLOAD_MS = 600_000;
export const PROVIDERS = ["random", "command", "digitalocean", "docker"];

/**
 * The Pulumi CLI: on PATH, else the Automation API's own installer, else built
 * from its Go module. Lands in the cache's tools folder.
 * @param {string} root of the repository
 * @param {import("./cache.mjs").Cache} cache
 */
export async function ensureCli(root, cache) {
	const onPath = which("pulumi");
	if (onPath)
		return cliResult("found", "official", await versionOf(onPath), onPath);
	const official = cache.path("pulumi", "bin", "pulumi");
	if (existsSync(official))
		return link(cache, official, "official", "official release");
	const built = cache.path(`pulumi-${BUILT_VERSION}`);
	if (existsSync(built)) return link(cache, built, "built", MODULE);
	const installed = await cache.tryOfficial("Pulumi CLI", () =>
		installOfficial(root, cache),
	);
	if (installed) return link(cache, official, "official", "official release");
	await buildGo({
		cache,
		module: MODULE,
		version: BUILT_VERSION,
		command: "cmd/pulumi",
		ldflags: `-X ${VERSION_VARIABLE}=${BUILT_VERSION}`,
		output: built,
		log: cache.log("pulumi-build"),
	});
	return link(cache, built, "built", MODULE);
}

async function link(cache, program, source, detail) {
	place(program, join(cache.bin, "pulumi"));
	return cliResult(source, source, await versionOf(program), detail);
}

function cliResult(shown, source, version, detail) {
	return {
		source: shown,
		version,
		detail,
		parts: { "Pulumi CLI": { source, version, detail } },
	};
}

/** Runs the installer in a process of its own, so that it can be ended. */
async function installOfficial(root, cache) {
	const version = packageVersion(root, "pulumi");
	const target = cache.path("pulumi");
	const temporary = cache.path("pulumi-download");
	mkdirSync(temporary, { recursive: true });
	const script = `
		const { PulumiCommand } = require("@pulumi/pulumi/automation");
		const { SemVer } = require("semver");
		PulumiCommand.install({ root: process.argv[1], version: new SemVer(process.argv[2]) })
			.catch((error) => { console.error(String(error.message ?? error)); process.exit(1); });`;
	try {
		await run(process.execPath, ["-e", script, target, version], {
			cwd: root,
			// The release is unpacked here: growth shows that it moves.
			env: { ...process.env, TMPDIR: temporary },
			progress: () => size(temporary) + size(target),
			stallMs: STALL_MS,
			timeoutMs: DOWNLOAD_MS,
		});
		return true;
	} catch (error) {
		rmSync(target, { recursive: true, force: true });
		throw error;
	} finally {
		rmSync(temporary, { recursive: true, force: true });
	}
}

/**
 * Language host and provider plugins: the official ones where all of them can be
 * had, else the stand-ins, never a mixture of providers.
 * @param {string} root of the repository
 * @param {import("./cache.mjs").Cache} cache
 * @param {NodeJS.ProcessEnv} env of the child, with PULUMI_HOME and PATH
 */
export async function ensurePlugins(root, cache, env) {
	const official = await cache.tryOfficial("Pulumi plugins", () =>
		installPlugins(root, cache, env),
	);
	const host = officialHost(env);
	const standIns = cache.path("stand-ins");
	if (!official || !host) {
		const script = join(root, "test/plugins/build.mjs");
		await run(process.execPath, [script, standIns], { cwd: root });
	}
	for (const name of PROVIDERS) {
		const file = `pulumi-resource-${name}`;
		rmSync(join(cache.bin, file), { force: true });
		if (!official) place(join(standIns, file), join(cache.bin, file));
	}
	const hostFile = join(cache.bin, "pulumi-language-nodejs");
	rmSync(hostFile, { force: true });
	if (!host) place(join(standIns, "pulumi-language-nodejs"), hostFile);
	const source = official ? "official" : "stand-in";
	const parts = {
		"language host nodejs": { source: host ? "official" : "stand-in" },
	};
	for (const name of PROVIDERS) {
		const version = packageVersion(root, name);
		parts[`provider plugin ${name}`] = { source, version };
	}
	return {
		source,
		detail: `${PROVIDERS.join(", ")}; language host: ${host ? "official" : "stand-in"}`,
		parts,
	};
}

/**
 * Takes plugins and language host from a folder in place of all that.
 * @param {import("./cache.mjs").Cache} cache
 * @param {string} folder
 */
export function usePlugins(cache, folder) {
	const names = [
		"pulumi-language-nodejs",
		...PROVIDERS.map((name) => `pulumi-resource-${name}`),
	];
	for (const name of names) rmSync(join(cache.bin, name), { force: true });
	const parts = {
		"language host nodejs": { source: "official", detail: folder },
	};
	for (const name of PROVIDERS)
		parts[`provider plugin ${name}`] = { source: "official", detail: folder };
	return { source: "found", detail: folder, parts };
}

/** The official language host lies beside the official CLI. */
function officialHost(env) {
	const cli = which("pulumi", env.PATH);
	if (!cli) return undefined;
	const beside = join(dirname(realpathSync(cli)), "pulumi-language-nodejs");
	return existsSync(beside) ? beside : undefined;
}

async function installPlugins(root, cache, env) {
	for (const name of PROVIDERS) {
		const version = packageVersion(root, name);
		if (
			existsSync(
				join(env.PULUMI_HOME, "plugins", `resource-${name}-v${version}`),
			)
		)
			continue;
		await run("pulumi", ["plugin", "install", "resource", name, version], {
			env,
			progress: () => size(env.PULUMI_HOME),
			stallMs: STALL_MS,
			timeoutMs: DOWNLOAD_MS,
			log: cache.log(`plugin-${name}`),
		});
	}
	return true;
}

function packageVersion(root, name) {
	const file = join(root, "node_modules/@pulumi", name, "package.json");
	return JSON.parse(readFileSync(file, "utf8")).version;
}

async function versionOf(program) {
	const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
	return (await attempt(program, ["version"], { env }))?.trim();
}

/** A link, renamed into place: another run may be reading the old one. */
function place(target, link) {
	const aside = `${link}.${process.pid}`;
	rmSync(aside, { force: true });
	symlinkSync(target, aside);
	renameSync(aside, link);
}

/** Bytes under a folder, 0 when it is not there. */
function size(folder) {
	let total = 0;
	try {
		for (const name of readdirSync(folder, { recursive: true }))
			total +=
				statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
	} catch {
		// Not there yet, or in the middle of a change.
	}
	return total;
}
