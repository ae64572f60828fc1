import { z } from "zod";
import type { Context } from "../context";
import type { Droplet, State } from "../state";
import { actionLink, startAction } from "./actions";
import { findImage, findRegion, findSize } from "./catalog";
import { refreshDatabaseFirewalls } from "./database-firewall";
import { dropletView } from "./droplet-view";
import { badRequest, notFound, unprocessable } from "./errors";
import { inboundRules, refreshFirewalls } from "./firewall-rules";
import { paginate } from "./pagination";
import { assignToDefault, unassign } from "./project-resources";
import { type Route, route } from "./router";
import * as shape from "./shapes";
import { findSshKey } from "./ssh-keys";
import { tagName } from "./tags";
import { vpcFor } from "./vpcs";

const item = "/v2/droplets/{droplet_id}";
const name = z
	.string()
	.regex(
		/^[a-zA-Z0-9]?[a-zA-Z0-9.-]*[a-zA-Z0-9]$/,
		"Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
	);

const common = {
	region: z.string().optional(),
	size: z.string(),
	image: z.union([z.string(), z.int()]),
	ssh_keys: z.array(z.union([z.string(), z.int()])).nullish(),
	backups: z.boolean().nullish(),
	ipv6: z.boolean().nullish(),
	monitoring: z.boolean().nullish(),
	tags: z.array(tagName).nullish(),
	/** DigitalOcean's limit is 64 KiB. */
	user_data: z.string().max(65536, "User data is too long").nullish(),
	vpc_uuid: z.string().nullish(),
	volumes: z.array(z.string()).max(0, "Volumes are not emulated").nullish(),
};
const createRequest = z.object({
	...common,
	name: name.optional(),
	/** DigitalOcean makes at most 10 at a time. */
	names: z.array(name).min(1).max(10).optional(),
});
type CreateRequest = z.infer<typeof createRequest>;

export function dropletRoutes(context: Context): Route[] {
	const { state } = context;
	const view = (droplet: Droplet) => dropletView(context, droplet);
	return [
		route({
			method: "GET",
			path: "/v2/droplets",
			status: 200,
			answer: shape.list("droplets", shape.droplet),
			handle: (call) => {
				const tag = call.query.get("tag_name");
				const wanted = call.query.get("name")?.toLowerCase();
				return paginate(
					call,
					"droplets",
					[...state.droplets.values()].filter(
						(droplet) =>
							(!tag || droplet.tags.has(tag)) &&
							(!wanted || droplet.name.toLowerCase() === wanted) &&
							call.query.get("type") !== "gpus",
					),
					view,
				);
			},
		}),
		route({
			method: "POST",
			path: "/v2/droplets",
			status: 202,
			request: createRequest,
			answer: z.union([
				shape
					.one("droplet", shape.droplet)
					.extend({ links: shape.actionLinks }),
				shape
					.bareList("droplets", shape.droplet)
					.extend({ links: shape.actionLinks }),
			]),
			handle: async ({ body, origin }) => {
				const names = body.names ?? (body.name ? [body.name] : []);
				if (names.length === 0) throw unprocessable("Name can't be blank");
				const created = await createDroplets(context, body, names);
				const links = {
					actions: created.map(({ action }) =>
						actionLink(origin, action, "create"),
					),
				};
				const droplets = created.map(({ droplet }) => view(droplet));
				return body.names
					? { droplets, links }
					: { droplet: droplets[0], links };
			},
		}),
		route({
			method: "DELETE",
			path: "/v2/droplets",
			status: 204,
			handle: (call) => {
				const tag = call.query.get("tag_name");
				if (!tag) throw badRequest("tag_name is required");
				if (!state.tags.has(tag)) throw notFound();
				for (const droplet of state.droplets.values())
					if (droplet.tags.has(tag) && !droplet.locked)
						destroyDroplet(context, droplet);
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("droplet", shape.droplet),
			handle: (call) => ({
				droplet: view(findDroplet(state, call.params.droplet_id)),
			}),
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				const droplet = findDroplet(state, call.params.droplet_id);
				refuseLocked(droplet);
				destroyDroplet(context, droplet);
			},
		}),
	];
}

export function findDroplet(state: State, id: string | number = ""): Droplet {
	const droplet = state.droplets.get(Number(id));
	if (!droplet) throw notFound();
	return droplet;
}

