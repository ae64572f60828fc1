import { createHash } from "node:crypto";
import { z } from "zod";

/** The four human checkpoints, in the order of the ladder. */
export const checkpointNames = [
	"staging-verified",
	"production-ready",
	"cutover-complete",
	"stabilized",
] as const;

export type CheckpointName = (typeof checkpointNames)[number];

/** Pulumi keeps what looks like a number as one, also a name or a release of digits. */
const text = z
	.union([z.string(), z.number(), z.boolean()])
	.transform(String)
	.pipe(z.string().min(1));

/** One signature as a stack's configuration holds it. */
export const signature = z.strictObject({
	person: text,
	/** By the ladder's clock, ISO 8601. */
	signedAt: z.iso.datetime(),
	/** As `releaseOf` names it. */
	release: text,
	/** Of the evidence file, hex. */
	sha256: z.string().regex(/^[0-9a-f]{64}$/, "a sha256 in hex"),
});

export type Signature = z.output<typeof signature>;

/** A stack's signatures by checkpoint. */
export const signatures = z.partialRecord(z.enum(checkpointNames), signature);

export type Signatures = z.output<typeof signatures>;

/** What an evidence file says of itself, as far as a signature is judged by it. */
const evidenceHead = z.object({
	checkpoint: z.string(),
	stack: z.string(),
	person: z.string(),
	signedAt: z.string(),
	release: z.string(),
});

const hour = 3_600_000;

/** How long a signature holds, in milliseconds: a live stack is another one the day after. */
const longest: Record<CheckpointName, number> = {
	"staging-verified": 7 * 24 * hour,
	"production-ready": 24 * hour,
	"cutover-complete": 7 * 24 * hour,
	stabilized: 7 * 24 * hour,
};

/** Against what a signature is judged. */
export interface Seen {
	/** The stack whose signature it is to be. */
	stack: string;
	/** By the ladder's clock. */
	now: Date;
	/** The release that is to be deployed. */
	release: string;
	/** The evidence file's text; undefined where there is none. */
	evidence: string | undefined;
}

/** A void signature names its reason; `kind` tells what helps. */
export type Verdict =
	| { valid: true; until: Date }
	| {
			valid: false;
			kind: "unsigned" | "stale" | "release" | "evidence";
			reason: string;
	  };

/**
 * Whether a signature opens what its checkpoint guards. It keeps accidents out,
 * not malice: who can sign can also forge.
 */
export function judge(
	checkpoint: CheckpointName,
	signed: Signature | undefined,
	seen: Seen,
): Verdict {
	const never = (
		kind: "unsigned" | "stale" | "release" | "evidence",
		reason: string,
	): Verdict => ({ valid: false, kind, reason });
	if (!signed) return never("unsigned", "it was never signed");
	const by = `signed by ${signed.person} at ${signed.signedAt}`;
	const until = new Date(Date.parse(signed.signedAt) + longest[checkpoint]);
	if (Date.parse(signed.signedAt) > seen.now.getTime())
		return never("stale", `${by}, which is still to come: a clock was moved`);
	if (until < seen.now)
		return never(
			"stale",
			`${by}, and void since ${until.toISOString()}: it holds ${longest[checkpoint] / hour} h`,
		);
	if (signed.release !== seen.release)
		return never(
			"release",
			`${by} for release ${signed.release}, and this is release ${seen.release}`,
		);
	const wrong = wrongEvidence(checkpoint, signed, seen);
	return wrong
		? never("evidence", `${by}, but ${wrong}`)
		: { valid: true, until };
}

/** What is wrong with a signature's evidence, in words. */
function wrongEvidence(
	checkpoint: CheckpointName,
	signed: Signature,
	{ stack, evidence }: Seen,
): string | undefined {
	const file = `evidence/${stack}/${checkpoint}.json`;
	if (evidence === undefined) return `${file} is not there`;
	if (sha256(evidence) !== signed.sha256)
		return `${file} was changed since: its sha256 is another`;
	const head = evidenceHead.safeParse(parsed(evidence)).data;
	if (head?.checkpoint !== checkpoint || head.stack !== stack)
		return `${file} is evidence of ${head?.checkpoint ?? "nothing"} on stack ${head?.stack ?? "unknown"}`;
	const keys = ["person", "signedAt", "release"] as const;
	const differing = keys.filter((key) => head[key] !== signed[key]);
	return differing.length > 0
		? `${differing.join(", ")} in the stack's configuration differ from ${file}`
		: undefined;
}

/** Hex. */
export function sha256(content: string): string {
	return createHash("sha256").update(content).digest("hex");
}

function parsed(json: string): unknown {
	try {
		return JSON.parse(json);
	} catch {
		return undefined;
	}
}
