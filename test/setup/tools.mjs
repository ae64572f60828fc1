import { canInstall, install } from "./apt.mjs";
import { SetupError } from "./errors.mjs";
import { which } from "./exec.mjs";

/** What the copy is measured beside: programs, with Debian's packages of them. */
export const RIVALS = {
	pgcopydb: "pgcopydb",
	pg_dump: "postgresql-client",
	psql: "postgresql-client",
};

/** What the tests ask the emulator's name server with. */
export const RESOLVER = { dig: "bind9-dnsutils" };

/** What looks at the pages as a person does. */
export const BROWSER = { chromium: "chromium" };

/** Installed, not unpacked: Debian's Alertmanager reads its templates from /usr/share. */
export const ALERTING = { amtool: "prometheus-alertmanager" };

/**
 * Finds programs, or installs them.
 * @param {import("./cache.mjs").Cache} cache
 * @param {Record<string, string>} tools programs with their packages
 * @throws {SetupError} where they are missing and cannot be installed
 */
export async function ensureTools(cache, tools) {
	const missing = Object.keys(tools).filter((name) => !which(name));
	if (missing.length === 0) return { source: "found", detail: "on PATH" };
	const packages = [...new Set(missing.map((name) => tools[name]))];
	if (!canInstall())
		throw new SetupError({
			expected: `${missing.join(", ")} on PATH`,
			found: "none, and this user cannot install packages",
			fix: `install ${packages.join(" ")}`,
		});
	await install(cache, packages);
	return { source: "official", detail: "Debian's packages" };
}
