import { z } from "zod";
import { parseCidr } from "../addresses";
import type { Context } from "../context";
import type { Firewall, FirewallPeers, FirewallRule, State } from "../state";
import { conflict, notFound, unprocessable } from "./errors";
import { applyFirewall, coveredDroplets } from "./firewall-rules";
import { paginate } from "./pagination";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";
import { tagName } from "./tags";

const item = "/v2/firewalls/{firewall_id}";

const address = z
	.string()
	.refine(
		(text) =>
			parseCidr(text) !== undefined || /^[0-9a-f:]+(\/\d+)?$/i.test(text),
		"is not a valid address or CIDR",
	);
const peers = z.object({
	addresses: z.array(address).nullish(),
	droplet_ids: z.array(z.int()).nullish(),
	load_balancer_uids: z.array(z.string()).nullish(),
	kubernetes_ids: z.array(z.string()).nullish(),
	tags: z.array(tagName).nullish(),
});
const protocol = z.enum(["tcp", "udp", "icmp"]);
const ports = z
	.string()
	.regex(/^(all|\d+(-\d+)?|)$/, "must be a port, a range or all")
	.optional();
const rules = {
	inbound_rules: z
		.array(z.object({ protocol, ports, sources: peers }))
		.nullish(),
	outbound_rules: z
		.array(z.object({ protocol, ports, destinations: peers }))
		.nullish(),
};
const firewallRequest = z.object({
	name: z
		.string()
		.max(255)
		.regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]+$/, "must be alphanumeric"),
	...rules,
	droplet_ids: z.array(z.int()).nullish(),
	tags: z.array(tagName).nullish(),
});
const dropletList = z.object({ droplet_ids: z.array(z.int()).min(1) });
const tagList = z.object({ tags: z.array(tagName).min(1) });
const ruleList = z.object(rules);

export function firewallRoutes(context: Context): Route[] {
	const { state, ids, clock } = context;

	/** Changes a firewall and brings the machines after it. */
	const change = (
		firewall: Firewall,
		apply: (firewall: Firewall) => void,
	): void => {
		const before = coveredDroplets(state, firewall).map(({ id }) => id);
		apply(firewall);
		applyFirewall(context, firewall, before);
	};
	const replace = (
		firewall: Firewall,
		body: z.infer<typeof firewallRequest>,
	): void => {
		for (const other of state.firewalls.values())
			if (other.id !== firewall.id && other.name === body.name)
				throw conflict("duplicate name");
		if (!body.inbound_rules?.length && !body.outbound_rules?.length)
			throw unprocessable("a firewall needs at least one rule");
		checkDroplets(state, body.droplet_ids ?? []);
		checkTags(state, body.tags ?? []);
		change(firewall, () => {
			firewall.name = body.name;
			firewall.inbound = inbound(body);
			firewall.outbound = outbound(body);
			firewall.dropletIds = new Set(body.droplet_ids ?? []);
			firewall.tags = new Set(body.tags ?? []);
			state.firewalls.set(firewall.id, firewall);
		});
	};
	const member = <Body>(
		method: "POST" | "DELETE",
		kind: "droplets" | "tags" | "rules",
		request: z.ZodType<Body>,
		apply: (firewall: Firewall, body: Body) => void,
	): Route =>
		route({
			method,
			path: `${item}/${kind}`,
			status: 204,
			request,
			handle: (call: Call<Body>) => {
				change(find(state, call.params.firewall_id), (firewall) =>
					apply(firewall, call.body),
				);
			},
		});

	return [
		route({
			method: "GET",
			path: "/v2/firewalls",
			status: 200,
			answer: shape.list("firewalls", shape.firewall),
			handle: (call) =>
				paginate(call, "firewalls", state.firewalls.values(), view),
		}),
		route({
			method: "POST",
			path: "/v2/firewalls",
			status: 202,
			request: firewallRequest,
			answer: shape.one("firewall", shape.firewall),
			handle: ({ body }) => {
				const firewall: Firewall = {
					id: ids.uuid(),
					name: body.name,
					status: "waiting",
					createdAt: clock.timestamp(),
					inbound: [],
					outbound: [],
					dropletIds: new Set(),
					tags: new Set(),
					pending: [],
				};
				replace(firewall, body);
				return { firewall: view(firewall) };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("firewall", shape.firewall),
			handle: (call) => ({
				firewall: view(find(state, call.params.firewall_id)),
			}),
		}),
		route({
			method: "PUT",
			path: item,
			status: 200,
			request: firewallRequest,
			answer: shape.one("firewall", shape.firewall),
			handle: (call) => {
				const firewall = find(state, call.params.firewall_id);
				replace(firewall, call.body);
				return { firewall: view(firewall) };
			},
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				const firewall = find(state, call.params.firewall_id);
				change(firewall, () => {
					state.firewalls.delete(firewall.id);
					firewall.dropletIds.clear();
					firewall.tags.clear();
				});
			},
		}),
		member("POST", "droplets", dropletList, (firewall, body) => {
			checkDroplets(state, body.droplet_ids);
			for (const id of body.droplet_ids) firewall.dropletIds.add(id);
		}),
		member("DELETE", "droplets", dropletList, (firewall, body) => {
			for (const id of body.droplet_ids) firewall.dropletIds.delete(id);
		}),
		member("POST", "tags", tagList, (firewall, body) => {
			checkTags(state, body.tags);
			for (const tag of body.tags) firewall.tags.add(tag);
		}),
		member("DELETE", "tags", tagList, (firewall, body) => {
			for (const tag of body.tags) firewall.tags.delete(tag);
		}),
		member("POST", "rules", ruleList, (firewall, body) => {
			firewall.inbound.push(...inbound(body));
			firewall.outbound.push(...outbound(body));
		}),
		member("DELETE", "rules", ruleList, (firewall, body) => {
			firewall.inbound = without(firewall.inbound, inbound(body));
			firewall.outbound = without(firewall.outbound, outbound(body));
		}),
		route({
			method: "GET",
			path: "/v2/droplets/{droplet_id}/firewalls",
			status: 200,
			answer: shape.list("firewalls", shape.firewall),
			handle: (call) => {
				const droplet = state.droplets.get(Number(call.params.droplet_id));
				if (!droplet) throw notFound();
				return paginate(
					call,
					"firewalls",
					[...state.firewalls.values()].filter((firewall) =>
						coveredDroplets(state, firewall).includes(droplet),
					),
					view,
				);
			},
		}),
	];
}

