import { z } from "zod";
import { addressRecords, allPointTo } from "./dns";
import { ExitCode, UserError } from "./errors";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";
import { waitFor } from "./wait";
import { Zone } from "./zone";

export const pointBackSettings = z.strictObject({
	zone: z.string(),
	/** Relative record names, "@" for the zone itself. */
	records: z.array(z.string()),
	legacyAddress: z.string(),
});

export type PointBackSettings = z.infer<typeof pointBackSettings>;

/**
 * Gives the A records the old system's address and waits until the zone's own
 * servers answer it. Values change, nothing is removed: nobody sees NXDOMAIN.
 *
 * @throws UserError (refused) when a record is missing.
 */
export async function pointBack(settings: PointBackSettings): Promise<void> {
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

if (require.main === module) {
	main(async () => pointBack(await settingsFromStdin(pointBackSettings)));
}
