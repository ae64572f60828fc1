import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { SshTarget } from "../../cutover/ssh";
import { startSshTarget } from "./ssh-target";

/**
 * A machine in a Droplet's place: real ssh, and a `docker` that runs the
 * migration's real command line here, as its image would, and lists services as
 * it is told. Containers, networks and Swarm are what it has not.
 */
export interface TestDroplet {
	readonly ssh: SshTarget;
	/** What `docker service ls` says, a line each: "NAME RUNNING/WANTED". */
	setServices(lines: string[]): Promise<void>;
	close(): Promise<void>;
}

/** The name by which `docker run` knows the command line. */
export const image = "cutover";

const migrate = join(__dirname, "../../migration/cli.ts");

export async function startDroplet(): Promise<TestDroplet> {
	const folder = await mkdtemp(join(tmpdir(), "droplet-"));
	const bundle = join(folder, "migrate.js");
	const services = join(folder, "services");
	// As migration/Dockerfile does.
	await build({
		entryPoints: [migrate],
		...{ bundle: true, platform: "node", target: "node20", outfile: bundle },
		external: ["pg-native"],
	});
	const docker = join(folder, "docker");
	await writeFile(
		docker,
		`#!/bin/sh
case "$1 $2" in
"service ls") exec cat ${services} ;;
"ps "* | "rm "*) exit 0 ;;
esac
while [ "$1" != ${image} ]; do shift; done
shift
exec node ${bundle} "$@"
`,
	);
	await chmod(docker, 0o755);
	const path = process.env.PATH;
	process.env.PATH = `${folder}:${path}`;
	const { ssh, close } = await startSshTarget({
		rewrite: (command) =>
			command.replaceAll("/var/lib/cutover", join(folder, "state")),
	});
	return {
		ssh,
		setServices: (lines) =>
			writeFile(services, lines.map((line) => `${line}\n`).join("")),
		async close() {
			process.env.PATH = path;
			await close();
			await rm(folder, { recursive: true, force: true });
		},
	};
}
