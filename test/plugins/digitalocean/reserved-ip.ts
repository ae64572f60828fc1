import type {
	ReservedIpArgs,
	ReservedIpAssignmentArgs,
} from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { type Action, actionCompleted, dropletIdle } from "./actions";
import { ApiError, during } from "./api";
import { api } from "./client";
import { uniqueId } from "./ids";

type Args = Unwrap<ReservedIpArgs>;
type AssignmentArgs = Unwrap<ReservedIpAssignmentArgs>;

interface ReservedIp {
	ip: string;
	region: { slug: string };
	droplet: { id: number; region: { slug: string } } | null;
}

async function assign(
	ip: string,
	dropletId: number,
	signal: AbortSignal,
): Promise<void> {
	await during(
		`Error waiting for droplet (${dropletId}) to be ready for reserved IP assign`,
		dropletIdle(dropletId, signal),
	);
	const { action } = await during(
		`Error Assigning reserved IP (${ip}) to the droplet`,
		api().request<{ action: Action }>(
			"POST",
			`/v2/reserved_ips/${ip}/actions`,
			{ type: "assign", droplet_id: dropletId },
		),
	);
	await during(
		`Error waiting for reserved IP (${ip}) to be Assigned`,
		actionCompleted(`/v2/reserved_ips/${ip}/actions/${action.id}`, signal),
	);
}

async function unassign(ip: string, signal: AbortSignal): Promise<void> {
	const { action } = await during(
		`Error unassigning reserved IP (${ip})`,
		api().request<{ action: Action }>(
			"POST",
			`/v2/reserved_ips/${ip}/actions`,
			{ type: "unassign" },
		),
	);
	await during(
		`Error waiting for reserved IP (${ip}) to be Unassigned`,
		actionCompleted(`/v2/reserved_ips/${ip}/actions/${action.id}`, signal),
	);
}

function find(ip: string): Promise<{ reserved_ip: ReservedIp } | undefined> {
	return during(
		"Error retrieving reserved IP",
		api().find(`/v2/reserved_ips/${ip}`),
	);
}

/** @param withDroplet whether the resource says anything about a Droplet */
function outputs(found: ReservedIp, withDroplet: boolean) {
	const droplet = withDroplet ? found.droplet : null;
	return {
		ipAddress: found.ip,
		region: droplet?.region.slug ?? found.region.slug,
		reservedIpUrn: `do:reservedip:${found.ip}`,
		dropletId: droplet?.id,
	};
}

type State = ReturnType<typeof outputs>;

async function get(ip: string, withDroplet: boolean): Promise<State> {
	const found = await find(ip);
	if (found === undefined) {
		throw new Error(`Error retrieving reserved IP: ${ip} is gone`);
	}
	return outputs(found.reserved_ip, withDroplet);
}

/** `digitalocean:index/reservedIp:ReservedIp` */
export const reservedIp = typed<Args, State>({
	async create(args, { signal }) {
		const { reserved_ip: created } = await during(
			"Error creating reserved IP",
			api().request<{ reserved_ip: ReservedIp }>("POST", "/v2/reserved_ips", {
				region: args.region,
			}),
		);
		if (args.dropletId) {
			await assign(created.ip, args.dropletId, signal);
		}
		return {
			id: created.ip,
			outputs: await get(created.ip, args.dropletId !== undefined),
		};
	},
	async read(id, state) {
		const found = await find(id);
		// An import takes the Droplet over; later it counts only if it was set.
		const withDroplet =
			state.ipAddress === undefined || state.dropletId !== undefined;
		return found && { id, outputs: outputs(found.reserved_ip, withDroplet) };
	},
	async update(id, olds, news, { signal }) {
		if (news.dropletId !== olds.dropletId) {
			await (news.dropletId
				? assign(id, news.dropletId, signal)
				: unassign(id, signal));
		}
		return get(id, news.dropletId !== undefined);
	},
	async delete(id, state, { signal }) {
		if (state.dropletId) {
			try {
				await unassign(id, signal);
			} catch (error) {
				const answer = error instanceof Error ? error.cause : undefined;
				if (!(answer instanceof ApiError && answer.status === 422)) {
					throw error;
				}
				// 422: not assigned any more, which is what was wanted.
			}
		}
		await during(
			"Error deleting reserved IP",
			api().request("DELETE", `/v2/reserved_ips/${id}`),
		);
	},
});

interface Assignment {
	ipAddress: string;
	dropletId: number;
}

/** `digitalocean:index/reservedIpAssignment:ReservedIpAssignment` */
export const reservedIpAssignment = typed<AssignmentArgs, Assignment>({
	replaces: () => true,
	async create(args, { signal }) {
		await assign(args.ipAddress, args.dropletId, signal);
		return {
			id: uniqueId(`${args.dropletId}-${args.ipAddress}-`),
			outputs: { ipAddress: args.ipAddress, dropletId: args.dropletId },
		};
	},
	async read(id, state) {
		const [ip, droplet] =
			state.ipAddress === undefined ? id.split(",") : [state.ipAddress];
		const dropletId = state.dropletId ?? Number(droplet);
		if (ip === undefined || !Number.isInteger(dropletId)) {
			throw new Error(
				"must use the reserved IP and the ID of the Droplet joined with a comma (e.g. `ip_address,droplet_id`)",
			);
		}
		const found = await find(ip);
		if (found?.reserved_ip.droplet?.id !== dropletId) {
			return undefined;
		}
		return {
			id: id.includes(",") ? uniqueId(`${dropletId}-${ip}-`) : id,
			outputs: { ipAddress: ip, dropletId },
		};
	},
	async delete(_id, state, { signal }) {
		const found = await find(state.ipAddress);
		if (found?.reserved_ip.droplet?.id === state.dropletId) {
			await unassign(state.ipAddress, signal);
		}
	},
});