function find(state: State, id = ""): Firewall {
	const firewall = state.firewalls.get(id);
	if (!firewall) throw notFound();
	return firewall;
}

function checkDroplets(state: State, ids: number[]): void {
	for (const id of ids)
		if (!state.droplets.has(id))
			throw unprocessable(`invalid droplet_ids: [${id}]`);
}

function checkTags(state: State, tags: string[]): void {
	for (const tag of tags)
		if (!state.tags.has(tag)) throw unprocessable(`invalid tags: [${tag}]`);
}

type Rules = z.infer<typeof ruleList>;

const inbound = (body: Rules): FirewallRule[] =>
	(body.inbound_rules ?? []).map((rule) => fromRequest(rule, rule.sources));
const outbound = (body: Rules): FirewallRule[] =>
	(body.outbound_rules ?? []).map((rule) =>
		fromRequest(rule, rule.destinations),
	);

function fromRequest(
	rule: { protocol: FirewallRule["protocol"]; ports?: string },
	given: z.infer<typeof peers>,
): FirewallRule {
	if (rule.protocol !== "icmp" && !rule.ports)
		throw unprocessable("ports is required for tcp and udp");
	const kept: FirewallPeers = {};
	for (const [kind, values] of Object.entries(given))
		if (values?.length) Object.assign(kept, { [kind]: values });
	return {
		protocol: rule.protocol,
		// DigitalOcean answers "0" where all ports were asked for, and for icmp.
		ports: !rule.ports || rule.ports === "all" ? "0" : rule.ports,
		peers: kept,
	};
}

function without(from: FirewallRule[], gone: FirewallRule[]): FirewallRule[] {
	const key = ({ protocol, ports, peers }: FirewallRule) =>
		JSON.stringify([protocol, ports, Object.entries(peers).sort()]);
	const keys = new Set(gone.map(key));
	return from.filter((rule) => !keys.has(key(rule)));
}

const view = (firewall: Firewall) => ({
	id: firewall.id,
	name: firewall.name,
	status: firewall.status,
	created_at: firewall.createdAt,
	inbound_rules: firewall.inbound.map(({ protocol, ports, peers }) => ({
		protocol,
		ports,
		sources: peers,
	})),
	outbound_rules: firewall.outbound.map(({ protocol, ports, peers }) => ({
		protocol,
		ports,
		destinations: peers,
	})),
	droplet_ids: [...firewall.dropletIds],
	tags: [...firewall.tags],
	pending_changes: firewall.pending.map(({ dropletId, removing }) => ({
		droplet_id: dropletId,
		removing,
		status: "waiting",
	})),
});
