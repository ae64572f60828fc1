/** What the dashboards call the product, and where it counts what only it has. */
export const product = {
	name: "FreshTrack",
	folderUid: "freshtrack",
	overview: { uid: "freshtrack-overview", title: "FreshTrack Overview" },
	/** Share of requests, and of log-ins, from which the plans roll back. */
	errorShareLimit: 0.05,
	loginFailureLimit: 0.1,
	/** Seconds without any reading from which the plans roll back. */
	ingestGapLimit: 15 * 60,
	metrics: {
		logins: 'logins_total{job="backend"}',
		loginFailures: 'logins_total{job="backend",result="failure"}',
		readings: 'readings_ingested_total{job="backend"}',
		alerts: 'alerts_triggered_total{job="backend"}',
		newestReading: 'sensor_newest_reading_timestamp_seconds{job="backend"}',
	},
} as const;
