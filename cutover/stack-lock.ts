import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { isAlive } from "./processes";
import { runOrThrow } from "./run";

/** As the file backend of the Pulumi CLI writes it (pkg/backend/diy/lock.go). */
const lockFile = z.object({
	pid: z.number(),
	username: z.string(),
	hostname: z.string(),
	timestamp: z.string(),
});

/** A lock on a stack's state, and whether the run that took it is still there. */
export interface StackLock {
	pid: number;
	username: string;
	hostname: string;
	/** ISO 8601. */
	since: string;
	/** undefined where it was taken on another machine, which only a person can look at. */
	alive: boolean | undefined;
}

/**
 * The locks on a stack, as a run that was killed leaves them behind. Only the file
 * backend keeps them where they can be read; other backends end them by themselves
 * or tell in their own console, so none are given.
 */
export async function readLocks(
	project: string,
	stack: string,
): Promise<StackLock[]> {
	const folder = await lockFolder(project, stack);
	if (!folder) return [];
	// Beside each lie its attributes, .json.attrs.
	const names = (await readdir(folder).catch(() => [])).filter((name) =>
		name.endsWith(".json"),
	);
	const locks = await Promise.all(
		names.map((name) =>
			// A run that ends meanwhile takes its lock along.
			readFile(join(folder, name), "utf8").catch(() => undefined),
		),
	);
	return locks.flatMap((text) => {
		if (text === undefined) return [];
		const { timestamp, ...lock } = lockFile.parse(JSON.parse(text));
		const alive = lock.hostname === hostname() ? isAlive(lock.pid) : undefined;
		return [{ ...lock, since: timestamp, alive }];
	});
}

/** One lock in words: who holds it, and what to do. */
export function describeLock(lock: StackLock, stack: string): string {
	const { pid, username, since, alive } = lock;
	const holder = `process ${pid} of ${username} on ${lock.hostname}, since ${since}`;
	const cancel = `pulumi cancel -s ${stack}, then run again what was cut short: it goes on where it stood`;
	if (alive === false)
		return `locked by a run that has ended without unlocking (${holder}): ${cancel}`;
	return alive
		? `locked by a run under way (${holder}): wait for it`
		: `locked from another machine (${holder}): look there whether it still runs; where it has ended, ${cancel}`;
}

async function lockFolder(
	project: string,
	stack: string,
): Promise<string | undefined> {
	const { stdout } = await runOrThrow("pulumi", ["whoami", "--output=json"]);
	const { url } = z.object({ url: z.string() }).parse(JSON.parse(stdout));
	if (!url.startsWith("file://")) return undefined;
	// file://~ is the CLI's own way to name the home folder.
	const root = url.startsWith("file://~")
		? join(process.env.HOME ?? "", url.slice("file://~".length))
		: fileURLToPath(url);
	return join(root, ".pulumi", "locks", "organization", project, stack);
}
