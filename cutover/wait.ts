import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks until the answer is there. `probe` returns undefined (or throws) while
 * it is not.
 *
 * @throws Error naming `what`, the time waited and the last reason.
 */
export async function waitFor<T>(
	what: string,
	probe: () => Promise<T | undefined>,
	options: { timeoutMs: number; intervalMs?: number },
): Promise<T> {
	const deadline = Date.now() + options.timeoutMs;
	let reason = "it was not so yet";
	for (;;) {
		try {
			const value = await probe();
			if (value !== undefined) return value;
		} catch (error) {
			reason = error instanceof Error ? error.message : String(error);
		}
		if (Date.now() >= deadline) {
			throw new Error(
				`${what}: not within ${options.timeoutMs / 1000} s; last: ${reason}`,
			);
		}
		await delay(options.intervalMs ?? 250);
	}
}
