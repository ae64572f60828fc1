import type { FastifyBaseLogger } from "fastify";

/** A job that runs at once and then in each interval. */
export interface Schedule {
	/** Unix time in milliseconds of the last success. */
	readonly lastSuccess: number | undefined;
	/** No further run begins; resolves when the running one has ended. */
	stop(): Promise<void>;
}

/**
 * Runs `job` now and every `intervalMs`. Runs never overlap: one that takes
 * longer than the interval delays the next. A failure is logged and tried again
 * at the next interval.
 */
export function schedule(
	name: string,
	intervalMs: number,
	job: () => Promise<object>,
	log: FastifyBaseLogger,
	onSuccess: (at: number) => void,
): Schedule {
	let lastSuccess: number | undefined;
	let stopped = false;
	let timer: NodeJS.Timeout | undefined;

	const run = async () => {
		const startedAt = Date.now();
		try {
			const result = await job();
			lastSuccess = Date.now();
			onSuccess(lastSuccess);
			log.info({ job: name, ...result }, "scheduled job done");
		} catch (error) {
			log.error({ job: name, err: error }, "scheduled job failed");
		}
		if (!stopped) {
			const rest = intervalMs - (Date.now() - startedAt);
			timer = setTimeout(start, Math.max(rest, 0));
		}
	};
	let running: Promise<void> = Promise.resolve();
	const start = () => {
		running = run();
	};
	start();

	return {
		get lastSuccess() {
			return lastSuccess;
		},
		async stop() {
			stopped = true;
			clearTimeout(timer);
			await running;
		},
	};
}
