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
	/** What the last `up` deployed. */
	release: z.string(),
	/** From `finalize` on, ISO 8601. */
	sourceKeptUntil: z.string().optional(),
});

export type StackOutputs = z.infer<typeof stackOutputs>;

/** A stack's configuration, and its outputs where it has been deployed. */
export interface StackState {
	/** Undefined before the first `up` of this program has run through. */
	outputs: StackOutputs | undefined;
	/** Without the project's namespace; values as Pulumi keeps them. */
	config: Record<string, string>;
	/** Every value that must not be shown, for `redact`. */
	secrets: string[];
	/** Outputs that a stack of this program has and this one lacks. */
	missing: string[];
}

const configuration = z.record(
	z.string(),
	z.object({ value: z.string().default(""), secret: z.boolean().optional() }),
);

/**
 * What Pulumi knows of a stack, secrets in plain: for use in memory, never for
 * printing.
 */
export async function stackState(stack: string): Promise<StackState> {
	const [outputs, config] = await Promise.all([
		pulumiJson(["stack", "output", "--json", "--show-secrets", "-s", stack]),
		pulumiJson(["config", "--json", "--show-secrets", "-s", stack]),
	]);
	const parsed = stackOutputs.safeParse(outputs);
	const missing = (parsed.error?.issues ?? []).map(({ path }) =>
		path.join("."),
	);
	const entries = Object.entries(configuration.parse(config));
	return {
		outputs: parsed.data,
		config: Object.fromEntries(
			entries.map(([key, { value }]) => [key.replace(/^cutover:/, ""), value]),
		),
		secrets: [
			...entries.flatMap(([, { value, secret }]) => (secret ? [value] : [])),
			...(parsed.data ? secretOutputs(parsed.data) : []),
		],
		missing: [...new Set(missing)],
	};
}

/**
 * The same of a stack that has been deployed.
 *
 * @throws UserError when it has not.
 */
export async function readStack(
	stack: string,
): Promise<StackState & { outputs: StackOutputs }> {
	const { outputs, ...rest } = await stackState(stack);
	if (outputs) return { outputs, ...rest };
	throw new UserError({
		expected: `stack ${stack} to be deployed`,
		found: `no usable output ${rest.missing.join(", ")}`,
		fix: `pulumi up -s ${stack}`,
	});
}

function secretOutputs({ ssh, database, monitoring }: StackOutputs): string[] {
	return [ssh.privateKey, database.url, monitoring.password];
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
