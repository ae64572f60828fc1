import type { CheckpointName, Verdict } from "./signatures";

/** The flags of the ladder, lowest first; each needs the one before. */
export const rungs = ["sync", "freeze", "dnsSwitch", "finalize"] as const;

export type Rung = (typeof rungs)[number];
export type Flags = Record<Rung, boolean>;

/** Below the ladder. */
export const noFlags: Flags = {
	sync: false,
	freeze: false,
	dnsSwitch: false,
	finalize: false,
};

/** The checkpoint that opens each rung. */
export const opens: Record<Rung, CheckpointName> = {
	sync: "staging-verified",
	freeze: "production-ready",
	dnsSwitch: "production-ready",
	finalize: "stabilized",
};

/** What an `up` does for each rung on the way up, and on the way back. */
const words: Record<Rung, { up: string; back: string }> = {
	sync: {
		up: "both databases are probed, users moved, a change journal installed on the source, rows copied and proven, changes followed from then on",
		back: "the follower stops and the journal is taken off the source; users and rows that were moved stay",
	},
	freeze: {
		up: "sign-ups are closed, the follower stops, the source is closed to writes, last users and last changes are moved, both sides proven equal; if any of it fails the source opens again",
		back: "the source takes writes again, is followed again, and sign-ups open",
	},
	dnsSwitch: {
		up: "after a last look at barrier, proof, certificates, TTL and services the freeze is made to last, new writes are noted for a way back, the names get the new address, then the webhooks, and the old data API is closed",
		back: "the new system is closed to writes, its data exported and the export proven, new writes replayed to the source, then webhooks and names point to the old system again",
	},
	finalize: {
		up: "the way back's journal ends and the TTL rises; from then on a return is a restore",
		back: "the TTL falls again; what was written meanwhile has no way back but a restore",
	},
};

/** The highest rung of some flags, for people. */
export function rungOf(flags: Flags): Rung | "deployed" {
	return rungs.findLast((rung) => flags[rung]) ?? "deployed";
}

/** Rungs that the next `up` climbs, in its order. */
export function climbed(from: Flags, to: Flags): Rung[] {
	return rungs.filter((rung) => to[rung] && !from[rung]);
}

/**
 * What the next `up` does to the ladder, in one line.
 *
 * @param from flags of the last `up`; undefined before the first.
 */
export function inWords(from: Flags | undefined, to: Flags): string {
	const before = from ?? noFlags;
	const up = climbed(before, to);
	const back = rungs.filter((rung) => before[rung] && !to[rung]).toReversed();
	const start = from ? rungOf(from) : "nothing";
	if (up.length + back.length === 0) {
		const goal = rungOf(to);
		return from
			? `stays at ${goal}: no rung is climbed, none taken back`
			: "from nothing to deployed: the new home is built; source and names stay as they are";
	}
	const steps = [
		...back.map((rung) => `${rung} is undone: ${words[rung].back}`),
		...up.map((rung) => `${rung}: ${words[rung].up}`),
	];
	const way = back.length > 0 ? `${start} back to` : `${start} to`;
	return `from ${way} ${rungOf(to)}: ${steps.map((step, at) => `(${at + 1}) ${step}`).join("; ")}`;
}

/** What keeps a rung shut, and what helps. */
export interface Refusal {
	expected: string;
	found: string;
	fix: string;
}

/**
 * Why a rung may not be climbed now.
 *
 * @param signer the stack on which its checkpoint is signed.
 */
export function refusal(
	rung: Rung,
	stack: string,
	signer: string,
	verdict: Verdict,
): Refusal | undefined {
	if (verdict.valid) return undefined;
	const checkpoint = opens[rung];
	const lower = `pulumi config set cutover:${rung} false -s ${stack}`;
	const signing = `npm run checkpoint -- ${checkpoint} -s ${signer}`;
	// A checkpoint looks at what is deployed: another release has to be that first.
	const redeploy =
		verdict.kind !== "release"
			? signing
			: signer === stack
				? `${lower} && pulumi up -s ${stack} && ${signing}, then the flag again`
				: `pulumi up -s ${signer} && ${signing}`;
	return {
		expected: `checkpoint ${checkpoint} signed on stack ${signer} before cutover:${rung} on ${stack}`,
		found: verdict.reason,
		fix: `${redeploy}; or ${lower}`,
	};
}

/** Where a stack stands, as far as the next step depends on it. */
export interface Position {
	stack: string;
	/** On which `staging-verified` is signed; undefined where no signature is asked for. */
	verifiedOn: string | undefined;
	/** Flags of the last `up`; undefined before the first. */
	reached: Flags | undefined;
	/** Flags as configured. */
	wanted: Flags;
	signed: Record<CheckpointName, Verdict>;
}

/** What comes next, with its command. */
export function nextStep(position: Position): string {
	const { stack, verifiedOn, reached, wanted, signed } = position;
	const up = `pulumi up -s ${stack}`;
	if (!reached) return `deploy: ${up}`;
	const differing = rungs.filter((rung) => reached[rung] !== wanted[rung]);
	if (differing.length > 0)
		return `${differing.map((rung) => `cutover:${rung} is ${wanted[rung]}`).join(", ")} in the configuration, which the last up did not see through: pulumi preview -s ${stack}, then ${up}`;
	const sign = (checkpoint: CheckpointName, on = stack) =>
		`sign ${checkpoint}: npm run checkpoint -- ${checkpoint} -s ${on}`;
	const next = rungs.find((rung) => !reached[rung]);
	if (!next) return "nothing: the ladder is climbed";
	const climb = `climb to ${next}: pulumi config set cutover:${next} true -s ${stack} && ${up}`;
	if (!verifiedOn) {
		if (!reached.sync) return climb;
		return signed["staging-verified"].valid
			? `verified: on to the stack whose cutover:verifiedOn names this one; or here ${climb}`
			: sign("staging-verified");
	}
	if (next === "finalize" && !signed["cutover-complete"].valid)
		return sign("cutover-complete");
	const checkpoint = opens[next];
	if (signed[checkpoint].valid) return climb;
	return sign(checkpoint, next === "sync" ? verifiedOn : stack);
}
