import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { addressRecords, allPointTo } from "./dns";
import { ExitCode, UserError } from "./errors";
import { main } from "./main";
import { migrationTool } from "./migration-tool";
import { runOrThrow } from "./run";
import { remote, sshTarget } from "./ssh";
import { settingsFromStdin } from "./stdin";
import { waitFor } from "./wait";
import { Zone } from "./zone";

/** What the rollback command resource hands over. */
export const rollbackSettings = z.strictObject({
	stack: z.string(),
	ssh: sshTarget,
	/** The cutover image, as it runs on the Droplet. */
	image: z.string(),
	/** The new system's database. */
	database: z.strictObject({ url: z.string(), ca: z.string() }),
	/** Absent where the stack never touched a source. */
	sourceDatabaseUrl: z.string().optional(),
	zone: z.string(),
	/** Relative record names, "@" for the zone itself. */
	records: z.array(z.string()),
	legacyAddress: z.string(),
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

/** Changes the values of the records; nothing is removed, so nobody sees NXDOMAIN. */
async function pointBack(settings: RollbackSettings): Promise<void> {
	const zone = new Zone(settings.zone);
	const records = (await zone.records("A")).filter(({ name }) =>
		settings.records.includes(name),
	);
	const missing = settings.records.filter(
		(name) => !records.some((record) => record.name === name),
	);
	if (missing.length > 0) {
		throw new UserError(
			{
				expected: `A records ${settings.records.join(", ")} in zone ${settings.zone}`,
				found: `no record for ${missing.join(", ")}`,
				fix: `create them with the value ${settings.legacyAddress}, then run pulumi destroy again`,
			},
			ExitCode.refused,
		);
	}
	for (const record of records) {
		if (record.data !== settings.legacyAddress) {
			await zone.setValue(record.id, settings.legacyAddress);
		}
	}
	const names = settings.records.map((name) =>
		name === "@" ? settings.zone : `${name}.${settings.zone}`,
	);
	await waitFor(
		`${names.join(", ")} at ${settings.legacyAddress}`,
		async () =>
			allPointTo(
				await addressRecords(settings.zone, names),
				settings.legacyAddress,
			) || undefined,
		{ timeoutMs: 120_000 },
	);
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
