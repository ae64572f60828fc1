import { chmod, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Machine } from "./machine";

/** The new system's database. */
export const exportedDatabase = z.strictObject({
	url: z.string(),
	ca: z.string(),
	/** As the cluster's administrator, who may make the database of the proof. */
	adminUrl: z.string(),
});

type ExportedDatabase = z.infer<typeof exportedDatabase>;

/**
 * Exports the new system's database beside it, proves the export by restoring it
 * there, and fetches it.
 *
 * @returns its folder on this machine, exports/STACK/TIME.
 * @throws RemoteError, Error where it cannot be written or does not restore.
 */
export async function exportProven(
	stack: string,
	{ url, ca, adminUrl }: ExportedDatabase,
	machine: Machine,
): Promise<string> {
	await machine.clear();
	const { exitCode } = await machine.migrate({
		arguments: ["export", "--prove", "--dir", machine.folder],
		environment: {
			SOURCE_DATABASE_URL: url,
			SOURCE_DATABASE_CA: ca,
			PROOF_DATABASE_URL: adminUrl,
		},
	});
	if (exitCode !== 0) throw new Error("the export is not what it restores to");
	const time = new Date().toISOString().replace(/[:.]/g, "-");
	const folder = join("exports", stack, time);
	const arriving = `${folder}.arriving`;
	await mkdir(arriving, { recursive: true, mode: 0o700 });
	await machine.fetch(arriving);
	await chmod(arriving, 0o700);
	// Renamed last: a folder with its final name is a whole export.
	await rename(arriving, folder);
	return folder;
}
