import type { CheckResult } from "./check";

/** Results one a line, in columns, with where to look for those that failed. */
export function table(results: CheckResult[]): string {
	const width = Math.max(...results.map(({ name }) => name.length));
	return results
		.map(({ name, status, detail, lookAt }) =>
			[
				status === "passed" ? "✔" : "✖",
				name.padEnd(width),
				detail.replace(/\s*\n\s*/g, " "),
				lookAt ? `— look at: ${lookAt}` : "",
			]
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}