/** A Droplet takes one event at a time. */
export function refuseLocked(droplet: Droplet): void {
	if (droplet.locked)
		throw unprocessable("Droplet already has a pending event.");
}

async function createDroplets(
	context: Context,
	body: CreateRequest,
	names: string[],
) {
	const { state, clock, ids } = context;
	const regionSlug = body.region ?? "nyc3";
	const image = findImage(body.image);
	if (!findRegion(regionSlug)) throw invalid("region");
	if (!findSize(body.size)) throw invalid("size");
	if (!image) throw invalid("image");
	const sshKeys = (body.ssh_keys ?? []).map((identifier) => {
		const key = findSshKey(state, identifier);
		if (!key)
			throw unprocessable(
				`${identifier} are invalid key identifiers for Droplet creation.`,
			);
		return key.publicKey;
	});
	const vpc = await vpcFor(context, regionSlug, body.vpc_uuid ?? undefined);
	for (const tag of body.tags ?? []) state.tags.add(tag);
	return names.map((name) => {
		const droplet: Droplet = {
			id: ids.number(),
			name,
			status: "new",
			locked: true,
			createdAt: clock.timestamp(),
			imageSlug: image.slug,
			sizeSlug: body.size,
			regionSlug,
			vpcId: vpc.id,
			publicIp: null,
			privateIp: null,
			tags: new Set(body.tags ?? []),
			features: [
				...(body.backups ? ["backups"] : []),
				...(body.monitoring ? ["monitoring"] : []),
				"droplet_agent",
				"private_networking",
			],
		};
		state.droplets.set(droplet.id, droplet);
		assignToDefault(context, `do:droplet:${droplet.id}`);
		const action = startAction(
			context,
			{
				type: "create",
				resourceId: droplet.id,
				resourceType: "droplet",
				regionSlug,
			},
			() => bringUp(context, droplet, sshKeys, body.user_data ?? undefined),
			() => {
				// The machine did not come up. A client that waits for "active"
				// gives up on "off", and the Droplet can be deleted.
				droplet.status = "off";
				droplet.locked = false;
			},
		);
		return { droplet, action };
	});
}

const invalid = (what: string) =>
	unprocessable(`You specified an invalid ${what} for Droplet creation.`);

async function bringUp(
	context: Context,
	droplet: Droplet,
	sshKeys: string[],
	userData: string | undefined,
): Promise<void> {
	const { state, machines, queues } = context;
	const size = findSize(droplet.sizeSlug);
	await queues.run(`droplet ${droplet.id}`, async () => {
		const addresses = await machines.createDroplet({
			id: droplet.id,
			name: droplet.name,
			image: droplet.imageSlug,
			vcpus: size?.vcpus ?? 1,
			memoryMb: size?.memory ?? 1024,
			userData,
			sshKeys,
			vpcId: droplet.vpcId,
		});
		droplet.publicIp = addresses.publicIp;
		droplet.privateIp = addresses.privateIp;
		const rules = inboundRules(state, droplet);
		if (rules) await machines.setFirewall(droplet.id, rules);
		droplet.status = "active";
		droplet.locked = false;
	});
	// Rules of others may name this Droplet or its tags as a source.
	refreshFirewalls(context);
	refreshDatabaseFirewalls(context);
}

/** The Droplet stays listed, locked, until its machine is gone. */
function destroyDroplet(context: Context, droplet: Droplet): void {
	const { state, machines, queues, background } = context;
	droplet.locked = true;
	background.run(
		`destroy of droplet ${droplet.id}`,
		async () => {
			await queues.run(`droplet ${droplet.id}`, async () => {
				for (const reserved of state.reservedIps.values())
					if (reserved.dropletId === droplet.id) {
						await machines.unassignAddress(reserved.ip);
						reserved.dropletId = null;
					}
				await machines.deleteDroplet(droplet.id);
			});
			state.droplets.delete(droplet.id);
			for (const firewall of state.firewalls.values())
				firewall.dropletIds.delete(droplet.id);
			unassign(state, `do:droplet:${droplet.id}`);
			refreshFirewalls(context);
			refreshDatabaseFirewalls(context);
		},
		() => {
			droplet.locked = false;
		},
	);
}
