import { z } from "zod";
import { now } from "./clock";
import { addressRecords } from "./dns";
import { readEvidence, writeEvidence } from "./evidence";

/** Seconds; the longest that a resolver may go on with the old address after a switch. */
export const mostTtl = 300;

const observation = z.object({
	/** Seconds, the largest of all names. */
	ttl: z.number(),
	/** Since when it has been seen to be `mostTtl` or less; null while it is more. */
	lowSince: z.string().nullable(),
});

export type TtlObservation = z.infer<typeof observation>;

/**
 * Asks the zone's own servers for the TTL and keeps in the stack's evidence
 * since when it has been low: resolvers may hold what they took before that for
 * as long as the former TTL said.
 */
export async function observeTtl(
	stack: string,
	zone: string,
	names: string[],
): Promise<TtlObservation> {
	const answers = await addressRecords(zone, names);
	const ttl = Math.max(...answers.map((answer) => answer.ttl));
	const text = await readEvidence(stack, "ttl.json");
	const before = observation.safeParse(text ? JSON.parse(text) : null).data;
	const lowSince =
		ttl <= mostTtl ? (before?.lowSince ?? now().toISOString()) : null;
	const seen = { ttl, lowSince };
	await writeEvidence(stack, "ttl.json", `${JSON.stringify(seen)}\n`);
	return seen;
}
