import type { VolumeArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { engine } from "./client";
import { labelList, labelMap } from "./labels";

type Args = Unwrap<VolumeArgs>;

interface Volume {
	Name: string;
	Driver: string;
	Mountpoint: string;
	Labels: Record<string, string> | null;
	Options: Record<string, string> | null;
}

function outputs(volume: Volume) {
	return {
		name: volume.Name,
		driver: volume.Driver,
		mountpoint: volume.Mountpoint,
		labels: labelList(volume.Labels),
		driverOpts: volume.Options ?? undefined,
	};
}

type State = ReturnType<typeof outputs>;

/** `docker:index/volume:Volume`, without cluster volumes. */
export const volume = typed<Args, State>({
	sets: ["labels"],
	replaces: () => true,
	check: (args) =>
		args.cluster === undefined
			? []
			: [
					{
						property: "cluster",
						reason: "cluster volumes are not part of this stand-in",
					},
				],
	async create(args) {
		const created = await engine().post<Volume>("/volumes/create", {
			Name: args.name,
			Driver: args.driver ?? "local",
			DriverOpts: args.driverOpts ?? {},
			Labels: labelMap(args.labels),
		});
		return { id: created.Name, outputs: outputs(created) };
	},
	async read(id) {
		const found = await engine().find<Volume>(`/volumes/${id}`);
		return found && { id: found.Name, outputs: outputs(found) };
	},
	async delete(id) {
		await engine().delete(`/volumes/${id}`);
	},
});
