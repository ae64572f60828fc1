import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { SetupError } from "./errors.mjs";

const GIB = 1024 ** 3;

/**
 * Makes sure that there is room, before anything is downloaded.
 * @param {string} what for the message, for instance "the cache folder"
 * @param {string} folder need not exist yet
 * @param {number} needed bytes
 * @throws {SetupError}
 */
export function checkDisk(what, folder, needed) {
	let existing = folder;
	while (!existsSync(existing)) existing = dirname(existing);
	const { bavail, bsize } = statfsSync(existing);
	const free = bavail * bsize;
	if (free < needed)
		throw new SetupError({
			expected: `${gib(needed)} free for ${what} (${folder})`,
			found: `${gib(free)} free`,
			fix: "free some space, or choose another disk with CUTOVER_CACHE",
		});
	return { detail: `${gib(needed)} needed, ${gib(free)} free` };
}

function gib(bytes) {
	return `${(bytes / GIB).toFixed(1)} GiB`;
}
