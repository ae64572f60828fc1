import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { canInstall, purge } from "./apt.mjs";
import { Cache, cacheFolder } from "./cache.mjs";
import { Docker } from "./docker.mjs";
import { ownHost, stopEngine } from "./engine.mjs";
import { SetupError } from "./errors.mjs";
import { which } from "./exec.mjs";
import { Users, withLock } from "./lock.mjs";

/** What set-up and the emulator label all that they make with. */
const LABELS = ["cutover.setup", "cutover.emulator"];
const KINDS = [
	{
		kind: "container",
		list: ["ps", "--all", "--quiet"],
		remove: ["rm", "--force", "--volumes"],
	},
	{
		kind: "network",
		list: ["network", "ls", "--quiet"],
		remove: ["network", "rm"],
	},
	{
		kind: "volume",
		list: ["volume", "ls", "--quiet"],
		remove: ["volume", "rm"],
	},
	{
		kind: "image",
		list: ["images", "--quiet", "--no-trunc"],
		remove: ["rmi", "--force"],
	},
];

/**
 * Removes all that set-up, emulator and rehearsal made on this machine, and says
 * what: containers, networks, volumes and images in the engine, the daemon, the
 * packages that set-up installed, the cache folder, node_modules.
 * @param {string} root of the repository
 * @param {(line: string) => void} print
 */
export async function clean(root, print) {
	const folder = cacheFolder();
	if (existsSync(folder)) {
		const cache = new Cache(folder);
		await withLock(cache.path("lock"), () => cleanCache(cache, print));
	}
	for (const path of [
		"node_modules",
		"SUMMARY.md",
		"evidence/rehearsal",
		".rehearsal",
	])
		if (existsSync(join(root, path))) {
			rmSync(join(root, path), { recursive: true, force: true });
			print(`removed ${path}`);
		}
}

async function cleanCache(cache, print) {
	const users = new Users(cache.path("users")).others();
	if (users.length > 0)
		throw new SetupError({
			expected: "no rehearsal, emulator or test in progress",
			found: `process ${users.join(", ")}`,
			fix: "end it, then run npm run clean again",
		});
	if (cache.read().kept)
		throw new SetupError({
			expected: "no kept rehearsal",
			found: "one that was left running by --keep",
			fix: "npm run rehearse -- --down, then npm run clean again",
		});
	const pulled = cache.read().pulled ?? [];
	const own = new Docker(ownHost(cache));
	if (which("docker"))
		for (const docker of [
			new Docker(process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock"),
			own,
		])
			if (await docker.version()) await cleanEngine(docker, pulled, print);
	if (await stopEngine(cache)) print("stopped the Docker daemon");
	const packages = cache.read().aptPackages ?? [];
	if (packages.length > 0 && canInstall()) {
		const purged = await purge(packages);
		if (purged.length > 0) print(`purged ${purged.join(" ")}`);
	}
	cache.remove();
	print(`removed ${cache.folder}`);
}

async function cleanEngine(docker, pulled, print) {
	for (const { kind, list, remove } of KINDS) {
		const labelled = await Promise.all(
			LABELS.map((label) => docker.labelled(list, label)),
		);
		const names = kind === "image" ? pulled : [];
		const wanted = [...new Set([...labelled.flat(), ...names])];
		const left = await removeEach(docker, remove, wanted);
		const count = wanted.length - left.length;
		if (count > 0) print(`removed ${count} ${kind}${count > 1 ? "s" : ""}`);
		if (left.length > 0) print(`still in use, ${kind}: ${left.join(" ")}`);
	}
}

/** Again until nothing more goes: an image goes only after those built from it. */
async function removeEach(docker, remove, wanted) {
	let left = wanted;
	for (;;) {
		const failed = [];
		for (const each of left)
			if ((await docker.attempt([...remove, each])) === undefined)
				failed.push(each);
		if (failed.length === 0 || failed.length === left.length) return failed;
		left = failed;
	}
}
