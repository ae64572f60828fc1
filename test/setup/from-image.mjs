import { renameSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Takes a static program out of an image into the tools folder, for tests that need
 * the program and no container.
 * @param {import("./cache.mjs").Cache} cache
 * @param {import("./docker.mjs").Docker} docker
 * @param {string} image that the engine has
 * @param {string} file in the image, for instance /usr/bin/caddy
 */
export async function ensureFromImage(cache, docker, image, file) {
	const output = join(cache.bin, basename(file));
	const container = (await docker.run(["create", image])).trim();
	try {
		await docker.run(["cp", `${container}:${file}`, `${output}.new`]);
	} finally {
		await docker.run(["rm", container]);
	}
	// Renamed, so that a kill never leaves half a program under the final name.
	renameSync(`${output}.new`, output);
	return { source: "found", detail: `in the image ${image}` };
}
