import { z } from "zod";
import { UserError } from "../errors";
import { readEvidence } from "../evidence";

const gate = z.object({
	at: z.string(),
	passed: z.boolean(),
	clockMovedBySeconds: z.number(),
});

/**
 * When the names moved, by what the switch's gate has left in evidence/STACK/.
 *
 * @param dnsSwitch whether the last `up` has switched.
 * @returns Unix time in seconds by the wall clock; undefined where they have not moved.
 * @throws UserError where the gate's evidence is on another machine.
 */
export async function switchedAt(
	stack: string,
	dnsSwitch: boolean,
): Promise<number | undefined> {
	if (!dnsSwitch) return undefined;
	const text = await readEvidence(stack, "switch.json");
	const found = text === undefined ? undefined : gate.parse(JSON.parse(text));
	if (found?.passed)
		return Date.parse(found.at) / 1000 - found.clockMovedBySeconds;
	throw new UserError({
		expected: `evidence/${stack}/switch.json to say when the switch passed its gate`,
		found: found ? "a gate that did not pass" : "no such file",
		fix: "run this where pulumi up switched, or copy the file from there",
	});
}
