import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { startSshTarget } from "./ssh-target";

const root = join(__dirname, "../..");
const loader = pathToFileURL(require.resolve("tsx")).href;

/** Runs cutover/ttn.ts as Pulumi does, with a Droplet whose `docker run` runs the migration here. */
export async function ttnCommands() {
	const folder = await mkdtemp(join(tmpdir(), "ttn-"));
	const docker = join(folder, "docker");
	await writeFile(
		docker,
		`#!/bin/sh\nwhile [ "$1" != cutover ]; do shift; done; shift\nexec ${process.execPath} --import ${loader} ${root}/migration/cli.ts "$@"\n`,
	);
	await chmod(docker, 0o755);
	const { PATH } = process.env;
	process.env.PATH = `${folder}:${PATH}`;
	const { ssh, close } = await startSshTarget();
	return {
		/** How the command asks a database. */
		tool: {
			image: "cutover",
			ssh,
		},
		/** @returns standard output; throws standard error. */
		async run(command: string, settings: unknown, previous = "") {
			const child = spawn(
				process.execPath,
				["--import", loader, join(root, "cutover/ttn.ts"), command],
				{
					// Evidence is written here.
					cwd: folder,
					env: { ...process.env, PULUMI_COMMAND_STDOUT: previous },
				},
			);
			child.stdin.end(JSON.stringify(settings));
			const ended = new Promise((resolve) => child.once("close", resolve));
			const [output, errors, exitCode] = await Promise.all([
				text(child.stdout),
				text(child.stderr),
				ended,
			]);
			if (exitCode !== 0) throw new Error(errors);
			return output;
		},
		async evidence(stack: string, name: string) {
			return JSON.parse(
				await readFile(join(folder, "evidence", stack, name), "utf8"),
			);
		},
		async close() {
			process.env.PATH = PATH;
			await close();
			await rm(folder, { recursive: true });
		},
	};
}
