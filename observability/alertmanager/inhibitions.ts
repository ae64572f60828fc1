import { expectedDuringCutover } from "./expected";

/** One of Alertmanager's inhibit_rules: while a source fires, its targets are not sent. */
export interface Inhibition {
	source_matchers: string[];
	target_matchers: string[];
	/** Labels that both have alike; one that neither has counts as alike. */
	equal?: string[];
}

/** What fails at users' hands when the backend or its database does. */
const ofBackend = [
	"ErrorBudgetBurnsFast",
	"ErrorBudgetBurnsSlowly",
	"ErrorRateHigh",
	"IngestGap",
	"LatencyAboveBaseline",
	"LatencyHigh",
	"LoginFailuresHigh",
	"RequestsWaitForConnection",
	"ScheduledJobLate",
	"SensorDataStale",
	"TrafficBelowBaseline",
];
const atApi = ["NewAddressDown", "ProbeAboveBaseline", "SiteDown"];

/** One mail for one cause: what follows from another alert is not sent beside it. */
export const inhibitions: Inhibition[] = [
	{
		source_matchers: ['severity="critical"'],
		target_matchers: ['severity="warning"'],
		equal: ["topic", "instance", "device", "host", "service"],
	},
	...["BackendGone", "DatabaseDown"].flatMap((cause) => [
		follows(cause, ofBackend),
		follows(cause, atApi, 'host="api"'),
	]),
	follows("BackendGone", ["TargetDown"], 'job="backend"'),
	{
		source_matchers: [
			'alertname=~"TargetDown|TargetMissing"',
			'job=~"loki|otel-collector"',
		],
		target_matchers: ['alertname="LogIngestStalled"'],
	},
	follows("CutoverInProgress", expectedDuringCutover),
];

function follows(
	cause: string,
	alerts: readonly string[],
	...more: string[]
): Inhibition {
	return {
		source_matchers: [`alertname="${cause}"`],
		target_matchers: [`alertname=~"${alerts.join("|")}"`, ...more],
	};
}
