import { z } from "zod";
import { parseCidr } from "../addresses";
import type { Context } from "../context";
import type { Action, Droplet, ReservedIp, State } from "../state";
import {
	actionLink,
	actionView,
	findAction,
	newestFirst,
	startAction,
} from "./actions";
import { findRegion, regionView } from "./catalog";
import { dropletView } from "./droplet-view";
import { notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import {
	assign,
	assignToDefault,
	findProject,
	unassign,
} from "./project-resources";
import { type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/reserved_ips/{reserved_ip}";
const actions = `${item}/actions`;

export function reservedIpRoutes(context: Context): Route[] {
	const { state, machines } = context;
	const view = (reserved: ReservedIp) => {
		const droplet = state.droplets.get(reserved.dropletId ?? Number.NaN);
		return {
			ip: reserved.ip,
			region: regionView(reserved.regionSlug),
			droplet: droplet ? dropletView(context, droplet) : null,
			locked: reserved.locked,
			project_id: reserved.projectId,
		};
	};
	return [
		route({
			method: "GET",
			path: "/v2/reserved_ips",
			status: 200,
			answer: shape.list("reserved_ips", shape.reservedIp),
			handle: (call) =>
				paginate(call, "reserved_ips", state.reservedIps.values(), view),
		}),
		route({
			method: "POST",
			path: "/v2/reserved_ips",
			status: 202,
			request: z.object({
				region: z.string().optional(),
				droplet_id: z.int().optional(),
				project_id: z.string().optional(),
			}),
			answer: shape.one("reserved_ip", shape.reservedIp),
			handle: async ({ body, origin }) => {
				const droplet =
					body.droplet_id === undefined
						? undefined
						: dropletFor(state, body.droplet_id);
				const regionSlug = droplet?.regionSlug ?? body.region;
				if (!regionSlug)
					throw unprocessable("Either droplet_id or region is required");
				if (!findRegion(regionSlug))
					throw unprocessable("Region is not available");
				const project = findProject(state, body.project_id);
				const ip = await machines.reserveAddress();
				const reserved: ReservedIp = {
					ip,
					regionSlug,
					dropletId: null,
					locked: false,
					projectId: project.id,
				};
				state.reservedIps.set(ip, reserved);
				if (body.project_id) assign(context, project, urnOf(ip));
				else assignToDefault(context, urnOf(ip));
				const action = droplet && startAssign(context, reserved, droplet);
				return {
					reserved_ip: view(reserved),
					links: action
						? {
								droplets: [
									{
										id: droplet.id,
										rel: "droplet",
										href: `${origin}/v2/droplets/${droplet.id}`,
									},
								],
								actions: [actionLink(origin, action, "assign_ip")],
							}
						: {},
				};
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("reserved_ip", shape.reservedIp),
			handle: (call) => ({
				reserved_ip: view(find(state, call.params.reserved_ip)),
			}),
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: async (call) => {
				const reserved = find(state, call.params.reserved_ip);
				refuseLocked(reserved);
				if (reserved.dropletId !== null)
					await machines.unassignAddress(reserved.ip);
				await machines.releaseAddress(reserved.ip);
				state.reservedIps.delete(reserved.ip);
				unassign(state, urnOf(reserved.ip));
			},
		}),
		route({
			method: "GET",
			path: actions,
			status: 200,
			answer: shape.list("actions", shape.action),
			handle: (call) => {
				const reserved = find(state, call.params.reserved_ip);
				return paginate(
					call,
					"actions",
					newestFirst(state, of(reserved)),
					actionView,
				);
			},
		}),
		route({
			method: "POST",
			path: actions,
			status: 201,
			request: z.object({
				type: z.enum(["assign", "unassign"]),
				droplet_id: z.int().optional(),
			}),
			answer: shape.one("action", shape.action),
			handle: (call) => {
				const reserved = find(state, call.params.reserved_ip);
				refuseLocked(reserved);
				if (call.body.type === "unassign")
					return { action: actionView(startUnassign(context, reserved)) };
				if (call.body.droplet_id === undefined)
					throw unprocessable("droplet_id is required");
				const droplet = dropletFor(state, call.body.droplet_id);
				return { action: actionView(startAssign(context, reserved, droplet)) };
			},
		}),
		route({
			method: "GET",
			path: `${actions}/{action_id}`,
			status: 200,
			answer: shape.one("action", shape.action),
			handle: (call) => {
				const reserved = find(state, call.params.reserved_ip);
				return {
					action: actionView(
						findAction(state, call.params.action_id, of(reserved)),
					),
				};
			},
		}),
	];
}

/** DigitalOcean's older name for reserved IPs is still the one in URNs. */
const urnOf = (ip: string) => `do:floatingip:${ip}`;

/** Actions name an address by its value as a number. */
const numberOf = (reserved: ReservedIp) => parseCidr(reserved.ip)?.first ?? 0;

const of = (reserved: ReservedIp) => (action: Action) =>
	action.resourceType === "reserved_ip" &&
	action.resourceId === numberOf(reserved);

function find(state: State, ip = ""): ReservedIp {
	const reserved = state.reservedIps.get(ip);
	if (!reserved) throw notFound();
	return reserved;
}

function dropletFor(state: State, id: number): Droplet {
	const droplet = state.droplets.get(id);
	if (!droplet) throw unprocessable("Droplet not found");
	return droplet;
}

function refuseLocked(reserved: ReservedIp): void {
	if (reserved.locked)
		throw unprocessable("Reserved IP already has a pending event.");
}

function startAssign(
	context: Context,
	reserved: ReservedIp,
	droplet: Droplet,
): Action {
	const { state, machines, queues } = context;
	if (droplet.status === "new" || !droplet.publicIp)
		throw unprocessable(
			"Droplet must be active to have a reserved IP assigned",
		);
	if (droplet.regionSlug !== reserved.regionSlug)
		throw unprocessable("Droplet is not in the region of the reserved IP");
	for (const other of state.reservedIps.values())
		if (other !== reserved && other.dropletId === droplet.id)
			throw unprocessable("Droplet already has a reserved IP assigned");
	return start(context, reserved, "assign_ip", () =>
		queues.run(`droplet ${droplet.id}`, async () => {
			if (reserved.dropletId !== null && reserved.dropletId !== droplet.id)
				await machines.unassignAddress(reserved.ip);
			await machines.assignAddress(reserved.ip, droplet.id);
			reserved.dropletId = droplet.id;
		}),
	);
}

function startUnassign(context: Context, reserved: ReservedIp): Action {
	if (reserved.dropletId === null)
		throw unprocessable("The reserved IP is not assigned to a Droplet.");
	return start(context, reserved, "unassign_ip", () =>
		context.queues.run(`droplet ${reserved.dropletId}`, async () => {
			await context.machines.unassignAddress(reserved.ip);
			reserved.dropletId = null;
		}),
	);
}

function start(
	context: Context,
	reserved: ReservedIp,
	type: string,
	work: () => Promise<void>,
): Action {
	reserved.locked = true;
	const unlock = () => {
		reserved.locked = false;
	};
	return startAction(
		context,
		{
			type,
			resourceId: numberOf(reserved),
			resourceType: "reserved_ip",
			regionSlug: reserved.regionSlug,
			projectId: reserved.projectId,
		},
		async () => {
			await work();
			unlock();
		},
		unlock,
	);
}
