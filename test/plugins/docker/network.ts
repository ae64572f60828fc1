import type { NetworkArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import { until } from "../base/poll";
import { typed } from "../base/typed";
import { engine } from "./client";
import { EngineError } from "./engine";
import { labelList, labelMap } from "./labels";

type Args = Unwrap<NetworkArgs>;

interface IpamConfig {
	Subnet?: string;
	IPRange?: string;
	Gateway?: string;
	AuxiliaryAddresses?: Record<string, string>;
}

interface Network {
	Id: string;
	Name: string;
	Driver: string;
	Scope: string;
	Internal: boolean;
	Attachable: boolean;
	Ingress: boolean;
	EnableIPv6: boolean;
	Labels: Record<string, string> | null;
	Options: Record<string, string> | null;
	IPAM: {
		Driver: string;
		Options: Record<string, string> | null;
		Config: IpamConfig[] | null;
	};
}

/** Longest wait for a new network to tell all of itself, by the official provider. */
const READ_SECONDS = 30;
/** Longest wait for the last container to leave, by the official provider. */
const REMOVE_SECONDS = 30;

function outputs(network: Network) {
	return {
		name: network.Name,
		driver: network.Driver,
		scope: network.Scope,
		internal: network.Internal,
		attachable: network.Attachable,
		ingress: network.Ingress,
		ipv6: network.EnableIPv6,
		labels: labelList(network.Labels),
		options: network.Options ?? {},
		ipamDriver: network.IPAM.Driver,
		ipamOptions: network.IPAM.Options ?? undefined,
		ipamConfigs: (network.IPAM.Config ?? []).map((config) => ({
			...(config.Subnet ? { subnet: config.Subnet } : {}),
			...(config.IPRange ? { ipRange: config.IPRange } : {}),
			...(config.Gateway ? { gateway: config.Gateway } : {}),
			...(config.AuxiliaryAddresses
				? { auxAddress: config.AuxiliaryAddresses }
				: {}),
		})),
	};
}

type State = ReturnType<typeof outputs>;

function createRequest(args: Args) {
	const configs = args.ipamConfigs?.map((config) => ({
		Subnet: config.subnet ?? "",
		IPRange: config.ipRange ?? "",
		Gateway: config.gateway ?? "",
		AuxiliaryAddresses: config.auxAddress ?? {},
	}));
	return {
		Name: args.name,
		CheckDuplicate: true,
		Driver: args.driver ?? "bridge",
		Internal: args.internal ?? false,
		Attachable: args.attachable ?? false,
		Ingress: args.ingress ?? false,
		EnableIPv6: args.ipv6 ?? false,
		Labels: labelMap(args.labels),
		Options: args.options ?? {},
		IPAM: {
			Driver: args.ipamDriver ?? "default",
			Options: args.ipamOptions ?? {},
			Config: configs ?? [],
		},
	};
}

/** `docker:index/network:Network` */
export const network = typed<Args, State>({
	sets: ["labels", "ipamConfigs"],
	replaces: () => true,
	defaults: () => ({ ipamDriver: "default" }),
	async create(args, { signal }) {
		let id: string;
		try {
			const created = await engine().post<{ Id: string }>(
				"/networks/create",
				createRequest(args),
			);
			id = created.Id;
		} catch (error) {
			throw new Error(
				`Unable to create network: ${error instanceof Error ? error.message : error}`,
			);
		}
		return { id, outputs: outputs(await complete(id, signal)) };
	},
	async read(id) {
		const found = await engine().find<Network>(`/networks/${id}`);
		return found && { id: found.Id, outputs: outputs(found) };
	},
	async delete(id, _state, { signal }) {
		await until(
			async () => {
				if ((await engine().find(`/networks/${id}`)) === undefined) {
					return true;
				}
				try {
					await engine().delete(`/networks/${id}`);
				} catch (error) {
					if (!isInUse(error)) {
						throw error;
					}
				}
				return undefined;
			},
			{
				what: () => `network ${id} to be without endpoints`,
				seconds: REMOVE_SECONDS,
				signal,
			},
		);
	},
});

/** A Swarm network tells its driver and addresses a moment after it was made. */
function complete(id: string, signal: AbortSignal): Promise<Network> {
	return until(
		async () => {
			const found = await engine().get<Network>(`/networks/${id}`);
			return found.Driver && found.IPAM.Driver && hasOptions(found)
				? found
				: undefined;
		},
		{
			what: () => `network ${id} to expose all fields`,
			seconds: READ_SECONDS,
			signal,
		},
	);
}

/** Those of an overlay network hold the VXLAN id that the Swarm gives it. */
function hasOptions({ Driver, Options }: Network): boolean {
	return Driver !== "overlay" || Object.keys(Options ?? {}).length > 0;
}

/** Tasks leave their network a moment after their service is gone. */
function isInUse(error: unknown): boolean {
	return (
		error instanceof EngineError &&
		(/has active endpoints|is in use by/.test(error.message) ||
			error.status === 404)
	);
}
