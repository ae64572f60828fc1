import type { TagArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";

type Args = Unwrap<TagArgs>;
type Count = { count?: number } | undefined;

interface Tag {
	name: string;
	resources?: {
		count?: number;
		droplets?: Count;
		images?: Count;
		volumes?: Count;
		volume_snapshots?: Count;
		databases?: Count;
	};
}

function outputs({ name, resources }: Tag) {
	return {
		name,
		totalResourceCount: resources?.count ?? 0,
		dropletsCount: resources?.droplets?.count ?? 0,
		imagesCount: resources?.images?.count ?? 0,
		volumesCount: resources?.volumes?.count ?? 0,
		volumeSnapshotsCount: resources?.volume_snapshots?.count ?? 0,
		databasesCount: resources?.databases?.count ?? 0,
	};
}

type State = ReturnType<typeof outputs>;

/** A tag with the numbers of what carries it, or undefined where there is none. */
export async function readTag(name: string): Promise<State | undefined> {
	const found = await during(
		"Error retrieving tag",
		api().find<{ tag: Tag }>(`/v2/tags/${name}`),
	);
	return found && outputs(found.tag);
}

/** `digitalocean:index/tag:Tag` */
export const tag = typed<Args, State>({
	replaces: () => true,
	async create(args) {
		const { tag } = await during(
			"Error creating tag",
			api().request<{ tag: Tag }>("POST", "/v2/tags", { name: args.name }),
		);
		return { id: tag.name, outputs: (await readTag(tag.name)) ?? outputs(tag) };
	},
	async read(id) {
		const state = await readTag(id);
		return state && { id: state.name, outputs: state };
	},
	async delete(id) {
		await during(
			"Error deleting tag",
			api().request("DELETE", `/v2/tags/${id}`),
		);
	},
});
