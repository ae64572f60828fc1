import { z } from "zod";
import { shellQuote } from "./shell";
import { converse, RemoteError, remote, type SshTarget } from "./ssh";

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
		"docker run --rm -i --network host --log-opt tag=migration",
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
		if (
			error instanceof RemoteError &&
			error.exitCode === 3 &&
			error.stdout.trim()
		) {
			return { exitCode: 3, result: lastJson(error.stdout) };
		}
		throw error;
	}
}

function lastJson(stdout: string): Record<string, unknown> {
	const line = stdout.trim().split("\n").at(-1) ?? "";
	return JSON.parse(line) as Record<string, unknown>;
}

/** One command of several in one container. */
export interface ToolCommand {
	/** For instance ["verify"]. */
	arguments: string[];
	/** True where the new system's database takes the source's place. */
	onTarget?: boolean;
}

/** How a command ended; nothing is thrown, as one of several may well fail. */
export interface ToolResult {
	exitCode: number;
	/** What `--json` prints; empty where a command was refused. */
	result: Record<string, unknown>;
	/** What a person would read of one that did not end well. */
	message: string;
}

/** Runs a command in the container, beside those that run there already. */
export type RunTool = (command: ToolCommand) => Promise<ToolResult>;

const answer = z.object({
	id: z.number(),
	exitCode: z.number(),
	result: z.record(z.string(), z.unknown()),
	message: z.string(),
});

const containerName = "cutover-switch";

/**
 * Opens one container on the Droplet, in which `work` runs commands of the
 * migration's command line: to start one takes a second, which a freeze pays for. One
 * of these runs at a time, and a later one waits: where an `up` was killed, its last
 * commands may still be at work, and facts are read when they have ended.
 *
 * @throws RemoteError when the container could not run.
 */
export async function withTools<T>(
	at: {
		ssh: SshTarget;
		image: string;
		sourceUrl: string;
		target: { url: string; ca: string };
	},
	work: (run: RunTool) => Promise<T>,
): Promise<T> {
	const { ssh, image, sourceUrl, target } = at;
	const both = {
		SOURCE_DATABASE_URL: sourceUrl,
		TARGET_DATABASE_URL: target.url,
		TARGET_DATABASE_CA: target.ca,
	};
	const onTarget = {
		SOURCE_DATABASE_URL: target.url,
		SOURCE_DATABASE_CA: target.ca,
	};
	const asked: ((result: ToolResult) => void)[] = [];
	return converse(
		ssh,
		[
			`while [ -n "$(docker ps -q -f name=^${containerName}$)" ]; do sleep 0.2; done`,
			// One that was made and never started.
			`docker rm ${containerName} >/dev/null 2>&1`,
			`docker run --rm -i --name ${containerName} --network host ${image} session`,
		].join("; "),
		(line) => {
			const { id, ...result } = answer.parse(JSON.parse(line));
			asked[id]?.(result);
		},
		({ send, ended }) =>
			work((command) => {
				const result = new Promise<ToolResult>((resolve) => {
					const environment = command.onTarget ? onTarget : both;
					const id = asked.push(resolve) - 1;
					send(
						JSON.stringify({ id, arguments: command.arguments, environment }),
					);
				});
				return Promise.race([result, ended]);
			}),
	);
}
