import { execa } from "execa";
import type { Rehearsal } from "./rehearsal";

/** What is being released: the commit and the images of the stack. */
export async function release(
	checkout: string,
	rehearsal: Rehearsal,
): Promise<Record<string, string>> {
	const { stdout } = await execa("git", ["describe", "--always", "--dirty"], {
		cwd: checkout,
		reject: false,
	});
	const images = (await rehearsal.committed("production", "images")) ?? {};
	return { commit: stdout || "unknown", ...(images as Record<string, string>) };
}
