import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** How often the owner of a lock says that it lives, and after how long it is taken for dead. */
const beatMs = 1_000;
const deadAfterMs = 10_000;

/**
 * Runs `work` while nobody else on this machine does under the same file. What a
 * killed `pulumi up` had started may live on: it is waited for, as what it changes
 * meanwhile would not be in the facts that the next one goes by.
 *
 * @param onWait told once, when somebody else is at work.
 */
export async function onlyOne<T>(
	file: string,
	work: () => Promise<T>,
	onWait: () => void,
): Promise<T> {
	await mkdir(dirname(file), { recursive: true });
	let waited = false;
	while (!(await taken(file))) {
		if (!waited) onWait();
		waited = true;
		await delay(200);
	}
	const beat = setInterval(() => {
		const time = new Date();
		utimes(file, time, time).catch(() => undefined);
	}, beatMs);
	try {
		return await work();
	} finally {
		clearInterval(beat);
		await rm(file, { force: true });
	}
}

/** Takes the lock, from the dead as well. */
async function taken(file: string): Promise<boolean> {
	try {
		await writeFile(file, `${process.pid}\n`, { flag: "wx" });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
	}
	if (await isDead(file)) await rm(file, { force: true });
	return false;
}

/** By the process, and by its beat: another process may have its number by now. */
async function isDead(file: string): Promise<boolean> {
	try {
		const pid = Number(await readFile(file, "utf8"));
		const { mtimeMs } = await stat(file);
		if (Date.now() - mtimeMs > deadAfterMs) return true;
		if (pid > 0) process.kill(pid, 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "ESRCH";
	}
}
