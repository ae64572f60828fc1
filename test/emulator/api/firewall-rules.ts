import type { Context } from "../context";
import type { InboundRule } from "../machines/types";
import type { Droplet, Firewall, FirewallPeers, State } from "../state";

/** Puts the cloud firewalls of the account into force on the machines. */

/** Droplets that a firewall covers: those it names and those that carry one of its tags. */
export function coveredDroplets(state: State, firewall: Firewall): Droplet[] {
	return [...state.droplets.values()].filter(
		(droplet) =>
			firewall.dropletIds.has(droplet.id) ||
			[...firewall.tags].some((tag) => droplet.tags.has(tag)),
	);
}

/** What a Droplet admits: the union of its firewalls, everything without any. */
export function inboundRules(
	state: State,
	droplet: Droplet,
): InboundRule[] | null {
	const firewalls = [...state.firewalls.values()].filter((firewall) =>
		coveredDroplets(state, firewall).includes(droplet),
	);
	if (firewalls.length === 0) return null;
	return firewalls.flatMap((firewall) =>
		firewall.inbound.map((rule) => ({
			protocol: rule.protocol,
			ports: rule.ports === "0" ? "all" : rule.ports,
			sources: sourceAddresses(state, rule.peers),
		})),
	);
}

/** Addresses behind a rule's sources. IPv6 is left out: the machines have none. */
function sourceAddresses(state: State, peers: FirewallPeers): string[] {
	const addresses = (peers.addresses ?? []).filter(
		(address) => !address.includes(":"),
	);
	const droplets = [...state.droplets.values()].filter(
		(droplet) =>
			peers.droplet_ids?.includes(droplet.id) ||
			peers.tags?.some((tag) => droplet.tags.has(tag)),
	);
	return [...new Set([...addresses, ...droplets.flatMap(dropletAddresses)])];
}

export const dropletAddresses = (droplet: Droplet): string[] =>
	[droplet.publicIp, droplet.privateIp].filter((ip) => ip !== null);

/** Sets one machine's rules as they are when its turn comes. */
export async function applyToDroplet(
	{ state, machines, queues }: Context,
	dropletId: number,
): Promise<void> {
	await queues.run(`droplet ${dropletId}`, async () => {
		const droplet = state.droplets.get(dropletId);
		// A Droplet without addresses gets its rules at the end of its creation.
		if (droplet?.publicIp)
			await machines.setFirewall(dropletId, inboundRules(state, droplet));
	});
}

/**
 * Applies a changed firewall to the Droplets it covers and to those it has
 * left: waiting until all have it, then succeeded.
 */
export function applyFirewall(
	context: Context,
	firewall: Firewall,
	before: Iterable<number>,
): void {
	const now = coveredDroplets(context.state, firewall).map(({ id }) => id);
	const changes = [
		...now.map((dropletId) => ({ dropletId, removing: false })),
		...[...before]
			.filter((id) => !now.includes(id))
			.map((dropletId) => ({ dropletId, removing: true })),
	];
	if (changes.length === 0) {
		firewall.status = "succeeded";
		firewall.pending = [];
		return;
	}
	firewall.status = "waiting";
	firewall.pending = changes;
	context.background.run(
		`firewall ${firewall.name}`,
		async () => {
			await Promise.all(
				changes.map(({ dropletId }) => applyToDroplet(context, dropletId)),
			);
			// A later change has put its own list here, and will finish it.
			if (firewall.pending !== changes) return;
			firewall.pending = [];
			firewall.status = "succeeded";
		},
		() => {
			firewall.status = "failed";
		},
	);
}

/** Applies all firewalls anew, after a change of Droplets or tags that rules may name. */
export function refreshFirewalls(context: Context): void {
	for (const { id } of context.state.droplets.values())
		context.background.run(`firewalls of droplet ${id}`, () =>
			applyToDroplet(context, id),
		);
}
