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
import { contentHash } from "./images.mjs";

/** The CLI that is built where no release can be downloaded; known to work with the SDK. */
const BUILT_VERSION = "v3.274.1";
const MODULE = "github.com/pulumi/pulumi/pkg/v3";
const VERSION_VARIABLE =
	"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
/** Without a byte for this long a download counts as out of reach. */
const STALL_MS = 10_000;
const DOWNLOAD_MS = 600_000;
const LANGUAGE_HOST = "pulumi-language-nodejs";
const PROVIDERS = ["random", "command", "digitalocean", "docker"];

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
 * @returns what a step gives, and `folders` to put on PATH
 */
export async function ensurePlugins(root, cache, env) {
	const official = await cache.tryOfficial("Pulumi plugins", () =>
		installPlugins(root, cache, env),
	);
	const host = hasOfficialHost(env);
	const folders = [];
	if (!official || !host) {
		const standIns = await buildStandIns(root, cache);
		if (!official) folders.push(join(standIns, "providers"));
		if (!host) folders.push(join(standIns, "language"));
	}
	const source = official ? "official" : "stand-in";
	const hostSource = host ? "official" : "stand-in";
	const versions = PROVIDERS.map((name) => packageVersion(root, name));
	return {
		source,
		detail: `${PROVIDERS.join(", ")}; language host: ${hostSource}`,
		parts: pluginParts(hostSource, source, (index) => ({
			version: versions[index],
		})),
		folders,
	};
}

/**
 * Takes plugins and language host from a folder in place of all that.
 * @param {string} folder
 */
export function usePlugins(folder) {
	return {
		source: "found",
		detail: folder,
		parts: pluginParts("official", "official", () => ({ detail: folder })),
		folders: [folder],
	};
}

function pluginParts(hostSource, source, more) {
	const parts = { "language host nodejs": { source: hostSource } };
	for (const [index, name] of PROVIDERS.entries())
		parts[`provider plugin ${name}`] = { source, ...more(index) };
	return parts;
}

/**
 * Bundles the stand-ins once for each state of their source: providers and
 * language host in a folder each, for an official CLI brings the latter along.
 */
async function buildStandIns(root, cache) {
	const lock = readFileSync(join(root, "package-lock.json"), "utf8");
	const hash = contentHash(root, { folder: "test/plugins" }, [lock]);
	const folder = cache.path("stand-ins", hash.slice(0, 16));
	if (existsSync(folder)) return folder;
	const aside = `${folder}.new`;
	rmSync(aside, { recursive: true, force: true });
	const language = join(aside, "language");
	const providers = join(aside, "providers");
	await run(process.execPath, ["test/plugins/build.mjs", providers], {
		cwd: root,
		log: cache.log("stand-ins"),
	});
	mkdirSync(language);
	renameSync(join(providers, LANGUAGE_HOST), join(language, LANGUAGE_HOST));
	renameSync(aside, folder);
	return folder;
}

/** The official CLI has its language host beside it. */
function hasOfficialHost(env) {
	const cli = which("pulumi", env.PATH);
	return (
		cli !== undefined &&
		existsSync(join(dirname(realpathSync(cli)), LANGUAGE_HOST))
	);
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
