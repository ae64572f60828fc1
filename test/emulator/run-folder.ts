import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../../cutover/processes";

/**
 * A folder for the files of this run, inside the emulator's state folder and
 * named after this process. The account begins empty with each run, so Pulumi
 * state or certificates of an earlier one would only mislead: folders of runs
 * whose process is gone are removed.
 */
export async function createRunFolder(stateDirectory: string): Promise<string> {
	await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
	for (const name of await readdir(stateDirectory)) {
		const pid = Number(/^run-(\d+)$/.exec(name)?.[1]);
		if (pid && !isAlive(pid))
			await rm(join(stateDirectory, name), { recursive: true, force: true });
	}
	const folder = join(stateDirectory, `run-${process.pid}`);
	// One of a former process that had the same id.
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { mode: 0o700 });
	return folder;
}
