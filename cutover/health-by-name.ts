import { z } from "zod";
import { http, trustedRoot } from "./http";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";
import { waitFor } from "./wait";

const settingsSchema = z.strictObject({
	/** Asked whatever the name answers now, as curl --resolve does. */
	address: z.string(),
	hostname: z.string(),
	/** The version that must answer: the release just deployed. */
	version: z.string(),
});

const health = z.object({ status: z.string(), version: z.string() });

/**
 * The deploy's own proof: /health by host name at the new address, over
 * verified TLS, healthy and of the version just deployed.
 */
main(async () => {
	const { address, hostname, version } =
		await settingsFromStdin(settingsSchema);
	const ca = trustedRoot();
	await waitFor(
		`https://${hostname}/health at ${address} healthy with version ${version}`,
		async () => {
			const answer = await http(`https://${hostname}/health`, {
				address,
				timeoutMs: 5_000,
				...(ca ? { ca } : {}),
			});
			const seen = health.parse(JSON.parse(answer.body));
			if (seen.status === "healthy" && seen.version === version) return true;
			throw new Error(
				`${answer.status} ${seen.status}, version ${seen.version}`,
			);
		},
		{ timeoutMs: 120_000, intervalMs: 500 },
	);
	process.stdout.write(`healthy, version ${version}\n`);
});
