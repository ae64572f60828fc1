import type { BarrierState } from "./gate";
import { type Flags, nextStep, rungOf, rungs } from "./rungs";
import {
	type CheckpointName,
	checkpointNames,
	type Verdict,
} from "./signatures";

/** What `npm run status` found out. */
export interface Status {
	stack: string;
	verifiedOn: string | undefined;
	/** Flags of the last `up`; undefined before the first. */
	reached: Flags | undefined;
	wanted: Flags;
	release: { deployed: string; here: string } | undefined;
	signed: Record<CheckpointName, Verdict>;
	/** In words, as the next two; empty where there is nothing to say. */
	lock: string;
	freeze: string;
	names: string;
	/** ISO 8601, from `finalize` on. */
	sourceKeptUntil: string | undefined;
	supabase: string | undefined;
	/** Providers whose webhooks were repointed by hand. */
	manualRepoints: string[];
	now: Date;
}

const day = 86_400_000;

/** The status as lines for a terminal, what comes next last. */
export function statusText(status: Status): string {
	const { stack, reached, release, verifiedOn } = status;
	const lines: [label: string, text: string][] = [
		["stack", stack],
		["rung", rungInWords(status)],
		...releaseLine(release),
		...checkpointNames.map((checkpoint, index): [string, string] => [
			index === 0 ? "signed" : "",
			`${checkpoint}${checkpoint === "staging-verified" && verifiedOn ? ` on ${verifiedOn}` : ""}: ${inWords(status.signed[checkpoint])}`,
		]),
		...said("lock", status.lock),
		...said("freeze", status.freeze),
		...said("names", status.names),
		...(reached?.finalize ? finalLines(status) : []),
		["next", nextStep(status)],
	];
	return lines.map(([label, text]) => `${label.padEnd(8)}${text}`).join("\n");
}

function said(label: string, text: string): [string, string][] {
	return text ? [[label, text]] : [];
}

function rungInWords({ reached, wanted }: Status): string {
	if (!reached) return "not deployed by this program yet";
	const on = rungs.filter((rung) => wanted[rung]);
	const flags = on.map((rung) => `cutover:${rung}`).join(", ");
	return `${rungOf(reached)}; flags ${flags || "none"}`;
}

function releaseLine(release: Status["release"]): [string, string][] {
	if (!release) return [];
	const { deployed, here } = release;
	return [
		[
			"release",
			deployed === here
				? `${deployed}, deployed`
				: `${deployed} deployed, ${here} in this folder: signatures are for what is deployed, and pulumi up deploys what is here`,
		],
	];
}

function inWords(verdict: Verdict): string {
	return verdict.valid
		? `holds until ${verdict.until.toISOString()}`
		: verdict.reason;
}

/** How long the source is kept, and what may go afterwards. */
function finalLines(status: Status): [string, string][] {
	const { sourceKeptUntil, now, supabase, manualRepoints, verifiedOn } = status;
	if (!sourceKeptUntil) return [];
	const left = Date.parse(sourceKeptUntil) - now.getTime();
	if (left > 0) {
		const days = Math.floor(left / day);
		const hours = Math.floor((left % day) / 3_600_000);
		return [
			[
				"source",
				`Supabase is kept until ${sourceKeptUntil}: ${days} days and ${hours} hours from now`,
			],
		];
	}
	const off = [
		`the Supabase project${supabase ? ` ${supabase}` : ""}: a last backup of its database and storage, then pause, then delete it`,
		"its database password, API keys and access token, wherever they are kept",
		"the old system's hosting and what sends to it (schedules, functions)",
		...manualRepoints.map(
			(provider) => `${provider}'s webhooks to the old system`,
		),
		...(verifiedOn
			? [`stack ${verifiedOn}: pulumi destroy -s ${verifiedOn}`]
			: []),
	];
	return [
		[
			"source",
			`Supabase was kept until ${sourceKeptUntil}; may be switched off now:`,
		],
		...off.map((text): [string, string] => ["", `- ${text}`]),
	];
}

/** The freeze in words, with the seconds that are left of it. */
export function freezeInWords(state: BarrierState, at: Date): string {
	const { frozen, frozenAt, until, lapsed, kept, writes } = state;
	if (lapsed) return `lapsed at ${until}: the source takes writes again`;
	if (!frozen) return "no barrier: the source takes writes";
	const limit =
		kept || !until
			? "and stays so"
			: `for ${Math.round((Date.parse(until) - at.getTime()) / 1000)} s more, then it opens by itself`;
	const written = writes.map(({ table, count }) => `${table} ${count}`);
	const breach =
		written.length > 0 ? `; WRITTEN SINCE: ${written.join(", ")}` : "";
	return `source closed since ${frozenAt} ${limit}${breach}`;
}
