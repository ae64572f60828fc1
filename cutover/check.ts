import { now } from "./clock";

/** One line of a checkpoint. */
export interface Check {
	name: string;
	/** What to look at when it fails, for a person. */
	lookAt: string;
	/** Gives what was seen, in a few words; throws what is wrong. */
	run(): Promise<string>;
}

export interface CheckResult {
	name: string;
	status: "passed" | "failed";
	/** What was seen, or what was wrong. */
	detail: string;
	lookAt?: string;
	startedAt: string;
	finishedAt: string;
}

/** Runs one check; a failure is a result, not an exception. */
export async function runCheck(check: Check): Promise<CheckResult> {
	const startedAt = now().toISOString();
	const finished = (status: CheckResult["status"], detail: string) => ({
		name: check.name,
		status,
		detail,
		...(status === "failed" ? { lookAt: check.lookAt } : {}),
		startedAt,
		finishedAt: now().toISOString(),
	});
	try {
		return finished("passed", await check.run());
	} catch (error) {
		return finished(
			"failed",
			error instanceof Error ? error.message : String(error),
		);
	}
}

/** Runs checks side by side; the results keep the order of the checks. */
export function runChecks(checks: Check[]): Promise<CheckResult[]> {
	return Promise.all(checks.map(runCheck));
}

/** Throws `message` unless the condition holds; narrows like an assertion. */
export function expect(condition: unknown, message: string): asserts condition {
	if (!condition) throw new Error(message);
}
