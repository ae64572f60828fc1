import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { type Options, targetOf } from "../options";
import type { Outcome } from "./outcome";

/** Between two heartbeats; the monitor waits for three. */
const EVERY_MS = 20_000;
/** Longest a query, and a request to the monitor, may take. */
const ANSWER_MS = 10_000;

/**
 * Until SIGTERM or SIGINT, asks the target whether it answers, and tells the monitor
 * behind HEARTBEAT_URL (as Uptime Kuma's push monitors: ?status=up|down&msg=…&ping=MS).
 * A target that does not answer ends nothing. After each turn it writes
 * HEARTBEAT_FILE, by whose age others see that it still works.
 */
export async function runHeartbeat(options: Options): Promise<Outcome> {
	const { HEARTBEAT_URL: url, HEARTBEAT_FILE: file } = options.environment;
	if (!url || !URL.canParse(url))
		throw new MigrationError({
			expected: "HEARTBEAT_URL in the environment",
			found: url ? "no URL" : "nothing",
			fix: "set it, or send it with --environment-stdin",
		});
	const stop = new AbortController();
	const onSignal = () => stop.abort();
	process.on("SIGTERM", onSignal);
	process.on("SIGINT", onSignal);
	let last = "";
	while (!stop.signal.aborted) {
		const found = await look(options);
		const told = await tell(url, found);
		const now = `${found.msg}${told ? `; ${told}` : ""}`;
		if (now !== last) process.stderr.write(`heartbeat: ${now}\n`);
		last = now;
		if (file) writeFileSync(file, `${now}\n`);
		await delay(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
	}
	return { json: {}, lines: ["heartbeat ended"], exitCode: ExitCode.done };
}

interface Found {
	readonly status: "up" | "down";
	readonly msg: string;
	/** Milliseconds of connecting and asking. */
	readonly ping?: number;
}

async function look(options: Options): Promise<Found> {
	const startedAt = performance.now();
	const timer = new AbortController();
	try {
		await Promise.race([
			withConnection(targetOf(options), { readOnly: true }, (client) =>
				client.query("SELECT 1"),
			),
			delay(ANSWER_MS, undefined, { signal: timer.signal }).then(() => {
				throw new Error(`no answer within ${ANSWER_MS / 1000} s`);
			}),
		]);
		const ping = Math.round(performance.now() - startedAt);
		return { status: "up", msg: "OK", ping };
	} catch (error) {
		const { message } = error as Error;
		const found = error instanceof MigrationError ? error.found : message;
		return { status: "down", msg: found };
	} finally {
		timer.abort();
	}
}

/** @returns why the monitor was not told; undefined where it was. */
async function tell(url: string, found: Found): Promise<string | undefined> {
	const target = new URL(url);
	for (const [key, value] of Object.entries(found))
		target.searchParams.set(key, String(value));
	try {
		const answer = await fetch(target, {
			signal: AbortSignal.timeout(ANSWER_MS),
		});
		return answer.ok ? undefined : `the monitor answered ${answer.status}`;
	} catch (error) {
		// Its message does not hold the URL, whose token lets anybody push.
		const { cause, message } = error as Error;
		const { code } = (cause ?? {}) as NodeJS.ErrnoException;
		return `the monitor does not answer: ${code ?? message}`;
	}
}
