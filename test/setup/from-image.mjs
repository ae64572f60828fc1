import { chmodSync, existsSync, renameSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Takes a static program out of an image into the tools folder, for tests that need
 * the very program that the services run, and no container.
 * @param {import("./cache.mjs").Cache} cache
 * @param {import("./docker.mjs").Docker} docker
 * @param {string} image that the engine has
 * @param {string} file in the image, for instance /usr/bin/caddy
 */
export async function ensureFromImage(cache, docker, image, file) {
	const name = basename(file);
	const output = join(cache.bin, name);
	const { id, pulled } = await docker.image(image);
	const source = pulled ? "official" : "built";
	const { programs = {} } = cache.read();
	if (programs[name] === id && existsSync(output))
		return { source, detail: "unchanged" };
	const container = (await docker.run(["create", image])).trim();
	try {
		await docker.run(["cp", `${container}:${file}`, `${output}.new`]);
	} finally {
		await docker.attempt(["rm", container]);
	}
	chmodSync(`${output}.new`, 0o755);
	// Renamed, so that a kill never leaves half a program under the final name.
	renameSync(`${output}.new`, output);
	cache.update((state) => {
		state.programs = { ...state.programs, [name]: id };
	});
	return { source, detail: `out of ${image}` };
}
