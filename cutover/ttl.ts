import { z } from "zod";
import { now } from "./clock";
import { addressRecords } from "./dns";
import { readEvidence, writeEvidence } from "./evidence";

const observation = z.object({
	/** Seconds, the largest of all names. */
	ttl: z.number(),
	/** When a TTL this low was first seen. */
	since: z.string(),
});

export type TtlObservation = z.infer<typeof observation>;

/**
 * Asks the zone's own servers for the TTL and keeps in the stack's evidence
 * since when it has been this low: resolvers may hold the former one that long.
 */
export async function observeTtl(
	stack: string,
	zone: string,
	names: string[],
): Promise<TtlObservation> {
	const answers = await addressRecords(zone, names);
	const ttl = Math.max(...answers.map((answer) => answer.ttl));
	const text = await readEvidence(stack, "ttl.json");
	const before = text ? observation.parse(JSON.parse(text)) : undefined;
	const since =
		before && before.ttl >= ttl ? before.since : now().toISOString();
	const seen = { ttl, since };
	await writeEvidence(stack, "ttl.json", `${JSON.stringify(seen)}\n`);
	return seen;
}
