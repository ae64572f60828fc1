import { z } from "zod";
import {
	type Cidr,
	contains,
	formatCidr,
	overlaps,
	parseCidr,
} from "../addresses";
import type { Context } from "../context";
import type { State, Vpc } from "../state";
import { findRegion } from "./catalog";
import { forbidden, notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/vpcs/{vpc_id}";
const name = z
	.string()
	.regex(
		/^[a-zA-Z0-9\-.]+$/,
		"may only contain alphanumeric characters, dashes, and periods",
	);
const description = z.string().max(255);

export function vpcRoutes(context: Context): Route[] {
	const { state, machines } = context;
	const update = (
		call: Call<{ name?: string; description?: string; default?: boolean }>,
	) => {
		const vpc = find(state, call.params.vpc_id);
		if (call.body.name) {
			if (call.body.name !== vpc.name) refuseTakenName(state, call.body.name);
			vpc.name = call.body.name;
		}
		vpc.description = call.body.description ?? vpc.description;
		if (call.body.default) {
			for (const other of state.vpcs.values())
				if (other.regionSlug === vpc.regionSlug) other.isDefault = false;
			vpc.isDefault = true;
		}
		return { vpc: view(vpc) };
	};
	return [
		route({
			method: "GET",
			path: "/v2/vpcs",
			status: 200,
			answer: shape.list("vpcs", shape.vpc),
			handle: (call) => paginate(call, "vpcs", state.vpcs.values(), view),
		}),
		route({
			method: "POST",
			path: "/v2/vpcs",
			status: 201,
			request: z.object({
				name,
				region: z.string(),
				description: description.optional(),
				ip_range: z.string().optional(),
			}),
			answer: shape.one("vpc", shape.vpc),
			handle: async ({ body }) => {
				refuseTakenName(state, body.name);
				await ensureDefaultVpc(context, body.region);
				const vpc = await createVpc(context, {
					name: body.name,
					description: body.description ?? "",
					regionSlug: body.region,
					ipRange: body.ip_range
						? checkRange(state, body.ip_range)
						: freeRange(state),
					isDefault: false,
				});
				return { vpc: view(vpc) };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("vpc", shape.vpc),
			handle: (call) => ({ vpc: view(find(state, call.params.vpc_id)) }),
		}),
		route({
			method: "PUT",
			path: item,
			status: 200,
			request: z.object({
				name,
				description: description.optional(),
				default: z.boolean().optional(),
			}),
			answer: shape.one("vpc", shape.vpc),
			handle: update,
		}),
		route({
			method: "PATCH",
			path: item,
			status: 200,
			request: z.object({
				name: name.optional(),
				description: description.optional(),
				default: z.boolean().optional(),
			}),
			answer: shape.one("vpc", shape.vpc),
			handle: update,
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: async (call) => {
				const vpc = find(state, call.params.vpc_id);
				if (vpc.isDefault) throw forbidden("Can not delete default VPCs");
				if (members(state, vpc.id).length > 0)
					throw forbidden("Can not delete VPC with members");
				await machines.deleteVpc(vpc.id);
				state.vpcs.delete(vpc.id);
			},
		}),
		route({
			method: "GET",
			path: `${item}/members`,
			status: 200,
			answer: shape.list("members", shape.vpcMember),
			handle: (call) => {
				const vpc = find(state, call.params.vpc_id);
				const kind = call.query.get("resource_type");
				return paginate(
					call,
					"members",
					members(state, vpc.id).filter(
						({ urn }) => !kind || urn.startsWith(`do:${kind}:`),
					),
					(member) => member,
				);
			},
		}),
	];
}

/**
 * The VPC that a resource of this region joins: the one asked for, or the
 * region's default, which comes into being with the region's first resource.
 */
export async function vpcFor(
	context: Context,
	regionSlug: string,
	vpcId: string | undefined,
): Promise<Vpc> {
	if (!vpcId) return ensureDefaultVpc(context, regionSlug);
	const vpc = context.state.vpcs.get(vpcId);
	if (!vpc) throw unprocessable("VPC not found");
	if (vpc.regionSlug !== regionSlug)
		throw unprocessable("VPC is not in the same region as the resource");
	return vpc;
}

const defaults = new WeakMap<State, Map<string, Promise<Vpc>>>();

async function ensureDefaultVpc(
	context: Context,
	regionSlug: string,
): Promise<Vpc> {
	const { state } = context;
	if (!findRegion(regionSlug)) throw unprocessable("Region is not available");
	for (const vpc of state.vpcs.values())
		if (vpc.regionSlug === regionSlug && vpc.isDefault) return vpc;
	// Two first resources at once must share the one VPC.
	const pending = defaults.get(state) ?? new Map<string, Promise<Vpc>>();
	defaults.set(state, pending);
	let creation = pending.get(regionSlug);
	if (!creation) {
		creation = createVpc(context, {
			name: `default-${regionSlug}`,
			description: "",
			regionSlug,
			ipRange: freeRange(state),
			isDefault: true,
		}).finally(() => pending.delete(regionSlug));
		pending.set(regionSlug, creation);
	}
	return creation;
}

async function createVpc(
	{ state, machines, clock, ids }: Context,
	fields: Omit<Vpc, "id" | "createdAt">,
): Promise<Vpc> {
	const vpc: Vpc = { ...fields, id: ids.uuid(), createdAt: clock.timestamp() };
	// Recorded before the network exists, so that no other request takes its range.
	state.vpcs.set(vpc.id, vpc);
	try {
		await machines.createVpc({ id: vpc.id, ipRange: vpc.ipRange });
	} catch (error) {
		state.vpcs.delete(vpc.id);
		throw error;
	}
	return vpc;
}

function refuseTakenName(state: State, name: string): void {
	for (const vpc of state.vpcs.values())
		if (vpc.name === name)
			throw unprocessable("Name has already been taken by another VPC");
}

const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(
	(range) => parseCidr(range) as Cidr,
);

/** Limits: https://docs.digitalocean.com/products/networking/vpc/details/limits/ */
function checkRange(state: State, text: string): string {
	const range = parseCidr(text);
	if (!range || !text.includes("/"))
		throw unprocessable("IP range is not a valid CIDR block");
	if (range.bits < 16 || range.bits > 28)
		throw unprocessable("IP range size must be between /16 and /28");
	if (!privateRanges.some((block) => contains(block, range)))
		throw unprocessable("IP range must be within the private address space");
	if (isTaken(state, range))
		throw unprocessable(
			"This range/size overlaps with another VPC network in your account",
		);
	return formatCidr(range);
}

function isTaken(state: State, range: Cidr): boolean {
	return [...state.vpcs.values()].some((vpc) => {
		const other = parseCidr(vpc.ipRange);
		return other && overlaps(other, range);
	});
}

/** The first free /20 from 10.108.0.0 on, where DigitalOcean's automatic ranges lie. */
function freeRange(state: State): string {
	for (let block = 0; block < 16 * 140; block += 1) {
		const range = parseCidr(
			`10.${108 + Math.floor(block / 16)}.${(block % 16) * 16}.0/20`,
		) as Cidr;
		if (!isTaken(state, range)) return formatCidr(range);
	}
	throw unprocessable("No free IP range is left");
}

function find(state: State, id = ""): Vpc {
	const vpc = state.vpcs.get(id);
	if (!vpc) throw notFound();
	return vpc;
}

function members(state: State, vpcId: string) {
	return [
		...[...state.droplets.values()].map((droplet) => ({
			...droplet,
			urn: `do:droplet:${droplet.id}`,
		})),
		...[...state.databases.values()].map((cluster) => ({
			...cluster,
			urn: `do:dbaas:${cluster.id}`,
		})),
	]
		.filter((member) => member.vpcId === vpcId)
		.map(({ urn, name, createdAt }) => ({ urn, name, created_at: createdAt }));
}

const view = (vpc: Vpc) => ({
	id: vpc.id,
	urn: `do:vpc:${vpc.id}`,
	name: vpc.name,
	description: vpc.description,
	region: vpc.regionSlug,
	ip_range: vpc.ipRange,
	default: vpc.isDefault,
	created_at: vpc.createdAt,
});
