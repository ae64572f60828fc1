import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckResult } from "./check";
import { clockOffsetSeconds, now } from "./clock";
import { type CheckpointName, type Signature, sha256 } from "./signatures";

/** What a person answered to one question of a checkpoint. */
export interface ManualResult {
	question: string;
	yes: true;
	note: string;
}

/** What a checkpoint saw and who vouches for it. */
export interface Evidence {
	checkpoint: CheckpointName;
	stack: string;
	person: string;
	release: string;
	/** What the release is made of, for people. */
	about: Record<string, string>;
	checks: CheckResult[];
	manual: ManualResult[];
}

/**
 * Writes what a checkpoint saw to evidence/STACK/NAME.json and signs it: who,
 * when, for which release, and the digest that shows a later edit.
 */
export async function sign(evidence: Evidence): Promise<Signature> {
	const failed = evidence.checks.filter(({ status }) => status === "failed");
	if (failed.length > 0) {
		throw new Error(
			`${evidence.checkpoint} cannot be signed: ${failed.map(({ name }) => name).join(", ")} failed`,
		);
	}
	const { checkpoint, stack, person, release } = evidence;
	const signedAt = now().toISOString();
	const text = `${JSON.stringify({ ...evidence, signedAt, clockMovedBySeconds: clockOffsetSeconds() }, null, "\t")}\n`;
	await writeEvidence(stack, `${checkpoint}.json`, text);
	return { person, signedAt, release, sha256: sha256(text) };
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
	return readIfThere(join("evidence", stack, name));
}

/** A text file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
	try {
		return await readFile(path, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
