import { z } from "zod";
import { migrationTool } from "./migration-tool";
import { sshTarget } from "./ssh";
import type { Held } from "./ttn-uplinks";

/** How a system's database is asked, from the Droplet, which uplinks it holds. */
export const asking = z.strictObject({
	ssh: sshTarget,
	/** The cutover image, as it runs on the Droplet. */
	image: z.string(),
	database: z.strictObject({ url: z.string(), ca: z.string().optional() }),
	/** The product's query: see migration/commands/received.ts. */
	query: z.string(),
});

export type Asking = z.output<typeof asking>;

/** A system may go by the time at which the network server had an uplink, before the application server. */
const EARLIER_MS = 60_000;

/** Asks a system's database what it holds since a time. */
export function heldBy({
	ssh,
	image,
	database,
	query,
}: Asking): (since: Date) => Promise<Held> {
	return async (since) => {
		const from = new Date(since.getTime() - EARLIER_MS).toISOString();
		const { result } = await migrationTool({
			ssh,
			image,
			arguments: ["received", "--query", query, "--since", from],
			environment: {
				SOURCE_DATABASE_URL: database.url,
				...(database.ca ? { SOURCE_DATABASE_CA: database.ca } : {}),
			},
		});
		return z
			.object({ received: z.array(z.tuple([z.string(), z.string()])) })
			.parse(result).received;
	};
}
