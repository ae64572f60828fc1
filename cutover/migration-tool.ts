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
	/** For instance ["verify"]; "--json" is added. */
	arguments: string[];
	/** True where the new system's database takes the source's place. */
	onTarget?: boolean;
	/** Runs behind the one before it, and only where that one's answer has this. */
	behind?: string;
}

/** How a command ended; nothing is thrown, as one of several may well fail. */
export interface ToolResult {
	exitCode: number;
	/** The last line's JSON object; empty where there is none. */
	result: Record<string, unknown>;
	/** End of standard error. */
	message: string;
}

const containerName = "cutover-switch";

/**
 * Runs several commands of the migration's command line in one container on the
 * Droplet: to start one takes a second, which a freeze pays for. One of these
 * runs at a time, and a later one waits: where an `up` was killed, its last
 * commands may still be at work, and facts are read when they have ended.
 *
 * @param run.inOrder each behind the one before, up to the first that fails;
 *   else side by side.
 * @returns a result for each command, in their order; of one that was not reached
 *   it says so.
 * @throws RemoteError when the container could not run.
 */
export async function migrationTools<
	const Commands extends readonly ToolCommand[],
>(run: {
	ssh: SshTarget;
	image: string;
	commands: Commands;
	inOrder?: boolean;
	sourceUrl: string;
	target: { url: string; ca: string };
}): Promise<{ [Index in keyof Commands]: ToolResult }> {
	const next = run.inOrder ? " && " : " & ";
	const lines = run.commands.map(
		({ arguments: words, onTarget, behind }, index) => {
			const line = `printf %s "$${onTarget ? "new" : "both"}" | run ${index} ${words.map(shellQuote).join(" ")}`;
			return behind
				? ` && grep -qF ${shellQuote(behind)} ${index - 1}.out && ${line}`
				: `${index > 0 ? next : ""}${line}`;
		},
	);
	const script = [
		'cd "$(mktemp -d)"; IFS= read -r both; IFS= read -r new',
		'run() { n=$1; shift; code=0; node /app/migrate.js "$@" --environment-stdin --json >$n.out 2>$n.err || code=$?; echo $code >$n.code; return $code; }',
		`${lines.join("")} & wait`,
		"n=0; while [ -e $n.code ]; do cat $n.code; base64 -w0 <$n.out; echo; base64 -w0 <$n.err; echo; n=$((n+1)); done",
	].join("\n");
	const both = {
		SOURCE_DATABASE_URL: run.sourceUrl,
		TARGET_DATABASE_URL: run.target.url,
		TARGET_DATABASE_CA: run.target.ca,
	};
	const onTarget = {
		SOURCE_DATABASE_URL: run.target.url,
		SOURCE_DATABASE_CA: run.target.ca,
	};
	const stdout = await remote(
		run.ssh,
		[
			`while [ -n "$(docker ps -q -f name=^${containerName}$)" ]; do sleep 0.2; done`,
			// One that was made and never started.
			`docker rm ${containerName} >/dev/null 2>&1`,
			`docker run --rm -i --name ${containerName} --network host --entrypoint /bin/sh ${run.image} -c ${shellQuote(script)}`,
		].join("; "),
		{ input: `${JSON.stringify(both)}\n${JSON.stringify(onTarget)}\n` },
	);
	const fields = stdout.split("\n");
	return run.commands.map((_command, index) => {
		const [exitCode, out = "", err = ""] = fields.slice(index * 3);
		if (!exitCode)
			return { exitCode: 1, result: {}, message: "it was not reached" };
		const message = decoded(err).trim().slice(-800);
		const result = jsonIn(decoded(out));
		return { exitCode: Number(exitCode), result, message };
	}) as { [Index in keyof Commands]: ToolResult };
}

function decoded(base64: string): string {
	return Buffer.from(base64, "base64").toString();
}

/** A command that was refused prints no JSON. */
function jsonIn(stdout: string): Record<string, unknown> {
	return stdout.trim() ? lastJson(stdout) : {};
}
