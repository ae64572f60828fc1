import { parse } from "yaml";
import { now } from "./clock";
import { readEvidence, readIfThere } from "./evidence";
import {
	type CheckpointName,
	judge,
	type Signatures,
	signatures,
	type Verdict,
} from "./signatures";

/** A stack's signatures as its file Pulumi.STACK.yaml holds them. */
export async function signaturesOf(stack: string): Promise<Signatures> {
	const text = (await readIfThere(`Pulumi.${stack}.yaml`)) ?? "";
	const file = parse(text) as { config?: Record<string, unknown> } | null;
	return signatures.parse(file?.config?.["cutover:signatures"] ?? {});
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
