import type { State } from "../state";

/**
 * Everything that stands in the account and costs money or a name: counts and
 * names by kind, without what every account has (default VPCs, the default
 * project). All counts are 0 for an account that was left clean.
 */
export function inventory(state: State) {
	const names = (items: Iterable<{ name: string }>) =>
		[...items].map(({ name }) => name);
	const kinds: Record<string, string[]> = {
		droplets: names(state.droplets.values()),
		vpcs: names([...state.vpcs.values()].filter((vpc) => !vpc.isDefault)),
		firewalls: names(state.firewalls.values()),
		reservedIps: [...state.reservedIps.keys()],
		databases: names(state.databases.values()),
		domains: names(state.domains.values()),
		records: [...state.domains.values()].flatMap((domain) =>
			[...domain.records.values()]
				.filter(
					({ type, name }) =>
						type !== "SOA" && !(type === "NS" && name === "@"),
				)
				.map(
					({ type, name, data }) => `${domain.name} ${name} ${type} ${data}`,
				),
		),
		projects: names(
			[...state.projects.values()].filter((project) => !project.isDefault),
		),
		tags: [...state.tags],
		sshKeys: names(state.sshKeys.values()),
		uptimeChecks: names(state.uptimeChecks.values()),
		uptimeAlerts: [...state.uptimeChecks.values()].flatMap(({ alerts }) =>
			names(alerts.values()),
		),
	};
	return Object.fromEntries(
		Object.entries(kinds).map(([kind, list]) => [
			kind,
			{ count: list.length, names: list },
		]),
	);
}
