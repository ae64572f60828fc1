import { rm } from "node:fs/promises";
import { join } from "node:path";
import { migrationTool } from "./migration-tool";
import { runOrThrow } from "./run";
import { remote, type SshTarget } from "./ssh";

/** Where the migration's command line runs: next to both databases. */
export interface Machine {
	/** Of an export, on that machine. */
	readonly folder: string;
	/** As migrationTool: secrets in `environment`, exit code 3 is an answer. */
	migrate(run: {
		arguments: string[];
		environment: Record<string, string>;
	}): Promise<{ exitCode: number; result: Record<string, unknown> }>;
	/** Removes the folder's content there. */
	clear(): Promise<void>;
	/** Brings the folder's content into a folder of this machine. */
	fetch(into: string): Promise<void>;
}

/** The manager Droplet: the managed database admits nobody else. */
export function onDroplet(settings: {
	ssh: SshTarget;
	image: string;
}): Machine {
	const { ssh, image } = settings;
	const folder = "/var/lib/cutover/rollback";
	return {
		folder,
		migrate: (run) =>
			migrationTool({ ...{ ssh, image, showProgress: true }, ...run }),
		clear: async () => {
			await remote(ssh, `rm -rf ${folder}`);
		},
		fetch: async (into) => {
			const archive = join(into, "export.tar");
			await remote(ssh, `tar -C ${folder} -cf - .`, { outputFile: archive });
			await runOrThrow("tar", ["-C", into, "-xf", archive]);
			await rm(archive);
		},
	};
}
