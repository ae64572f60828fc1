import type { RemoteImageArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { engine } from "./client";

type Args = Unwrap<RemoteImageArgs>;

interface Image {
	Id: string;
	RepoDigests: string[] | null;
}

function outputs(
	image: Image,
	args: Pick<
		Args,
		"name" | "keepLocally" | "forceRemove" | "pullTriggers" | "triggers"
	>,
) {
	return {
		name: args.name,
		imageId: image.Id,
		repoDigest: image.RepoDigests?.[0] ?? "",
		keepLocally: args.keepLocally,
		forceRemove: args.forceRemove,
		pullTriggers: args.pullTriggers,
		triggers: args.triggers,
	};
}

type State = ReturnType<typeof outputs>;

const path = (name: string) => `/images/${encodeURIComponent(name)}`;

async function inspect(name: string): Promise<Image> {
	return engine().get<Image>(`${path(name)}/json`);
}

/** Pulls an image, the tag `latest` where none is named, and waits for it. */
async function pull(name: string): Promise<Image> {
	const tagged = /[:@]/.test(name.slice(name.lastIndexOf("/") + 1))
		? name
		: `${name}:latest`;
	const last = await engine().post<{ error?: string }>(
		`/images/create?fromImage=${encodeURIComponent(tagged)}`,
	);
	if (last?.error) {
		throw new Error(`Unable to read Docker image into resource: ${last.error}`);
	}
	return inspect(name);
}

/** `docker:index/remoteImage:RemoteImage`, without building. */
export const remoteImage = typed<Args, State>({
	sets: ["pullTriggers"],
	check: (args) =>
		args.build === undefined
			? []
			: [
					{
						property: "build",
						reason: "building images is not part of this stand-in",
					},
				],
	async create(args) {
		const image = await pull(args.name);
		return { id: image.Id + args.name, outputs: outputs(image, args) };
	},
	async read(id, state) {
		const name = state.name ?? id.replace(/^sha256:[0-9a-f]{64}/, "");
		const image = await engine().find<Image>(`${path(name)}/json`);
		return (
			image && {
				id: image.Id + name,
				outputs: outputs(image, { ...state, name }),
			}
		);
	},
	async update(_id, _olds, news) {
		return outputs(await pull(news.name), news);
	},
	async delete(_id, state) {
		if (!state.keepLocally) {
			await engine().delete(
				`${path(state.name)}?force=${state.forceRemove ?? false}`,
			);
		}
	},
});
