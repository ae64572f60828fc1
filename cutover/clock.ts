/**
 * The ladder has long waits (a TTL lowered 48 hours ago, a notice sent the day
 * before). A rehearsal moves this clock instead of waiting, and everything
 * written while it is moved says by how much.
 */
const variable = "CUTOVER_CLOCK_OFFSET_SECONDS";

/** Seconds by which a rehearsal moved the clock; 0 in real use. */
export function clockOffsetSeconds(): number {
	const value = Number(process.env[variable] ?? 0);
	if (!Number.isFinite(value)) {
		throw new Error(`${variable} must be a number of seconds`);
	}
	return value;
}

/** Now, as the ladder sees it. */
export function now(): Date {
	return new Date(Date.now() + clockOffsetSeconds() * 1000);
}

/** Moves the clock of this process, and of those it starts, forward. */
export function moveClock(seconds: number): void {
	process.env[variable] = String(clockOffsetSeconds() + seconds);
}
