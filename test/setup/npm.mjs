import { statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./errors.mjs";
import { run } from "./exec.mjs";

/**
 * Installs the npm packages when they are missing or older than the lock file.
 * @param {string} root of the repository
 * @param {import("./cache.mjs").Cache} cache
 */
export async function ensurePackages(root, cache) {
	const wanted = changed(join(root, "package-lock.json"));
	// npm writes this one last, so a killed installation does not count.
	const installed = changed(join(root, "node_modules/.package-lock.json"));
	if (installed >= wanted) return { source: "found", detail: "up to date" };
	const log = cache.log("npm");
	try {
		const quiet = ["--no-audit", "--no-fund", "--no-update-notifier"];
		await run("npm", ["ci", ...quiet], { cwd: root, log });
	} catch (error) {
		throw new SetupError({
			expected: "npm ci to install the packages of package-lock.json",
			found: error.message,
			fix: `see ${log}; check that this machine reaches its npm registry`,
		});
	}
	return { source: "official", detail: "npm ci" };
}

function changed(file) {
	return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
