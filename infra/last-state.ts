import * as pulumi from "@pulumi/pulumi";

/** A resource of the stack's last state. */
export interface StateEntry {
	type: string;
	outputs: Record<string, unknown>;
}

/** This stack's last state by URN, secrets in plain; empty before the first `up`. */
export async function lastState(): Promise<Record<string, StateEntry>> {
	const { outputs } = (await pulumi.runtime.invoke(
		"pulumi:pulumi:readStackResourceOutputs",
		{ stackName: pulumi.getStack() },
	)) as { outputs?: Record<string, StateEntry> };
	return outputs ?? {};
}
