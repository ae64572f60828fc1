import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { now } from "./clock";
import { writeEvidence } from "./evidence";
import { main } from "./main";
import { migrationTool } from "./migration-tool";
import { pointBack, pointBackSettings } from "./point-back";
import { runOrThrow } from "./run";
import { remote, sshTarget } from "./ssh";
import { settingsFromStdin } from "./stdin";

/** What the rollback command resource hands over. */
export const rollbackSettings = z.strictObject({
	stack: z.string(),
	/** Noted as the one whose way back was walked. */
	release: z.string(),
	ssh: sshTarget,
	/** The cutover image, as it runs on the Droplet. */
	image: z.string(),
	/** The new system's database. */
	database: z.strictObject({ url: z.string(), ca: z.string() }),
	/** Absent where the stack never touched a source. */
	sourceDatabaseUrl: z.string().optional(),
	...pointBackSettings.shape,
	/** True when the write barrier stands on the source. */
	frozen: z.boolean(),
});

export type RollbackSettings = z.infer<typeof rollbackSettings>;

const onDroplet = "/var/lib/cutover/rollback";

/**
 * The delete of the rollback resource, first in every `pulumi destroy`: data
 * exported and proven, names back at the old address, source writable. Only
 * when it has succeeded does Pulumi go on and stop the services.
 */
export async function rollback(settings: RollbackSettings): Promise<void> {
	const folder = await exportData(settings);
	say(`export: ${folder}`);
	await pointBack(settings);
	say(`names answer ${settings.legacyAddress} again`);
	if (settings.frozen && settings.sourceDatabaseUrl) {
		await unfreeze(settings);
		say("the source takes writes again");
	}
	const { stack, release } = settings;
	const walked = { release, at: now().toISOString(), export: folder };
	await writeEvidence(
		stack,
		"rollback.json",
		`${JSON.stringify(walked, null, "\t")}\n`,
	);
}

/** Exports the new database on the Droplet, proves it there and fetches it. */
async function exportData(settings: RollbackSettings): Promise<string> {
	const { ssh, image, database } = settings;
	await remote(ssh, `rm -rf ${onDroplet}`);
	const environment = {
		SOURCE_DATABASE_URL: database.url,
		SOURCE_DATABASE_CA: database.ca,
	};
	await migrationTool({
		...{ ssh, image, environment, showProgress: true },
		arguments: ["export", "--dir", onDroplet],
	});
	const folder = join("exports", settings.stack, timestamp());
	const arriving = `${folder}.arriving`;
	await mkdir(arriving, { recursive: true, mode: 0o700 });
	const archive = join(arriving, "export.tar");
	await remote(ssh, `tar -C ${onDroplet} -cf - .`, { outputFile: archive });
	await runOrThrow("tar", ["-C", arriving, "-xf", archive]);
	await rm(archive);
	await chmod(arriving, 0o700);
	// Renamed last: a folder with its final name is a whole export.
	await rename(arriving, folder);
	return folder;
}

async function unfreeze(settings: RollbackSettings): Promise<void> {
	const { ssh, image, sourceDatabaseUrl } = settings;
	await migrationTool({
		...{ ssh, image },
		arguments: ["unfreeze"],
		environment: { SOURCE_DATABASE_URL: sourceDatabaseUrl ?? "" },
	});
}

function timestamp(): string {
	return new Date().toISOString().replace(/[:.]/g, "-");
}

function say(line: string): void {
	process.stdout.write(`rollback: ${line}\n`);
}

if (require.main === module) {
	main(async () => rollback(await settingsFromStdin(rollbackSettings)));
}
