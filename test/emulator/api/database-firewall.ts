import type { Context } from "../context";
import type { DatabaseCluster, State } from "../state";
import { dropletAddresses } from "./firewall-rules";

/** Puts the trusted sources of database clusters into force. */

/** Addresses that a cluster admits; null, that is all, when it has no rules. */
function trustedSources(
	state: State,
	cluster: DatabaseCluster,
): string[] | null {
	if (cluster.rules.length === 0) return null;
	const sources = cluster.rules.flatMap(({ type, value }) => {
		switch (type) {
			case "ip_addr":
				return [value];
			case "droplet": {
				const droplet = state.droplets.get(Number(value));
				return droplet ? dropletAddresses(droplet) : [];
			}
			case "tag":
				return [...state.droplets.values()]
					.filter((droplet) => droplet.tags.has(value))
					.flatMap(dropletAddresses);
			default:
				// Kubernetes and App Platform have no machines here.
				return [];
		}
	});
	return [...new Set(sources)];
}

/** Work on one cluster's server goes through this queue. */
export const queueOf = (cluster: DatabaseCluster): string =>
	`database ${cluster.id}`;

/** Applies a cluster's rules as they are when its turn comes. */
export async function applyDatabaseFirewall(
	{ state, machines, queues }: Context,
	cluster: DatabaseCluster,
): Promise<void> {
	await queues.run(queueOf(cluster), async () => {
		// One that is still creating gets its rules at the end of its creation.
		if (cluster.status === "online" && state.databases.has(cluster.id))
			await machines.setDatabaseFirewall(
				cluster.id,
				trustedSources(state, cluster),
			);
	});
}

/** Applies all clusters' rules anew, after a change of the Droplets they name. */
export function refreshDatabaseFirewalls(context: Context): void {
	for (const cluster of context.state.databases.values())
		context.background.run(`firewall of database ${cluster.name}`, () =>
			applyDatabaseFirewall(context, cluster),
		);
}
