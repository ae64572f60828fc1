import { canInstall, install } from "./apt.mjs";
import { SetupError } from "./errors.mjs";
import { which } from "./exec.mjs";

/** Programs that the copy is measured beside, with Debian's packages of them. */
const RIVALS = {
	pgcopydb: "pgcopydb",
	pg_dump: "postgresql-client",
	psql: "postgresql-client",
};

/**
 * Finds the tools that the copy is measured beside, or installs them.
 * @param {import("./cache.mjs").Cache} cache
 * @throws {SetupError} where they are missing and cannot be installed
 */
export async function ensureRivals(cache) {
	const missing = Object.keys(RIVALS).filter((name) => !which(name));
	if (missing.length === 0) return { source: "found", detail: "on PATH" };
	if (!canInstall())
		throw new SetupError({
			expected: `${missing.join(", ")} on PATH, to measure beside`,
			found: "none, and this user cannot install packages",
			fix: `install ${[...new Set(missing.map((name) => RIVALS[name]))].join(" ")}`,
		});
	await install(cache, [...new Set(missing.map((name) => RIVALS[name]))]);
	return { source: "official", detail: "Debian's packages" };
}
