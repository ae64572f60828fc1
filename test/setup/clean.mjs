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
	const own = new Docker(ownHost(cache));
	if (which("docker"))
		for (const docker of [
			new Docker(process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock"),
			own,
		])
			if (await docker.version()) await cleanEngine(docker, print);
	if (await stopEngine(cache)) print("stopped the Docker daemon");
	const packages = cache.read().aptPackages ?? [];
	if (packages.length > 0 && canInstall()) {
		const purged = await purge(packages);
		if (purged.length > 0) print(`purged ${purged.join(" ")}`);
	}
	cache.remove();
	print(`removed ${cache.folder}`);
}

async function cleanEngine(docker, print) {
	const kinds = [
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
	for (const { kind, list, remove } of kinds) {
		const found = await Promise.all(
			LABELS.map((label) => docker.labelled(list, label)),
		);
		const ids = [...new Set(found.flat())];
		if (ids.length === 0) continue;
		await docker.run([...remove, ...ids]);
		print(`removed ${ids.length} ${kind}${ids.length > 1 ? "s" : ""}`);
	}
}
