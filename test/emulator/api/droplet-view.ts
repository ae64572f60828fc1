import { formatAddress, netmask, parseCidr } from "../addresses";
import type { Context } from "../context";
import type { Droplet } from "../state";
import { findSize, imageView, regionView, sizeView } from "./catalog";

/** A Droplet as the API shows it. */
export function dropletView({ state, machines }: Context, droplet: Droplet) {
	const size = findSize(droplet.sizeSlug);
	return {
		id: droplet.id,
		name: droplet.name,
		memory: size?.memory,
		vcpus: size?.vcpus,
		disk: size?.disk,
		locked: droplet.locked,
		status: droplet.status,
		kernel: null,
		created_at: droplet.createdAt,
		features: droplet.features,
		backup_ids: [],
		next_backup_window: null,
		snapshot_ids: [],
		image: imageView(droplet.imageSlug),
		volume_ids: [],
		size: sizeView(droplet.sizeSlug),
		size_slug: droplet.sizeSlug,
		networks: {
			v4: [
				...networkView(
					droplet.privateIp,
					state.vpcs.get(droplet.vpcId)?.ipRange,
					"private",
				),
				...networkView(droplet.publicIp, machines.network.subnet, "public"),
			],
			v6: [],
		},
		region: regionView(droplet.regionSlug),
		tags: [...droplet.tags],
		vpc_uuid: droplet.vpcId,
	};
}

function networkView(
	ip: string | null,
	range: string | undefined,
	type: "public" | "private",
) {
	const cidr = parseCidr(range ?? "");
	if (!ip || !cidr) return [];
	return [
		{
			ip_address: ip,
			netmask: netmask(cidr),
			gateway: formatAddress(cidr.first + 1),
			type,
		},
	];
}
