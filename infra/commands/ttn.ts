import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { keepOutput, secretJson } from "../remote";
import type { Settings } from "../settings";

export interface TtnArgs {
	settings: Settings;
	apiHostname: string;
	/** The names lead to the new system by then. */
	dependsOn: pulumi.Resource[];
}

/**
 * Repoints the webhooks of The Things Network, which moving DNS does not move.
 * Switching the flag off, or a destroy, points each back to where it was: its
 * former address is this command's output.
 *
 * @returns nothing to wait for where the stack has no TTN or no switch yet.
 */
export function repointWebhooks(
	name: string,
	{ settings, apiHostname, dependsOn }: TtnArgs,
): pulumi.Resource[] {
	const { ttn, ttnApiKey } = settings;
	if (!settings.dnsSwitch || !ttn) return [];
	return [
		new local.Command(
			name,
			{
				create: "node --import tsx cutover/ttn.ts",
				update: keepOutput,
				delete: "node --import tsx cutover/ttn.ts restore",
				stdin: secretJson({
					...ttn,
					apiKey: ttnApiKey,
					baseUrl: `https://${apiHostname}`,
				}),
				// Update and delete read where the webhooks were.
				addPreviousOutputInEnv: true,
			},
			{ dependsOn },
		),
	];
}
