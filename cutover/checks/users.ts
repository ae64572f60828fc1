import { z } from "zod";
import { type Check, expect } from "../check";
import type { Site } from "./site";

const planned = z.object({
	dryRun: z.literal(true),
	total: z.number(),
	moved: z.number(),
	alreadyMoved: z.number(),
});

/** What a run of the users' step would do; nobody is made or changed. */
export function usersDryRun(site: Site): Check {
	return {
		name: "users, dry run",
		lookAt: "npm run migrate -- users --dry-run",
		async run() {
			const { exitCode, result } = await site.migrate("users", "--dry-run");
			expect(
				exitCode === 0,
				`users in conflict: ${JSON.stringify(result.conflicts).slice(0, 500)}`,
			);
			const { total, moved, alreadyMoved } = planned.parse(result);
			return `${total} users: ${alreadyMoved} moved already, ${moved} to come`;
		},
	};
}
