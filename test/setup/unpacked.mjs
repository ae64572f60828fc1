import {
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { SetupError } from "./errors.mjs";
import { attempt, run, which } from "./exec.mjs";

/**
 * What the tests of alerts and metrics run beside ALERTING: programs, with
 * Debian's package of each and its name there where that is another.
 */
export const MONITORING = {
	prometheus: { package: "prometheus" },
	promtool: { package: "prometheus" },
	node_exporter: {
		package: "prometheus-node-exporter",
		file: "prometheus-node-exporter",
	},
	postgres_exporter: {
		package: "prometheus-postgres-exporter",
		file: "prometheus-postgres-exporter",
	},
	blackbox_exporter: {
		package: "prometheus-blackbox-exporter",
		file: "prometheus-blackbox-exporter",
	},
};

/**
 * Finds programs on PATH, else unpacks Debian's packages of them into the cache
 * and links them into its tools folder: nothing is installed, no service begins.
 * @param {import("./cache.mjs").Cache} cache
 * @param {Record<string, {package: string, file?: string}>} tools
 * @throws {SetupError} where they are missing and there are no Debian packages
 */
export async function ensureUnpacked(cache, tools) {
	const path = `${cache.bin}:${process.env.PATH ?? ""}`;
	const missing = Object.keys(tools).filter((name) => !which(name, path));
	if (missing.length === 0) return { source: "found", detail: "on PATH" };
	const packages = [...new Set(missing.map((name) => tools[name].package))];
	if (!which("apt-get") || !which("dpkg"))
		throw new SetupError({
			expected: `${missing.join(", ")} on PATH, or Debian's packages of them`,
			found: "neither",
			fix: "install Prometheus, Alertmanager and their exporters (https://prometheus.io/download)",
		});
	for (const name of packages) await unpack(cache, name);
	for (const name of missing) {
		const { package: from, file = name } = tools[name];
		const link = join(cache.bin, name);
		rmSync(link, { force: true });
		symlinkSync(cache.path("debian", from, "usr/bin", file), link);
	}
	return { source: "official", detail: "Debian's packages, unpacked" };
}

async function unpack(cache, name) {
	const log = cache.log(`unpack-${name}`);
	const folder = cache.path("debian", name);
	const aside = `${folder}.new`;
	rmSync(aside, { recursive: true, force: true });
	mkdirSync(aside, { recursive: true });
	const download = () =>
		run("apt-get", ["download", "-q", name], { cwd: aside, log });
	try {
		await download().catch(async () => {
			// Lists that are missing or old are the usual cause; they are root's.
			await attempt("apt-get", ["update", "-q"], { log });
			await download();
		});
	} catch (error) {
		throw new SetupError({
			expected: `apt-get to download ${name}`,
			found: error.message,
			fix: `see ${log}; repair apt, or put the program on PATH, and run again`,
		});
	}
	const [archive] = readdirSync(aside);
	await run("dpkg", ["-x", join(aside, archive), aside], { log });
	rmSync(join(aside, archive));
	rmSync(folder, { recursive: true, force: true });
	// Renamed, so that a kill never leaves half a package under the final name.
	renameSync(aside, folder);
}
