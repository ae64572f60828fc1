import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckResult } from "./check";
import { clockOffsetSeconds, now } from "./clock";

/** The four human checkpoints, in the order of the ladder. */
export const checkpointNames = [
	"staging-verified",
	"production-ready",
	"cutover-complete",
	"stabilized",
] as const;

export type CheckpointName = (typeof checkpointNames)[number];

export interface Signature {
	checkpoint: CheckpointName;
	stack: string;
	person: string;
	signedAt: string;
	/** sha256 of the evidence file, hex. */
	sha256: string;
}

/**
 * Writes what a checkpoint saw to evidence/STACK/NAME.json and signs it: who,
 * when, on which release, and the digest that shows a later edit.
 */
export async function sign(evidence: {
	checkpoint: CheckpointName;
	stack: string;
	person: string;
	release: Record<string, string>;
	checks: CheckResult[];
}): Promise<Signature> {
	const failed = evidence.checks.filter(({ status }) => status === "failed");
	if (failed.length > 0) {
		throw new Error(
			`${evidence.checkpoint} cannot be signed: ${failed.map(({ name }) => name).join(", ")} failed`,
		);
	}
	const signedAt = now().toISOString();
	const text = `${JSON.stringify({ ...evidence, signedAt, clockMovedBySeconds: clockOffsetSeconds() }, null, "\t")}\n`;
	await writeEvidence(evidence.stack, `${evidence.checkpoint}.json`, text);
	return {
		checkpoint: evidence.checkpoint,
		stack: evidence.stack,
		person: evidence.person,
		signedAt,
		sha256: createHash("sha256").update(text).digest("hex"),
	};
}

/** Writes one evidence file of a stack. */
export async function writeEvidence(
	stack: string,
	name: string,
	text: string,
): Promise<void> {
	const folder = join("evidence", stack);
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, name), text);
}

/** Reads one evidence file of a stack; undefined when there is none. */
export async function readEvidence(
	stack: string,
	name: string,
): Promise<string | undefined> {
	try {
		return await readFile(join("evidence", stack, name), "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
