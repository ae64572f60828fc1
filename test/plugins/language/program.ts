import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ProgramInfo, RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { RunResponse } from "@pulumi/pulumi/proto/language_pb";
import { fromStruct } from "../base/values";
import { parseOptions } from "./options";

/** Exit code by which the SDK says that the person has been told already. */
const SHOWN_ALREADY = 32;
/** How long an interrupted program may take to end before it is killed. */
const GRACE_MS = 5_000;

/**
 * Runs a Node program as the official language host does (pulumi/pulumi,
 * sdk/nodejs/cmd/pulumi-language-nodejs): through the program's own
 * @pulumi/pulumi, configuration in the environment, output passed on.
 *
 * @param engine host:port of the engine, for the program's log messages
 * @param cancel aborted when the run is to stop
 */
export async function runProgram(
	request: RunRequest,
	engine: string,
	cancel: AbortSignal,
): Promise<RunResponse> {
	const info = request.getInfo();
	if (info === undefined) {
		return new RunResponse().setError("the engine named no program to run");
	}
	let runner: string;
	try {
		runner = locateRunner(info.getProgramDirectory());
	} catch {
		return new RunResponse().setError(
			"It looks like the Pulumi SDK has not been installed. Have you run pulumi install?",
		);
	}
	const options = parseOptions(fromStruct(info.getOptions()));
	const child = spawn(
		"node",
		[...options.nodeargs, runner, ...programArguments(request, info, engine)],
		{
			stdio: ["ignore", "pipe", "pipe"],
			env: {
				...process.env,
				PULUMI_CONFIG: configuration(request),
				PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(
					request.getConfigsecretkeysList(),
				),
				...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
				...(options.tsconfig
					? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }
					: {}),
			},
		},
	);
	child.stdout.pipe(process.stdout, { end: false });
	child.stderr.pipe(process.stderr, { end: false });
	const interrupt = () => {
		child.kill("SIGINT");
		setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
	};
	cancel.addEventListener("abort", interrupt, { once: true });
	try {
		return await new Promise<RunResponse>((resolve) => {
			child.on("error", (error) =>
				resolve(
					new RunResponse().setError(
						`Problem executing program (could not run language executor): ${error.message}`,
					),
				),
			);
			// "close" comes after the last of the output.
			child.on("close", (code, signal) => resolve(outcome(code, signal)));
		});
	} finally {
		cancel.removeEventListener("abort", interrupt);
	}
}

function outcome(code: number | null, signal: string | null): RunResponse {
	if (code === 0) {
		return new RunResponse();
	}
	if (code === SHOWN_ALREADY) {
		return new RunResponse().setBail(true);
	}
	return new RunResponse().setError(
		code === null
			? `Program was ended by ${signal}`
			: `Program exited with non-zero exit code: ${code}`,
	);
}

/** The SDK's own entry point, as installed for the program. */
function locateRunner(directory: string): string {
	const path =
		process.env.PULUMI_LANGUAGE_NODEJS_RUN_PATH || "@pulumi/pulumi/cmd/run";
	return createRequire(join(directory, "noop.js")).resolve(path);
}

function programArguments(
	request: RunRequest,
	info: ProgramInfo,
	engine: string,
): string[] {
	const flags: [string, string][] = [
		["monitor", request.getMonitorAddress()],
		["engine", engine],
		["organization", request.getOrganization()],
		["project", request.getProject()],
		["root-directory", info.getRootDirectory()],
		["stack", request.getStack()],
		["pwd", info.getProgramDirectory()],
		["parallel", String(request.getParallel())],
	];
	return [
		...flags
			.filter(([, value]) => value !== "")
			.flatMap(([flag, value]) => [`--${flag}`, value]),
		...(request.getDryrun() ? ["--dry-run"] : []),
		info.getEntryPoint(),
		...request.getArgsList(),
	];
}

/** The configuration under the old form of the keys, which every SDK reads. */
function configuration(request: RunRequest): string {
	const entries = request
		.getConfigMap()
		.getEntryList()
		.map(([key, value]) => {
			const colon = key.indexOf(":");
			return [`${key.slice(0, colon)}:config:${key.slice(colon + 1)}`, value];
		});
	return JSON.stringify(Object.fromEntries(entries));
}
