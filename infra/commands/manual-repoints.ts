import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";

/**
 * Says at the switch which providers a person has to repoint in their own consoles, and
 * says it again when the switch is taken back. That it was done, a checkpoint asks.
 */
export function nameManualRepoints(
	name: string,
	{ settings, dependsOn }: { settings: Settings; dependsOn: pulumi.Resource[] },
): pulumi.Resource[] {
	const { manualRepoints, dnsSwitch } = settings;
	if (!dnsSwitch || manualRepoints.length === 0) return [];
	return [
		new local.Command(
			name,
			{
				create: 'echo "point to the new system by hand, now: $PROVIDERS"',
				delete: 'echo "point back to the old system by hand, now: $PROVIDERS"',
				environment: { PROVIDERS: manualRepoints.join(", ") },
				addPreviousOutputInEnv: false,
			},
			{ dependsOn },
		),
	];
}
