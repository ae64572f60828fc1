import { shellQuote } from "./shell";
import { RemoteError, remote, type SshTarget } from "./ssh";

/** How the source's rows become the target's, as a stack's configuration says. */
export interface MappingChoice {
	/** None: both sides have the same schema. */
	mapping?: string | undefined;
	/** Rows that may stay behind, as the migration's report names them: TABLE:REASON. */
	acceptRejects: string[];
}

/** The choice as options of the migration's command line. */
export function mappingOptions({
	mapping,
	acceptRejects,
}: MappingChoice): string[] {
	return [
		...(mapping ? ["--mapping", mapping] : []),
		...acceptRejects.flatMap((reject) => ["--accept-rejects", reject]),
	];
}

/**
 * Runs the migration's command line on the Droplet, next to both databases
 * (the managed one admits nobody else). Secrets go in as one JSON object on
 * standard input.
 *
 * @param run.image the cutover image, as the stack names it.
 * @param run.arguments for instance ["verify"]; "--json" is added.
 * @param run.environment SOURCE_DATABASE_URL, TARGET_DATABASE_URL and so on.
 * @returns exit code and the last line's JSON object.
 * @throws RemoteError when the tool could not run or gave no JSON.
 */
export async function migrationTool(run: {
	ssh: SshTarget;
	image: string;
	arguments: string[];
	environment: Record<string, string>;
	showProgress?: boolean;
}): Promise<{ exitCode: number; result: Record<string, unknown> }> {
	const command = [
		"docker run --rm -i --network host",
		"-v /var/lib/cutover:/var/lib/cutover",
		run.image,
		...run.arguments.map(shellQuote),
		"--environment-stdin --json",
	].join(" ");
	const options = {
		input: JSON.stringify(run.environment),
		showProgress: run.showProgress ?? false,
	};
	try {
		const stdout = await remote(run.ssh, command, options);
		return { exitCode: 0, result: lastJson(stdout) };
	} catch (error) {
		// 3 is an answer: the sides differ, and the JSON says where.
		if (error instanceof RemoteError && error.exitCode === 3) {
			return { exitCode: 3, result: lastJson(error.stdout) };
		}
		throw error;
	}
}

function lastJson(stdout: string): Record<string, unknown> {
	const line = stdout.trim().split("\n").at(-1) ?? "";
	return JSON.parse(line) as Record<string, unknown>;
}
