/**
 * Alerts that a planned cutover raises without anything being wrong: sensors are
 * not heard while the old system is frozen, caches of the new one are cold. Silenced
 * from its announcement to an end that is set with it, and inhibited while the
 * freeze is a lease. None of them is a criterion to go back: those are never hidden.
 */
export const expectedDuringCutover = [
	"LatencyAboveBaseline",
	"OldServicesStillWrite",
	"ProbeAboveBaseline",
	"SensorDataStale",
	"SourceUnwatched",
	"TrafficBelowBaseline",
] as const;
