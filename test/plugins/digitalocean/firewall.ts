import type { FirewallArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { UNKNOWN } from "../base/values";
import { during, isNotFound } from "./api";
import { api } from "./client";

type Args = Unwrap<FirewallArgs>;
type InboundRule = NonNullable<Args["inboundRules"]>[number];
type OutboundRule = NonNullable<Args["outboundRules"]>[number];

/** Who is at the other end of a rule. */
interface Peers {
	addresses?: string[];
	droplet_ids?: number[];
	load_balancer_uids?: string[];
	kubernetes_ids?: string[];
	tags?: string[];
}

interface ApiRule {
	protocol: string;
	ports: string;
}

interface Firewall {
	id: string;
	name: string;
	status: string;
	created_at: string;
	pending_changes?: { droplet_id: number; removing: boolean; status: string }[];
	droplet_ids?: number[] | null;
	tags?: string[] | null;
	inbound_rules?: (ApiRule & { sources: Peers })[];
	outbound_rules?: (ApiRule & { destinations: Peers })[];
}

function request(args: Args) {
	return {
		name: args.name,
		droplet_ids: args.dropletIds ?? [],
		tags: args.tags ?? [],
		inbound_rules: args.inboundRules?.map((rule) => ({
			protocol: rule.protocol,
			ports: rule.portRange ?? "",
			sources: {
				addresses: rule.sourceAddresses ?? [],
				droplet_ids: rule.sourceDropletIds ?? [],
				load_balancer_uids: rule.sourceLoadBalancerUids ?? [],
				kubernetes_ids: rule.sourceKubernetesIds ?? [],
				tags: rule.sourceTags ?? [],
			},
		})),
		outbound_rules: args.outboundRules?.map((rule) => ({
			protocol: rule.protocol,
			ports: rule.portRange ?? "",
			destinations: {
				addresses: rule.destinationAddresses ?? [],
				droplet_ids: rule.destinationDropletIds ?? [],
				load_balancer_uids: rule.destinationLoadBalancerUids ?? [],
				kubernetes_ids: rule.destinationKubernetesIds ?? [],
				tags: rule.destinationTags ?? [],
			},
		})),
	};
}

/** "0" is the API's answer for all ports, and for none with ICMP. */
function portRange(rule: ApiRule): string | undefined {
	if (rule.ports === "0" || rule.ports === "") {
		return rule.protocol === "icmp" ? undefined : "all";
	}
	return rule.ports;
}

/** A list, or undefined where it has nothing: absent and empty are one. */
function some<T>(list: T[] | null | undefined): T[] | undefined {
	return list && list.length > 0 ? list : undefined;
}

/** A rule without the keys that say nothing. */
function compact<T extends object>(rule: T): T {
	return Object.fromEntries(
		Object.entries(rule).filter(([, value]) => value !== undefined),
	) as T;
}

function inbound(rule: ApiRule & { sources: Peers }): InboundRule {
	return compact({
		protocol: rule.protocol,
		portRange: portRange(rule),
		sourceAddresses: some(rule.sources.addresses),
		sourceDropletIds: some(rule.sources.droplet_ids),
		sourceLoadBalancerUids: some(rule.sources.load_balancer_uids),
		sourceKubernetesIds: some(rule.sources.kubernetes_ids),
		sourceTags: some(rule.sources.tags),
	} as InboundRule);
}

function outbound(rule: ApiRule & { destinations: Peers }): OutboundRule {
	return compact({
		protocol: rule.protocol,
		portRange: portRange(rule),
		destinationAddresses: some(rule.destinations.addresses),
		destinationDropletIds: some(rule.destinations.droplet_ids),
		destinationLoadBalancerUids: some(rule.destinations.load_balancer_uids),
		destinationKubernetesIds: some(rule.destinations.kubernetes_ids),
		destinationTags: some(rule.destinations.tags),
	} as OutboundRule);
}

function outputs(firewall: Firewall) {
	return {
		name: firewall.name,
		status: firewall.status,
		createdAt: firewall.created_at,
		pendingChanges: (firewall.pending_changes ?? []).map((change) => ({
			dropletId: change.droplet_id,
			removing: change.removing,
			status: change.status,
		})),
		dropletIds: some(firewall.droplet_ids),
		tags: some(firewall.tags),
		inboundRules: some(firewall.inbound_rules?.map(inbound)),
		outboundRules: some(firewall.outbound_rules?.map(outbound)),
	};
}

type State = ReturnType<typeof outputs>;

/** Rules with ports must name them; a firewall has at least one rule. */
function check(args: Args) {
	const isList = (
		value: unknown,
	): value is { protocol: unknown; portRange?: unknown }[] =>
		Array.isArray(value);
	const failures = (["inbound", "outbound"] as const).flatMap((direction) => {
		const property = `${direction}Rules` as const;
		const rules: unknown = args[property];
		return isList(rules) &&
			rules.some(
				(rule) =>
					(rule.protocol === "tcp" || rule.protocol === "udp") &&
					!rule.portRange,
			)
			? [
					{
						property,
						reason: `\`port_range\` of ${direction} rules is required if protocol is \`tcp\` or \`udp\``,
					},
				]
			: [];
	});
	const has = (rules: unknown) =>
		rules === UNKNOWN || (isList(rules) && rules.length > 0);
	if (!has(args.inboundRules) && !has(args.outboundRules)) {
		failures.push({
			property: "inboundRules",
			reason: "At least one rule must be specified",
		});
	}
	return failures;
}

/** `digitalocean:index/firewall:Firewall` */
export const firewall = typed<Args, State>({
	sets: [
		"dropletIds",
		"tags",
		"inboundRules",
		"inboundRules.sourceAddresses",
		"inboundRules.sourceDropletIds",
		"inboundRules.sourceTags",
		"outboundRules",
		"outboundRules.destinationAddresses",
		"outboundRules.destinationDropletIds",
		"outboundRules.destinationTags",
	],
	check,
	async create(args) {
		const answer = await during(
			"Error creating firewall",
			api().request<{ firewall: Firewall }>(
				"POST",
				"/v2/firewalls",
				request(args),
			),
		);
		return { id: answer.firewall.id, outputs: outputs(answer.firewall) };
	},
	async read(id) {
		const found = await during(
			"Error retrieving firewall",
			api().find<{ firewall: Firewall }>(`/v2/firewalls/${id}`),
		);
		return found && { id, outputs: outputs(found.firewall) };
	},
	async update(id, _olds, news) {
		const answer = await during(
			"Error updating firewall",
			api().request<{ firewall: Firewall }>(
				"PUT",
				`/v2/firewalls/${id}`,
				request(news),
			),
		);
		return outputs(answer.firewall);
	},
	async delete(id) {
		await during(
			"Error deleting firewall",
			api()
				.request("DELETE", `/v2/firewalls/${id}`)
				.catch((error) => {
					if (!isNotFound(error)) {
						throw error;
					}
				}),
		);
	},
});
