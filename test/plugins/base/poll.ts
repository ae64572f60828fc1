import { setTimeout as delay } from "node:timers/promises";

/** What is waited for here is on this machine, so asking often costs nothing. */
const INTERVAL_MS = 200;

/**
 * Asks until the answer is there.
 *
 * @param ask resolves to the answer, or to undefined while it is not there
 * @param options.what completes "timed out waiting for …"
 * @param options.seconds how long to wait at most
 * @throws Error when the time is over; what `ask` throws; the abort reason
 */
export async function until<T>(
	ask: () => Promise<T | undefined>,
	options: { what: () => string; seconds: number; signal: AbortSignal },
): Promise<T> {
	const deadline = Date.now() + options.seconds * 1_000;
	for (;;) {
		options.signal.throwIfAborted();
		const answer = await ask();
		if (answer !== undefined) {
			return answer;
		}
		if (Date.now() > deadline) {
			throw new Error(
				`timed out after ${options.seconds} s waiting for ${options.what()}`,
			);
		}
		await delay(INTERVAL_MS, undefined, { signal: options.signal });
	}
}
