/** Nanoseconds in each unit of Go's time.ParseDuration. */
const UNITS: Record<string, number> = {
	ns: 1,
	us: 1e3,
	µs: 1e3,
	ms: 1e6,
	s: 1e9,
	m: 60e9,
	h: 3_600e9,
};

/**
 * Nanoseconds of a duration as Go writes them: "1h2m3.5s".
 *
 * @returns undefined for what is none
 */
export function parseDuration(text: string): number | undefined {
	if (text === "0") {
		return 0;
	}
	const pattern = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;
	let total = 0;
	let end = 0;
	while (end < text.length) {
		pattern.lastIndex = end;
		const match = pattern.exec(text);
		if (match === null) {
			return undefined;
		}
		total += Number(match[1]) * (UNITS[match[2] ?? ""] ?? 0);
		end = pattern.lastIndex;
	}
	return end === 0 ? undefined : Math.round(total);
}

/** Nanoseconds of an optional duration; 0 where it is not given or none. */
export function nanoseconds(text: string | undefined): number {
	return (text === undefined ? undefined : parseDuration(text)) ?? 0;
}

/**
 * A duration as the official provider writes it into the state: Go's form
 * without zero seconds and minutes at the end. "90s" becomes "1m30s".
 */
export function formatDuration(ns: number | null | undefined): string {
	const value = ns ?? 0;
	if (value === 0) {
		return "0s";
	}
	if (value < 1e9) {
		const unit = value >= 1e6 ? "ms" : value >= 1e3 ? "µs" : "ns";
		return `${value / (UNITS[unit] ?? 1)}${unit}`;
	}
	const hours = Math.floor(value / 3_600e9);
	const minutes = Math.floor((value % 3_600e9) / 60e9);
	const seconds = (value % 60e9) / 1e9;
	return [
		hours > 0 ? `${hours}h` : "",
		minutes > 0 || (hours > 0 && seconds > 0) ? `${minutes}m` : "",
		seconds > 0 ? `${seconds}s` : "",
	].join("");
}
