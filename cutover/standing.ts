import { parse } from "yaml";
import { now } from "./clock";
import { UserError } from "./errors";
import { readEvidence, readIfThere } from "./evidence";
import {
	type CheckpointName,
	judge,
	type Signatures,
	signatures,
	type Verdict,
} from "./signatures";

/**
 * A stack's signatures as its file Pulumi.STACK.yaml holds them.
 *
 * @throws UserError where they are none that a checkpoint wrote.
 */
export async function signaturesOf(stack: string): Promise<Signatures> {
	const path = `Pulumi.${stack}.yaml`;
	const text = (await readIfThere(path)) ?? "";
	const file = parse(text) as { config?: Record<string, unknown> } | null;
	const found = signatures.safeParse(
		file?.config?.["cutover:signatures"] ?? {},
	);
	if (found.success) return found.data;
	throw new UserError({
		expected: `cutover:signatures in ${path} as npm run checkpoint writes them`,
		found: found.error.issues
			.map(({ path: at, message }) => `${at.join(".")}: ${message}`)
			.join("; "),
		fix: `pulumi config rm cutover:signatures -s ${stack}, then sign anew`,
	});
}

/** Judges a checkpoint's signature now, with the evidence that lies here. */
export async function standing(
	checkpoint: CheckpointName,
	stack: string,
	signed: Signatures,
	release: string,
): Promise<Verdict> {
	const evidence = await readEvidence(stack, `${checkpoint}.json`);
	const seen = { stack, now: now(), release, evidence };
	return judge(checkpoint, signed[checkpoint], seen);
}
