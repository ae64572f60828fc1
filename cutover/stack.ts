import { z } from "zod";
import { UserError } from "./errors";
import { run } from "./run";
import { sshTarget } from "./ssh";

/** What index.ts exports, as the ladder reads it. */
export const stackOutputs = z.object({
	domain: z.string(),
	hostnames: z.object({
		site: z.string(),
		api: z.string(),
		monitoring: z.string(),
		status: z.string(),
	}),
	legacyAddress: z.string(),
	reservedIp: z.string(),
	dropletAddresses: z.array(z.string()),
	ssh: sshTarget,
	database: z.object({
		host: z.string(),
		port: z.number(),
		name: z.string(),
		user: z.string(),
		url: z.string(),
		ca: z.string(),
	}),
	monitoring: z.object({ user: z.string(), password: z.string() }),
	flags: z.object({
		sync: z.boolean(),
		freeze: z.boolean(),
		dnsSwitch: z.boolean(),
		finalize: z.boolean(),
	}),
	images: z.record(z.string(), z.string()),
	migration: z.object({
		mapping: z.string().optional(),
		acceptRejects: z.array(z.string()),
	}),
});

export type StackOutputs = z.infer<typeof stackOutputs>;

/**
 * The outputs and the configuration of a deployed stack, secrets in plain:
 * for use in memory, never for printing.
 *
 * @throws UserError when the stack has not been deployed.
 */
export async function readStack(
	stack: string,
): Promise<{ outputs: StackOutputs; config: Record<string, string> }> {
	const [outputs, config] = await Promise.all([
		pulumiJson(["stack", "output", "--json", "--show-secrets", "-s", stack]),
		pulumiJson(["config", "--json", "--show-secrets", "-s", stack]),
	]);
	const parsed = stackOutputs.safeParse(outputs);
	if (!parsed.success) {
		const missing = parsed.error.issues.map(({ path }) => path.join("."));
		throw new UserError({
			expected: `stack ${stack} to be deployed`,
			found: `no usable output ${[...new Set(missing)].join(", ")}`,
			fix: `pulumi up -s ${stack}`,
		});
	}
	const values = z.record(
		z.string(),
		z.object({ value: z.string().optional() }),
	);
	return {
		outputs: parsed.data,
		config: Object.fromEntries(
			Object.entries(values.parse(config)).map(([key, { value }]) => [
				key.replace(/^cutover:/, ""),
				value ?? "",
			]),
		),
	};
}

async function pulumiJson(args: string[]): Promise<unknown> {
	const result = await run("pulumi", [...args, "--non-interactive"]);
	if (result.exitCode !== 0) {
		throw new UserError({
			expected: `pulumi ${args.filter((arg) => arg !== "--show-secrets").join(" ")} to answer`,
			found: result.stderr.trim() || "no answer",
			fix: "check the stack's name, PULUMI_BACKEND_URL and the passphrase",
		});
	}
	return JSON.parse(result.stdout);
}
