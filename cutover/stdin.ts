import { text } from "node:stream/consumers";
import type { z } from "zod";
import { UserError } from "./errors";

/**
 * One JSON object from standard input, checked. Command resources hand over
 * their settings this way because arguments are visible to every process.
 */
export async function settingsFromStdin<T>(schema: z.ZodType<T>): Promise<T> {
	const parsed = schema.safeParse(
		JSON.parse((await text(process.stdin)) || "{}"),
	);
	if (parsed.success) return parsed.data;
	// Paths only: a value here may be a secret.
	const problems = parsed.error.issues.map(
		({ path, code }) => `${path.join(".") || "the object"} (${code})`,
	);
	throw new UserError({
		expected: "the settings of this command as JSON on standard input",
		found: `problems with ${problems.join(", ")}`,
		fix: "run it through pulumi, which hands the settings over",
	});
}
