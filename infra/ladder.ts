import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { now } from "../cutover/clock";
import { UserError } from "../cutover/errors";
import {
	climbed,
	type Flags,
	inWords,
	noFlags,
	opens,
	type Rung,
	refusal,
} from "../cutover/rungs";
import { signaturesOf, standing } from "../cutover/standing";
import type { StateEntry } from "./last-state";
import { mistake } from "./mistake";
import type { Settings } from "./settings";

export interface LadderArgs {
	stack: string;
	settings: Settings;
	/** What is to be deployed. */
	release: string;
	/** The stack's last state. */
	state: Record<string, StateEntry>;
}

/** From `finalize` on; empty below it. */
export interface Ladder {
	/** When it was reached, ISO 8601. */
	finalizedAt?: string;
	/** Until when the source is to be kept, ISO 8601. */
	sourceKeptUntil?: string;
}

/**
 * Says what this `up` will do to the ladder, and lets it only where the rungs
 * that it climbs are signed for. A rung that the stack stands on already is not
 * asked for again, so that a signature grown old blocks no deploy and no way
 * back; nor is anything on the way down. Changes nothing.
 *
 * @throws pulumi.RunError naming every rung that is shut and what opens it.
 */
export async function climb(args: LadderArgs): Promise<Ladder> {
	const { settings, state } = args;
	const last = reached(state);
	const climbing = climbed(last.flags ?? noFlags, settings);
	const refused = await refusals(args, climbing).catch((error) => {
		throw error instanceof UserError ? mistake(error.message) : error;
	});
	if (refused.length > 0) {
		const messages = refused.map((parts) => new UserError(parts).message);
		throw mistake(`${messages.join("\n")}\n   nothing was created or changed`);
	}
	const unsigned = settings.verifiedOn
		? ""
		: "; no signature is asked for: cutover:verifiedOn is not set";
	pulumi.log.info(`ladder: ${inWords(last.flags, settings)}${unsigned}`);
	if (!settings.finalize) return {};
	const finalizedAt = last.finalizedAt ?? now().toISOString();
	const kept = new Date(finalizedAt);
	kept.setUTCDate(kept.getUTCDate() + settings.keepSourceDays);
	return { finalizedAt, sourceKeptUntil: kept.toISOString() };
}

/** Each checkpoint once, though it opens two rungs. */
async function refusals(args: LadderArgs, climbing: Rung[]) {
	const { stack, settings, release } = args;
	const { verifiedOn } = settings;
	if (!verifiedOn) return [];
	const first = climbing.filter(
		(rung, at) => climbing.findIndex((r) => opens[r] === opens[rung]) === at,
	);
	const found = first.map(async (rung) => {
		const here = opens[rung] !== "staging-verified";
		const signer = here ? stack : verifiedOn;
		const signed = here ? settings.signatures : await signaturesOf(verifiedOn);
		const verdict = await standing(opens[rung], signer, signed, release);
		return refusal(rung, stack, signer, verdict);
	});
	return (await Promise.all(found)).filter((each) => each !== undefined);
}

const stackOutputs = z.object({
	flags: z.record(z.string(), z.boolean()).optional(),
	finalizedAt: z.string().optional(),
});

/**
 * The flags that the last `up` saw through. They are the stack's outputs, which
 * are kept where an update fails. The way back is made last and goes first: where
 * it is missing, a destroy has begun, and no rung counts as reached.
 */
function reached(state: Record<string, StateEntry>): {
	flags?: Flags;
	finalizedAt?: string;
} {
	const entries = Object.entries(state);
	const standing = entries.some(([urn]) =>
		urn.endsWith("command:local:Command::rollback"),
	);
	const root = entries.find(([, { type }]) => type === "pulumi:pulumi:Stack");
	const outputs = stackOutputs.safeParse(root?.[1].outputs).data;
	if (!standing || !outputs?.flags) return {};
	const { flags, finalizedAt } = outputs;
	return {
		flags: { ...noFlags, ...flags },
		...(finalizedAt ? { finalizedAt } : {}),
	};
}
