import { run } from "../../cutover/run";
import type { Rehearsal } from "./rehearsal";

/** What is being released: the commit and the images of the stack. */
export async function release(
	checkout: string,
	rehearsal: Rehearsal,
): Promise<Record<string, string>> {
	const { stdout } = await run("git", ["describe", "--always", "--dirty"], {
		cwd: checkout,
	});
	const images = (await rehearsal.committed("production", "images")) ?? {};
	return {
		commit: stdout.trim() || "unknown",
		...(images as Record<string, string>),
	};
}
