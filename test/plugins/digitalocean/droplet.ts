import { createHash } from "node:crypto";
import type { DropletArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { until } from "../base/poll";
import { InitializationFailed } from "../base/resource";
import { typed } from "../base/typed";
import { type Action, actionCompleted } from "./actions";
import { during, isNotFound } from "./api";
import { api } from "./client";
import { setTags } from "./tags";

type Args = Unwrap<DropletArgs>;

interface Address {
	ip_address: string;
	type: string;
}

export interface Droplet {
	id: number;
	name: string;
	status: string;
	locked: boolean;
	created_at: string;
	memory: number;
	vcpus: number;
	disk: number;
	region: { slug: string };
	image: { id: number; slug?: string | null };
	size: { slug: string; price_hourly: number; price_monthly: number };
	features?: string[];
	networks: { v4?: Address[]; v6?: Address[] };
	volume_ids?: string[];
	tags?: string[] | null;
	vpc_uuid: string;
}

/** Longest waits, by the official provider. */
const CREATE_SECONDS = 3_600;
const DELETE_SECONDS = 60;

function addressOf(addresses: Address[] | undefined, type: string): string {
	return addresses?.find((one) => one.type === type)?.ip_address ?? "";
}

/** What the API says of a Droplet, under the names that resource and function share. */
export function describeDroplet(droplet: Droplet) {
	const features = droplet.features ?? [];
	const publicAddress = addressOf(droplet.networks.v4, "public");
	return {
		name: droplet.name,
		dropletUrn: `do:droplet:${droplet.id}`,
		region: droplet.region.slug,
		size: droplet.size.slug,
		priceHourly: droplet.size.price_hourly,
		priceMonthly: droplet.size.price_monthly,
		disk: droplet.disk,
		vcpus: droplet.vcpus,
		memory: droplet.memory,
		status: droplet.status,
		locked: droplet.locked,
		createdAt: droplet.created_at,
		vpcUuid: droplet.vpc_uuid,
		ipv4Address: publicAddress,
		ipv4AddressPrivate: addressOf(droplet.networks.v4, "private"),
		ipv6Address: addressOf(droplet.networks.v6, "public").toLowerCase(),
		publicNetworking: publicAddress !== "",
		backups: features.includes("backups"),
		ipv6: features.includes("ipv6"),
		privateNetworking: features.includes("private_networking"),
		monitoring: features.includes("monitoring"),
		volumeIds: droplet.volume_ids ?? [],
		tags: droplet.tags ?? undefined,
	};
}

type State = ReturnType<typeof describeDroplet> &
	Pick<
		Args,
		"image" | "sshKeys" | "dropletAgent" | "gracefulShutdown" | "resizeDisk"
	> & { userData: string | undefined };

/** What the API does not tell again is kept from the inputs. */
function outputs(droplet: Droplet, args: Args): State {
	return {
		...describeDroplet(droplet),
		image: args.image,
		sshKeys: args.sshKeys,
		dropletAgent: args.dropletAgent,
		gracefulShutdown: args.gracefulShutdown ?? false,
		resizeDisk: args.resizeDisk ?? true,
		userData: hashed(args.userData),
	};
}

/** The state keeps a digest of the user data, as the official provider's does. */
function hashed(text: string | undefined): string | undefined {
	return text === undefined
		? undefined
		: createHash("sha1").update(text).digest("hex");
}

function createRequest(args: Args) {
	const image = String(args.image);
	return {
		name: args.name,
		...(args.region ? { region: args.region } : {}),
		size: args.size,
		image: /^\d+$/.test(image) ? Number(image) : image,
		ssh_keys: (args.sshKeys ?? []).map((key) =>
			/^\d+$/.test(key) ? Number(key) : key,
		),
		backups: args.backups ?? false,
		ipv6: args.ipv6 ?? false,
		monitoring: args.monitoring ?? false,
		tags: args.tags ?? [],
		...(args.backupPolicy ? { backup_policy: args.backupPolicy } : {}),
		...(args.publicNetworking === false ? { public_networking: false } : {}),
		...(args.userData ? { user_data: args.userData } : {}),
		...(args.volumeIds ? { volumes: args.volumeIds } : {}),
		...(args.vpcUuid ? { vpc_uuid: args.vpcUuid } : {}),
		...(args.dropletAgent === undefined
			? {}
			: { with_droplet_agent: args.dropletAgent }),
	};
}

async function get(id: string): Promise<Droplet> {
	const { droplet } = await api().get<{ droplet: Droplet }>(
		`/v2/droplets/${id}`,
	);
	return droplet;
}

/** Waits until an unlocked Droplet is as `reached` wants it. */
async function settled(
	id: string,
	what: string,
	reached: (droplet: Droplet) => boolean,
	options: { seconds: number; signal: AbortSignal },
): Promise<Droplet> {
	return until(
		async () => {
			const answer = await api().find<{ droplet: Droplet }>(
				`/v2/droplets/${id}`,
			);
			const droplet = answer?.droplet;
			return droplet && !droplet.locked && reached(droplet)
				? droplet
				: undefined;
		},
		{ what: () => `droplet ${id} to ${what}`, ...options },
	);
}

async function act(
	id: string,
	body: Record<string, unknown>,
	signal: AbortSignal,
): Promise<void> {
	const { action } = await api().request<{ action: Action }>(
		"POST",
		`/v2/droplets/${id}/actions`,
		body,
	);
	await actionCompleted(`/v2/actions/${action.id}`, signal);
}

/** Off, resize, on: a size changes with downtime. */
async function resize(
	id: string,
	size: string,
	resizeDisk: boolean,
	signal: AbortSignal,
): Promise<void> {
	await during(
		`Error powering off droplet (${id})`,
		act(id, { type: "power_off" }, signal),
	);
	try {
		await during(
			`Error resizing droplet (${id})`,
			act(id, { type: "resize", size, disk: resizeDisk }, signal),
		);
	} finally {
		await during(
			`Error powering on droplet (${id}) after resize`,
			act(id, { type: "power_on" }, signal),
		);
	}
}

/** `digitalocean:index/droplet:Droplet` */
export const droplet = typed<Args, State>({
	sets: ["sshKeys", "tags", "volumeIds"],
	writeOnly: ["image", "userData", "sshKeys", "gracefulShutdown", "resizeDisk"],
	defaults: () => ({ resizeDisk: true }),
	async create(args, { signal, timeout }) {
		const { droplet } = await during(
			"Error creating droplet",
			api().request<{ droplet: Droplet }>(
				"POST",
				"/v2/droplets",
				createRequest(args),
			),
		);
		const id = String(droplet.id);
		try {
			const active = await settled(
				id,
				"become active",
				({ status }) => status === "active",
				{ seconds: timeout || CREATE_SECONDS, signal },
			);
			return { id, outputs: outputs(active, args) };
		} catch (error) {
			// It exists and costs: the state must know it, or a destroy forgets it.
			throw new InitializationFailed(
				id,
				{ ...outputs(droplet, args) } as never,
				`Error waiting for droplet (${id}) to become ready: ${error instanceof Error ? error.message : error}`,
			);
		}
	},
	async read(id, state) {
		const found = await during(
			"Error retrieving droplet",
			api().find<{ droplet: Droplet }>(`/v2/droplets/${id}`),
		);
		if (found === undefined) {
			return undefined;
		}
		const { image } = found.droplet;
		return {
			id,
			outputs: {
				...describeDroplet(found.droplet),
				image: state.image ?? (image.slug || String(image.id)),
				sshKeys: state.sshKeys,
				dropletAgent: state.dropletAgent,
				gracefulShutdown: state.gracefulShutdown ?? false,
				resizeDisk: state.resizeDisk ?? true,
				userData: state.userData,
			},
		};
	},
	async update(id, olds, news, { signal, timeout }) {
		const options = { seconds: timeout || CREATE_SECONDS, signal };
		if (news.size !== olds.size) {
			await resize(id, news.size, news.resizeDisk ?? true, signal);
		}
		if (news.name && news.name !== olds.name) {
			await during(
				`Error renaming droplet (${id})`,
				act(id, { type: "rename", name: news.name }, signal),
			);
			await settled(
				id,
				`have the name ${news.name}`,
				({ name }) => name === news.name,
				options,
			);
		}
		if ((news.backups ?? false) !== olds.backups) {
			const type = news.backups ? "enable_backups" : "disable_backups";
			await during(
				`Error changing backups on droplet (${id})`,
				act(id, { type }, signal),
			);
		}
		if (news.ipv6 && !olds.ipv6) {
			await during(
				`Error turning on ipv6 for droplet (${id})`,
				act(id, { type: "enable_ipv6" }, signal),
			);
		}
		await during(
			"Error updating tags",
			setTags("droplet", id, olds.tags ?? [], news.tags ?? []),
		);
		return outputs(await during("Error retrieving droplet", get(id)), news);
	},
	async delete(id, state, { signal, timeout }) {
		const options = { seconds: timeout || DELETE_SECONDS, signal };
		const gone = async () =>
			(await api().find(`/v2/droplets/${id}`)) === undefined;
		if (await gone()) {
			return;
		}
		await settled(id, "be unlocked for destroy", () => true, options);
		if (state.gracefulShutdown) {
			await during(
				`Error shutting down the droplet (${id})`,
				act(id, { type: "shutdown" }, signal),
			);
		}
		await during(
			"Error deleting droplet",
			api()
				.request("DELETE", `/v2/droplets/${id}`)
				.catch((error) => {
					if (!isNotFound(error)) {
						throw error;
					}
				}),
		);
		await until(async () => ((await gone()) ? true : undefined), {
			what: () => `droplet ${id} to be destroyed`,
			...options,
		});
	},
});
