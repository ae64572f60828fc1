import { z } from "zod";
import { type Check, expect } from "../check";
import { now } from "../clock";
import { readEvidence } from "../evidence";
import { commitOfProgram, releaseOf } from "../release";
import type { CheckpointName } from "../signatures";
import { signaturesOf, standing } from "../standing";
import type { Site } from "./site";

const hour = 3_600_000;

/** What `cutover/rollback.ts` notes when a destroy has brought everything back. */
const rollback = z.object({ release: z.string(), at: z.string() });

/** What a signature would be for is what the last `up` deployed. */
export function releaseDeployed(site: Site): Check {
	return {
		name: "this release is deployed",
		lookAt: `pulumi up -s ${site.stack}, or check out what is deployed`,
		async run() {
			const { images, migration, release } = site.outputs;
			const here = releaseOf({ images, mapping: migration.mapping });
			expect(
				here === release,
				`deployed is release ${release}, and these files are ${here}`,
			);
			return `${release}, commit ${await commitOfProgram()}`;
		},
	};
}

/** A `pulumi destroy` of this stack has run through, with this very release. */
export function rollbackTested(site: Site): Check {
	return {
		name: "rollback tested on this release",
		lookAt: `pulumi destroy -s ${site.stack} && pulumi up -s ${site.stack}, and evidence/${site.stack}/rollback.json`,
		async run() {
			const text = await readEvidence(site.stack, "rollback.json");
			expect(text, "no destroy has run through yet");
			const { release, at } = rollback.parse(JSON.parse(text));
			expect(
				release === site.outputs.release,
				`the last destroy, at ${at}, was of release ${release}`,
			);
			return `at ${at}`;
		},
	};
}

/**
 * Another checkpoint is signed, and its signature holds.
 *
 * @param stack on which it was to be signed.
 * @param hoursAgo by the ladder's clock, at least.
 */
export function signedBefore(
	site: Site,
	checkpoint: CheckpointName,
	stack: string,
	hoursAgo = 0,
): Check {
	return {
		name: `${checkpoint} signed${hoursAgo > 0 ? ` ${hoursAgo} h ago` : ""}`,
		lookAt: `npm run checkpoint -- ${checkpoint} -s ${stack}`,
		async run() {
			const signed = await signaturesOf(stack);
			const { release } = site.outputs;
			const verdict = await standing(checkpoint, stack, signed, release);
			expect(verdict.valid, verdict.valid ? "" : verdict.reason);
			const { person, signedAt } = signed[checkpoint] ?? {};
			const hours = (now().getTime() - Date.parse(signedAt ?? "")) / hour;
			expect(hours >= hoursAgo, `signed ${hours.toFixed(1)} h ago only`);
			return `by ${person} at ${signedAt} on ${stack}`;
		},
	};
}
