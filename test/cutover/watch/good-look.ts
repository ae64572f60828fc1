import type { Look } from "../../../cutover/watch/look";

/** Half an hour after the switch, all as it should be. */
export const good: Look = {
	at: "2026-01-01T00:00:00.000Z",
	secondsSinceSwitch: 1800,
	seasoned: true,
	requests: 400,
	errors: { now: 0.001, held: 0, before: 0.002 },
	logins: { now: 0, held: 0, before: 0.02, ok: 30, failed: 0 },
	readings: { now: 40, before: 42, gapSeconds: 4 },
	lagSeconds: undefined,
	latency: { now: 0.08, before: 0.07 },
	database: { now: 0, held: 0 },
	backendSeen: true,
	targets: { up: 20, all: 20, down: [] },
	statusPage: { up: true, detail: '"Status", 5 monitors up' },
	alerts: [{ name: "DiskFillsSoon", severity: "warning" }],
};
