import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { mistake } from "../mistake";
import { connection } from "../remote";
import type { Swarm } from "../swarm";

/**
 * An image by the digest that its tag has now, pulled by the manager. The
 * official Docker provider notes the digest of a tag when it makes a service
 * and sees a difference to the plain tag at every later `up`; and a machine
 * that joins later must run what the others run. A missing image fails here,
 * before any service is touched.
 *
 * @param image name and tag; with a digest it is taken as it is.
 * @returns "name:tag@sha256:…"; unknown at preview until it was pulled.
 */
export function pinnedImage(
	name: string,
	image: string,
	swarm: Swarm,
	parent: pulumi.Resource,
): pulumi.Input<string> {
	if (image.includes("@")) return image;
	const pulled = new remote.Command(
		name,
		{
			connection: connection(swarm.server.manager.ssh),
			create: `docker pull -q ${image} >/dev/null && docker image inspect --format '{{join .RepoDigests "\\n"}}' ${image}`,
			addPreviousOutputInEnv: false,
		},
		{
			parent,
			...swarm.inside,
			provider: undefined,
		},
	);
	return pulled.stdout.apply((digests) => withDigest(image, digests));
}

/**
 * @param digests what the engine knows of the image, "name@sha256:…" a line.
 * @throws Error when none of them is of this repository.
 */
export function withDigest(image: string, digests: string): string {
	const repository = image.replace(/:[^:/]*$/, "");
	const found = digests
		.split("\n")
		.find((line) => line.startsWith(`${repository}@sha256:`));
	if (!found) {
		throw mistake(
			`expected a digest of ${image}\n   found ${digests || "none"}\n   to do push the image to a registry that the Droplets can reach`,
		);
	}
	return `${image}@${found.slice(repository.length + 1)}`;
}
