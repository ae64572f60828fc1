import { z } from "zod";
import { now } from "./clock";
import { writeEvidence } from "./evidence";
import { exportedDatabase, exportProven } from "./export";
import { type Machine, onDroplet } from "./machine";
import { main } from "./main";
import { pointBack, pointBackSettings } from "./point-back";
import { type ReturnReport, returnSettings, returnToSource } from "./return";
import { sshTarget } from "./ssh";
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
	database: exportedDatabase,
	/** Absent where the stack never touched a source. */
	data: returnSettings.optional(),
	/** What the destroy leaves at DigitalOcean; absent where nothing. */
	kept: z
		.strictObject({
			cluster: z.strictObject({ id: z.string(), name: z.string() }),
			vpcId: z.string(),
		})
		.optional(),
	...pointBackSettings.shape,
	/** True when the write barrier stands on the source. */
	frozen: z.boolean(),
});

export type RollbackSettings = z.infer<typeof rollbackSettings>;

/**
 * The delete of the rollback resource, first in every `pulumi destroy`: data
 * exported and proven, what the new system took brought back, names at the old
 * address, source writable. Only when it has succeeded does Pulumi go on and stop
 * the services. Run again after it was cut short, it converges.
 *
 * @param machine where the migration runs; a test has another than the Droplet.
 */
export async function rollback(
	settings: RollbackSettings,
	machine: Machine = onDroplet(settings),
): Promise<void> {
	const { stack, release, data, database } = settings;
	const report = data ? await returnToSource(data, machine) : undefined;
	const folder =
		report?.export ?? (await exportProven(stack, database, machine));
	say(`export: ${folder}`);
	await pointBack(settings);
	say(`names answer ${settings.legacyAddress} again`);
	if (settings.frozen && data) {
		await machine.migrate({
			arguments: ["unfreeze"],
			environment: { SOURCE_DATABASE_URL: data.sourceDatabaseUrl },
		});
		say("the source takes writes again");
	}
	for (const line of describeKept(settings)) say(line);
	await writeEvidence(
		stack,
		"rollback.json",
		evidence(release, folder, report),
	);
}

/** That the way back was walked with this release, and what came of it. */
function evidence(
	release: string,
	folder: string,
	report: ReturnReport | undefined,
): string {
	const walked = {
		...{ release, at: now().toISOString() },
		...{ ...report, export: folder },
	};
	return `${JSON.stringify(walked, null, "\t")}\n`;
}

function describeKept({ kept }: RollbackSettings): string[] {
	if (!kept) return ["the new database goes as well: cutover:allowDataLoss"];
	const { cluster, vpcId } = kept;
	return [
		`kept at DigitalOcean, and billed: database cluster ${cluster.name}, closed by its firewall, in VPC ${vpcId}`,
		`to delete them: doctl databases delete ${cluster.id} && doctl vpcs delete ${vpcId}; for the next destroy: cutover:allowDataLoss true, and pulumi up before it`,
	];
}

function say(line: string): void {
	process.stderr.write(`rollback: ${line}\n`);
}

if (require.main === module) {
	main(async () => rollback(await settingsFromStdin(rollbackSettings)));
}
