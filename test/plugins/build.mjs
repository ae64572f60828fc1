/*
 * Bundles the stand-ins into executables that the Pulumi CLI finds on PATH.
 * One file each, so that they start in a fraction of the time that loading
 * their modules one by one takes.
 *
 *   node test/plugins/build.mjs OUTDIR
 */
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

const executables = {
	"pulumi-language-nodejs": "language/main.ts",
	"pulumi-resource-random": "random/main.ts",
	"pulumi-resource-command": "command/main.ts",
	"pulumi-resource-digitalocean": "digitalocean/main.ts",
	"pulumi-resource-docker": "docker/main.ts",
};

/**
 * Writes the executables into a folder, which is made if missing.
 *
 * @param {string} folder
 */
export async function buildPlugins(folder) {
	await mkdir(folder, { recursive: true });
	await Promise.all(
		Object.entries(executables).map(async ([name, entry]) => {
			const outfile = join(folder, name);
			await build({
				entryPoints: [join(here, entry)],
				outfile,
				bundle: true,
				platform: "node",
				target: "node20",
				format: "cjs",
				banner: { js: "#!/usr/bin/env node" },
				// Native speed-ups of ssh2: optional, and no part of a bundle.
				external: ["cpu-features", "*.node"],
				logLevel: "warning",
			});
			await chmod(outfile, 0o755);
		}),
	);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const folder = process.argv[2];
	if (folder === undefined) {
		console.error("usage: node test/plugins/build.mjs OUTDIR");
		process.exit(2);
	}
	await buildPlugins(folder);
}
