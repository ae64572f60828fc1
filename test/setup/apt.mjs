import { existsSync, rmSync, writeFileSync } from "node:fs";
import { SetupError } from "./errors.mjs";
import { attempt, run, which } from "./exec.mjs";

/** invoke-rc.d asks this file before it starts a service; 101 means: do not. */
const POLICY = "/usr/sbin/policy-rc.d";
const WAIT_FOR_LOCK = ["-o", "DPkg::Lock::Timeout=300"];

/** Whether packages can be installed here: root on a Debian or an Ubuntu. */
export function canInstall() {
	return process.getuid?.() === 0 && which("apt-get") !== undefined;
}

/**
 * Installs the packages that are missing, starts none of their services, and
 * notes in the cache which are new, so that clean can take them away again.
 * @param {import("./cache.mjs").Cache} cache
 * @param {string[]} packages
 * @throws {SetupError} when apt cannot deliver them
 */
export async function install(cache, packages) {
	const before = await installed();
	const missing = packages.filter((name) => !before.has(name));
	if (missing.length === 0) return;
	const log = cache.log(`apt-${missing[0]}`);
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	const args = ["install", "-y", "-q", "--no-install-recommends"];
	const getPackages = () =>
		run("apt-get", [...args, ...WAIT_FOR_LOCK, ...missing], { env, log });
	const ownPolicy = !existsSync(POLICY);
	if (ownPolicy)
		writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
	try {
		await getPackages().catch(async () => {
			// Lists that are missing or old are the usual cause.
			await run("apt-get", ["update", "-q", ...WAIT_FOR_LOCK], { env, log });
			await getPackages();
		});
	} catch (error) {
		throw new SetupError({
			expected: `apt-get to install ${missing.join(" ")}`,
			found: error.message,
			fix: `see ${log}; repair apt, or install the packages by hand, and run again`,
		});
	} finally {
		if (ownPolicy) rmSync(POLICY, { force: true });
		const fresh = [...(await installed())].filter((name) => !before.has(name));
		cache.update((state) => {
			state.aptPackages = [
				...new Set([...(state.aptPackages ?? []), ...fresh]),
			].sort();
		});
	}
}

/**
 * Takes packages away again, with their settings.
 * @param {string[]} packages
 */
export async function purge(packages) {
	const present = await installed();
	const names = packages.filter((name) => present.has(name));
	if (names.length > 0)
		await run("apt-get", ["purge", "-y", "-q", ...WAIT_FOR_LOCK, ...names], {
			env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
		});
	return names;
}

async function installed() {
	const list = await attempt("dpkg-query", [
		"-W",
		"-f",
		// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
		"${Package} ${db:Status-Status}\n",
	]);
	return new Set(
		(list ?? "")
			.split("\n")
			.filter((row) => row.endsWith(" installed"))
			.map((row) => row.split(" ")[0]),
	);
}
