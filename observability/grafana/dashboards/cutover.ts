import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard, type Line } from "../dashboard";
import { lines, logLines, numbers, states } from "../panels";
import { product } from "../product";

const every = "[$__rate_interval]";
const { metrics } = product;

/** Of the migration's commands that end. */
const steps = '{job="migration"}';

const openOrClosed = {
	0: { text: "open", color: "orange" },
	1: { text: "closed", color: "green" },
};
const thereOrHere = {
	0: { text: "another address", color: "blue" },
	1: { text: "this system", color: "green" },
};
const pastOrNow = {
	0: { text: "past", color: "transparent" },
	1: { text: "now", color: "purple" },
};

/** How far the move is, and whether the new system does what the old one did. */
export const cutover = () =>
	dashboard({
		uid: "cutover",
		title: "Cutover",
		description:
			"Phase, lag, freeze, proof; old against new; who is answered what by DNS; what still uses the old system.",
		from: "now-1h",
		sections: {
			Phase: phase(),
			"Copy and following": following(),
			"Freeze and proof": freeze(),
			"Old against new": oldAgainstNew(),
			"Names and the old system's rest": rest(),
		},
	});

/** Where it stands, in numbers. */
function phase(): Line[] {
	return [
		{
			height: 5,
			panels: [
				numbers(
					"Behind the old system",
					{ seconds: 'max(cutover_sync_lag_seconds{job="follower"})' },
					{
						unit: units.Seconds,
						limit: 60,
						description:
							"Age of the oldest write that is not brought over. From the sync to the freeze.",
					},
				),
				numbers(
					"Old system's writes",
					{ barrier: 'min(cutover_barrier_up{job="watch"})' },
					{ words: openOrClosed, description: "From the freeze on." },
				),
				numbers(
					"Opens by itself in",
					{ seconds: 'min(cutover_freeze_seconds_left{job="watch"})' },
					{
						unit: units.Seconds,
						limit: 120,
						below: true,
						description:
							"While the freeze is a lease; after the switch it stays.",
					},
				),
				numbers(
					"Differences proven",
					{ "{{step}}": `max by (step) (cutover_proof_differences${steps})` },
					{ limit: 1, description: "0 is what opens the switch." },
				),
				numbers("Rows proven", {
					"{{step}}": `max by (step) (cutover_proof_rows${steps})`,
				}),
				numbers(
					"Proven this long ago",
					{
						"{{step}}": `time() - max by (step) (cutover_proof_timestamp_seconds${steps})`,
					},
					{ unit: units.Seconds },
				),
			],
		},
		{
			height: 7,
			panels: [
				states(
					"Phases of the steps",
					{
						"{{step}}: {{phase}}": `max by (step, phase) (cutover_phase${steps})`,
					},
					{
						words: pastOrNow,
						description:
							"The purple marks in all panels are the ladder's: freeze, switch, return.",
					},
				),
			],
		},
	];
}

function following(): Line[] {
	return [
		{
			height: 8,
			panels: [
				lines(
					"Copied",
					{
						"brought over": `max(cutover_copy_bytes${steps})`,
						"in all": `max(cutover_copy_expected_bytes${steps})`,
					},
					{ unit: units.BytesIEC },
				),
				lines("Rows and tables copied", {
					rows: `max(cutover_copy_rows${steps})`,
					tables: `max(cutover_copy_tables_done${steps})`,
				}),
				lines(
					"Lag of the journal",
					{
						seconds: 'max(cutover_sync_lag_seconds{job="follower"})',
						entries: 'max(cutover_sync_lag_rows{job="follower"})',
					},
					{ description: "Before the freeze from old to new." },
				),
				lines("Rows brought over a second", {
					"{{direction}}": `sum by (direction) (rate(cutover_sync_rows_applied_total{job="follower"}${every}))`,
				}),
			],
		},
	];
}

function freeze(): Line[] {
	return [
		{
			height: 8,
			panels: [
				numbers(
					"Seconds of the last freeze",
					{ "{{phase}}": `max by (phase) (cutover_freeze_seconds${steps})` },
					{ unit: units.Seconds, decimals: 1 },
				),
				states(
					"Old system's writes",
					{ barrier: 'min(cutover_barrier_up{job="watch"})' },
					{ words: openOrClosed },
				),
				lines(
					"Rows written to it in spite of the freeze",
					{
						"{{table}}":
							'sum by (table) (cutover_writes_after_freeze_total{job="watch"})',
					},
					{
						limit: 1,
						description:
							"Empty is good. Tables of Supabase's own services are closed by them, not by the barrier.",
					},
				),
			],
		},
	];
}

function oldAgainstNew(): Line[] {
	return [
		{
			height: 8,
			panels: [
				lines(
					"Traffic",
					{
						"old: rows written": `sum(rate(cutover_sync_rows_applied_total{job="follower",direction="forward"}${every}))`,
						"old: transactions since the freeze": `sum(rate(cutover_residual_transactions_total{job="watch"}${every}))`,
						"new: requests": `sum(rate(http_requests_total{job="backend"}${every}))`,
					},
					{ description: "A second." },
				),
				lines(
					"Requests that fail, asked from here",
					{
						"old: {{host}}": failed("old"),
						"new: {{host}}": failed("new"),
						"where DNS points: {{host}}": failed("name"),
					},
					{
						unit: units.PercentUnit,
						max: 1,
						limit: product.errorShareLimit,
						description: "Probes by HTTPS, each over five minutes.",
					},
				),
				lines(
					"How long they take",
					{
						"old: {{host}}": took("old"),
						"new: {{host}}": took("new"),
						"where DNS points: {{host}}": took("name"),
					},
					{ unit: units.Seconds },
				),
			],
		},
		{
			height: 8,
			panels: [
				lines(
					"Age of the newest reading, by organization",
					{
						"{{organization}}": `time() - max by (organization) (${metrics.newestReading})`,
					},
					{
						unit: units.Seconds,
						limit: product.ingestGapLimit,
						description:
							"In the new database: before the switch they come by the old system. The line is the rollback criterion.",
					},
				),
				lines("Readings taken in by the new system, a minute", {
					readings: `60 * sum(rate(${metrics.readings}${every}))`,
				}),
				lines(
					"Errors of the new system",
					{
						"requests that fail": "backend:http_errors:ratio_rate5m",
						"log-ins that fail": "backend:logins_failed:ratio_rate5m",
					},
					{ unit: units.PercentUnit, description: "Over five minutes." },
				),
			],
		},
	];
}

function rest(): Line[] {
	return [
		{
			height: 9,
			panels: [
				states(
					"Answers by resolver",
					{
						"{{host}} by {{resolver}}": 'probe_success{job="blackbox-dns"}',
					},
					{
						words: thereOrHere,
						description:
							"A records, as the zone's servers and public resolvers give them. A resolver that does not answer counts as another address.",
					},
				),
			],
		},
		{
			height: 8,
			panels: [
				lines("Sessions on the old database", {
					"of others": 'max(cutover_residual_sessions{job="watch"})',
				}),
				lines("Transactions on the old database, a second", {
					"of others": `sum(rate(cutover_residual_transactions_total{job="watch"}${every}))`,
				}),
				logLines("What follower and watch say", '{service=~"follower|watch"}'),
			],
		},
	];
}

function failed(via: "old" | "new" | "name"): string {
	return `1 - avg by (host) (avg_over_time(probe_success{job="blackbox-http",via="${via}",host!="monitoring"}[5m]))`;
}

function took(via: "old" | "new" | "name"): string {
	return `avg by (host) (probe_duration_seconds{job="blackbox-http",via="${via}",host!="monitoring"})`;
}
